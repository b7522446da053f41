"""One JSON text for one value: sorted keys, no NaN, so that equal values hash equally."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def canonical_json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return the compact text of `value`; equal values give equal texts."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def readable_json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return the indented text of `value`, for files that people open."""
    return json.dumps(value, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n"


def json_sha256(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return the SHA-256 of the canonical text of `value` as hexadecimal."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def group_fields(groups: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of all groups, and the values that are no groups, in one dictionary."""
    fields: dict[str, Any] = {}
    for name, value in groups.items():
        fields |= value if isinstance(value, dict) else {name: value}
    return fields


def changed_items(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Return name, old and new value of all that differs, by name; None stands for what lacks."""
    return [
        (name, old.get(name), new.get(name))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]
