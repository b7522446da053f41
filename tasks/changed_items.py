"""What differs between two dictionaries."""

from collections.abc import Mapping
from typing import Any


def changed_items(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Return name, old and new value of all that differs, by name; None stands for what lacks."""
    return [
        (name, old.get(name), new.get(name))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]
