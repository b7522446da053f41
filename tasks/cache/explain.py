"""Say why a step was not cached: what differs from the nearest key that it had before."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from tasks.cache.key import KeyParts
from tasks.common.canonical_json import changed_items, group_fields
from tasks.common.records import read_record

_NEWEST = 200


def explain_miss(parts: KeyParts, earlier: Iterable[Path]) -> list[str]:
    """Return what differs between a key that missed and the nearest earlier one, a line a part.

    `earlier` are the files of the keys that the step had before. Nearest is the key with the fewest
    changes, then the newest.
    """
    changes = [diff_parts(other, parts) for other in _newest(earlier)]
    return min(changes, key=len) if changes else ["there is no earlier result of this step"]


def diff_parts(before: KeyParts, after: KeyParts) -> list[str]:
    """Return one line per part that differs, as a person would say it."""
    lines = []
    for name, old, new in changed_items(group_fields(before.config), group_fields(after.config)):
        lines.append(f"{name} {_shown(old)} → {_shown(new)}")
    for name, _, _ in changed_items(before.inputs, after.inputs):
        lines.append(f"input {name} changed")
    modules: dict[str, list[str]] = {}
    for name, _, _ in changed_items(before.source, after.source):
        module, _, definition = name.rpartition(".")
        modules.setdefault(module.removeprefix("tasks.").replace(".", "/"), []).append(definition)
    for module, definitions in modules.items():
        lines.append(f"{module}.py changed ({', '.join(definitions)})")
    for name, old, new in changed_items(before.libraries, after.libraries):
        lines.append(f"{name} {old or 'not used'} → {new or 'not used'}")
    for name, old, new in changed_items(before.environment, after.environment):
        lines.append(f"{name} {old or 'not set'} → {new or 'not set'}")
    if before.python != after.python:
        lines.append(f"Python {before.python} → {after.python}")
    return lines


def _newest(files: Iterable[Path]) -> Iterator[KeyParts]:
    """Yield the parts of the newest keys; a damaged file explains nothing and is passed over."""
    for path in sorted(files, key=_changed_at, reverse=True)[:_NEWEST]:
        parts = read_record(KeyParts, path)
        if parts is not None:
            yield parts


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # it was removed meanwhile
        return 0.0


def _shown(value: object) -> str:
    return "absent" if value is None else str(value)
