"""The one cache policy: what a step's key is made of, in parts that can be read and compared.

A key has the name of the step, the config fields that the step receives, the content hashes
of its inputs, the source that its function reaches, the versions of the libraries that this
source uses, the settings of these libraries in the environment, the number of TensorFlow's
threads, since it changes the order in which numbers are added, and the Python version. Where
files lie and how often a training is saved are no part of it.
"""

import os
import platform
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel, Field

from tasks.cache.own_sources import source_now
from tasks.cache.source_fingerprint import fingerprint, library_version
from tasks.common.artifact_store import ArtifactStore
from tasks.common.canonical_json import json_sha256
from tasks.common.device import tensorflow_threads
from tasks.common.records import Record
from tasks.config.training import SavingConfig

KEY_IN_USE: ContextVar[str | None] = ContextVar("key in use", default=None)
"""The key under which a step's result will be kept; None where it is not cached."""

_CHANGES_NO_RESULT = (ArtifactStore, Path, SavingConfig)

_SETTINGS = {
    "tensorflow": (
        "TF_ENABLE_ONEDNN_OPTS",
        "TF_DETERMINISTIC_OPS",
        "TF_XLA_FLAGS",
        "XLA_FLAGS",
        "NVIDIA_TF32_OVERRIDE",
        "ONEDNN_MAX_CPU_ISA",
        "ONEDNN_DEFAULT_FPMATH_MODE",
    ),
    "keras": ("KERAS_BACKEND",),
}
"""Environment variables by which a library computes other bits."""


class KeyParts(Record):
    """All that a key is made of; kept beside the result, so that keys can be compared."""

    step: str
    function: str
    config: dict[str, Any]
    inputs: dict[str, str]
    source: dict[str, str]
    libraries: dict[str, str]
    environment: dict[str, str]
    python: str
    network_code: dict[str, str] = Field(default_factory=dict)


@runtime_checkable
class OwnCode(Protocol):
    """Code of the user's, which no fingerprint of this project's source reaches."""

    @property
    def definitions(self) -> dict[str, str]:
        """The hash of each of its functions and classes."""

    @property
    def libraries(self) -> dict[str, str]:
        """The version of each package that it imports."""

    @property
    def settings(self) -> dict[str, Any]:
        """What it is called with."""


def key_parts(step: str, function: Callable[..., Any], arguments: Mapping[str, Any]) -> KeyParts:
    """Return the parts of the key of one call of a step's function, a module's top-level one.

    Arguments with a `content_hash` enter by it, config groups and plain values by value, a user's
    code by the hashes of its definitions; what changes no result is left out.

    Raises:
        TypeError: An argument is of a kind that cannot enter a key.
    """
    config: dict[str, Any] = {}
    inputs: dict[str, str] = {}
    own: dict[str, str] = {}
    own_libraries: dict[str, str] = {}
    for name, value in arguments.items():
        if isinstance(value, _CHANGES_NO_RESULT):
            continue
        if hasattr(value, "content_hash"):
            inputs[name] = value.content_hash
        elif isinstance(value, OwnCode):
            config[name] = value.settings
            own |= value.definitions
            own_libraries |= value.libraries
        elif isinstance(value, BaseModel):
            config[name] = value.model_dump(mode="json")
        elif value is None or isinstance(value, str | int | float | bool):
            config[name] = value
        else:
            raise TypeError(f"argument {name!r} of step {step!r} cannot enter a cache key")
    source, libraries = _reached(function.__module__, function.__name__)
    settings = [name for library in libraries for name in _SETTINGS.get(library, ())]
    environment = {name: os.environ[name] for name in settings if name in os.environ}
    if "tensorflow" in libraries:
        environment["threads"] = str(tensorflow_threads())
    return KeyParts(
        step=step,
        function=f"{function.__module__}.{function.__name__}",
        config=config,
        inputs=inputs,
        source=source,
        libraries=libraries | own_libraries,
        environment=environment,
        python=".".join(platform.python_version_tuple()[:2]),
        network_code=own,
    )


@cache
def _reached(module: str, function: str) -> tuple[dict[str, str], dict[str, str]]:
    reached = fingerprint(module, function)
    versions = {name: library_version(name) for name in sorted(reached.libraries)}
    return reached.definitions, versions


def cache_key(parts: KeyParts) -> str:
    """Return the key: the step's name, a slash, and the hash of all parts."""
    return f"{parts.step}/{json_sha256(parts.model_dump())}"


def source_was_edited(parts: KeyParts) -> bool:
    """Tell whether the files hold other source than the key names.

    A process runs the source that it began with, but what it imports late is new. A result
    that was computed beside an edit therefore belongs to no key.
    """
    module, _, function = parts.function.rpartition(".")
    try:
        now = fingerprint(module, function, source_now).definitions
    except (LookupError, SyntaxError):
        return True
    return now != parts.source
