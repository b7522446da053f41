"""The one cache policy: what a step's key is made of, in parts that can be read and compared.

A key has the name of the step, the config fields that the step receives, the content hashes
of its inputs, the source that its function reaches, the versions of the libraries that this
source uses, and the Python version. Where files lie is no part of it.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from tasks.artifact_store import ArtifactStore
from tasks.canonical_json import json_sha256
from tasks.source_fingerprint import fingerprint, library_version

KeyParts = dict[str, Any]


def key_parts(step: str, function: Callable[..., Any], arguments: Mapping[str, Any]) -> KeyParts:
    """Return the parts of the key of one call of a step's function.

    Args:
        step: Name of the step.
        function: A top-level function of one of the project's modules.
        arguments: What it is called with. Objects with a `content_hash` enter by it, config
            groups and plain values by value; paths and the store are left out.

    Raises:
        TypeError: An argument is of a kind that cannot enter a key.
    """
    config: dict[str, Any] = {}
    inputs: dict[str, str] = {}
    for name, value in arguments.items():
        if isinstance(value, ArtifactStore | Path):
            continue
        if hasattr(value, "content_hash"):
            inputs[name] = value.content_hash
        elif isinstance(value, BaseModel):
            config[name] = value.model_dump(mode="json")
        elif value is None or isinstance(value, str | int | float | bool):
            config[name] = value
        else:
            raise TypeError(f"argument {name!r} of step {step!r} cannot enter a cache key")
    return {"step": step, "config": config, "inputs": inputs} | _code_parts(
        function.__module__, function.__name__
    )


@cache
def _code_parts(module: str, function: str) -> KeyParts:
    reached = fingerprint(module, function)
    return {
        "source": reached.definitions,
        "libraries": {name: library_version(name) for name in sorted(reached.libraries)},
        "python": ".".join(platform.python_version_tuple()[:2]),
    }


def cache_key(parts: KeyParts) -> str:
    """Return the key: the step's name, a slash, and the hash of all parts."""
    return f"{parts['step']}/{json_sha256(parts)}"
