"""Say why a step is cached or computed: what differs from the nearest key that it had before."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Self

from tasks.cache.key import KeyParts
from tasks.common.artifact_store import ArtifactStore
from tasks.common.canonical_json import changed_items, group_fields
from tasks.common.records import read_record

NEVER_CACHED = "never from the cache"

REFRESHED = "a refresh was requested"

NO_EARLIER = "there is no earlier result of this step"

DAMAGED = "its earlier result is missing or damaged"

LEFT_NOTHING = "it was begun before, and left no result"

_NEWEST = 200

_SHOWN = 5


class Earlier(NamedTuple):
    """The names of the files that a step has in the store: keys that it began by, and results."""

    begun: set[str]
    left: set[str]

    @classmethod
    def of(cls, store: ArtifactStore, step: str) -> Self:
        """Return what the store has of a step now."""
        return cls(*(_names(kept / step) for kept in (store.keys, store.records)))


def why_cached(store: ArtifactStore, key: str | None) -> str:
    """Return why a step is cached, and which run computed it."""
    said = "every part of its key is as before"
    try:
        computed_by = store.cached(key or "").flow_run_id
    except LookupError:  # removed meanwhile
        computed_by = None
    if computed_by is None:
        return said
    return f"{said}; {store.run_of(computed_by)} computed it"


def why_computed(
    store: ArtifactStore,
    key: str | None,
    parts: KeyParts | None,
    earlier: Earlier,
    *,
    refresh: bool,
) -> str:
    """Return why a step is computed under `key`, which is made of `parts` where these are known."""
    if key is None:
        return NEVER_CACHED
    if refresh:
        return REFRESHED
    file = store.key_file(key)
    if file.name in earlier.begun:
        return DAMAGED if file.name in earlier.left else LEFT_NOTHING
    if parts is None:
        return "its key could not be kept"
    compared = [file.with_name(name) for name in earlier.begun & earlier.left]
    return few("; ", explain_miss(parts, compared))


def _names(folder: Path) -> set[str]:
    return {file.name for file in folder.glob("[!.]*.json")}


def explain_miss(parts: KeyParts, earlier: Iterable[Path]) -> list[str]:
    """Return what differs between a key that missed and the nearest earlier one, a line a part.

    `earlier` are the files of the keys that the step had before. Nearest is the key with the fewest
    changes, then the newest.
    """
    changes = [diff_parts(other, parts) for other in newest_parts(earlier)]
    return min(changes, key=len) if changes else [NO_EARLIER]


def diff_parts(before: KeyParts, after: KeyParts) -> list[str]:
    """Return one line per part that differs, as a person would say it; source, of much, last."""
    lines = []
    for name, old, new in changed_items(group_fields(before.config), group_fields(after.config)):
        lines.append(f"{name} {_shown(old)} → {_shown(new)}")
    for name, _, _ in changed_items(before.inputs, after.inputs):
        lines.append(f"input {name} changed")
    for name, old, new in changed_items(before.libraries, after.libraries):
        lines.append(f"{name} {old or 'not used'} → {new or 'not used'}")
    for name, old, new in changed_items(before.environment, after.environment):
        lines.append(f"{name} {old or 'not set'} → {new or 'not set'}")
    if before.python != after.python:
        lines.append(f"Python {before.python} → {after.python}")
    modules: dict[str, list[str]] = {}
    before_all, after_all = (one.source | one.network_code for one in (before, after))
    for name, _, _ in changed_items(before_all, after_all):
        module, _, definition = name.rpartition(".")
        modules.setdefault(module.removeprefix("tasks.").replace(".", "/"), []).append(definition)
    for module, definitions in modules.items():
        lines.append(f"{module}.py changed ({few(', ', definitions)})")
    return lines


def few(between: str, changes: Sequence[str]) -> str:
    """Return the first few changes in one line, and how many more there are."""
    more = len(changes) - _SHOWN
    return between.join([*changes[:_SHOWN], *([f"and {more} more"] if more > 0 else [])])


def newest_parts(files: Iterable[Path]) -> Iterator[KeyParts]:
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
