"""Say why a step was not cached: what differs from the nearest key that it had before."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_NEWEST = 200


def explain_miss(key_file: Path) -> list[str]:
    """Return what differs between the key of `key_file` and the nearest one beside it.

    Args:
        key_file: Parts of the key that missed, `cache/keys/<step>/<hash>.json`.

    Returns:
        One line per changed part. Nearest is the key with the fewest changes, then the newest.
    """
    others = [path for path in key_file.parent.glob("*.json") if path != key_file]
    others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    parts = _read(key_file)
    changes = [diff_parts(_read(other), parts) for other in others[:_NEWEST]]
    return min(changes, key=len) if changes else ["there is no earlier result of this step"]


def diff_parts(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return one line per part that differs, as a person would say it."""
    lines = []
    for name, old, new in _differences(_leaves(before["config"]), _leaves(after["config"])):
        lines.append(f"{name} {_shown(old)} → {_shown(new)}")
    for name, _, _ in _differences(before["inputs"], after["inputs"]):
        lines.append(f"input {name} changed")
    modules: dict[str, list[str]] = {}
    for name, _, _ in _differences(before["source"], after["source"]):
        module, _, definition = name.rpartition(".")
        modules.setdefault(module.removeprefix("tasks."), []).append(definition)
    for module, definitions in modules.items():
        lines.append(f"{module}.py changed ({', '.join(definitions)})")
    for name, old, new in _differences(before["libraries"], after["libraries"]):
        lines.append(f"{name} {old or 'not used'} → {new or 'not used'}")
    if before["python"] != after["python"]:
        lines.append(f"Python {before['python']} → {after['python']}")
    return lines


def _read(path: Path) -> dict[str, Any]:
    parts: dict[str, Any] = json.loads(path.read_text())
    return parts


def _differences(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    return [
        (name, old.get(name), new.get(name))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]


def _leaves(config: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of the groups and the plain numbers in one dictionary."""
    leaves: dict[str, Any] = {}
    for name, value in config.items():
        leaves |= value if isinstance(value, dict) else {name: value}
    return leaves


def _shown(value: object) -> str:
    return "absent" if value is None else str(value)
