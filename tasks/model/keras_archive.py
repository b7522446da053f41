"""Read a `.keras` file as data: its layers and weights, without building or running any of it.

A `.keras` file is a zip of `config.json` and `model.weights.h5`, see
https://keras.io/api/models/model_saving_apis/model_saving_and_loading/. What is read here is
JSON and plain arrays. A config that names code, as that of a Lambda layer does, stays text.
"""

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tasks.common.errors import BadDataError, refusing_damage

_CONFIG = "config.json"
_WEIGHTS = "model.weights.h5"

OWN_CODE = "network_code.json"
"""The code of a user's network, where it is one; Keras passes over it."""

ONNX_FORM = "network.onnx"
"""The same network as an ONNX graph, where it has one; Keras passes over it."""

_MOST_BYTES = {_CONFIG: 1 << 24, _WEIGHTS: 1 << 32, ONNX_FORM: 1 << 32}
"""Bytes that a part may have when unpacked; a small zip can hold far more than it seems to."""


@dataclass(frozen=True)
class KerasArchive:
    """Model config, and the float arrays by their path in the file of weights."""

    config: dict[str, Any]
    weights: dict[str, np.ndarray]

    @property
    def names_code(self) -> bool:
        """Whether it has layers or functions that are not Keras's."""
        return _names_code(self.config)


def read_keras_archive(path: Path) -> KerasArchive:
    """Return config and weights of a `.keras` file; raise a BadDataError where it is not one."""
    with refusing_damage(path, "get the file again"):
        with zipfile.ZipFile(path) as archive:
            config = json.loads(_part(path, archive, _CONFIG))
            content = io.BytesIO(_part(path, archive, _WEIGHTS))
        with h5py.File(content, "r") as file:
            weights = dict(_arrays(path, file["layers"], "layers"))
    if not isinstance(config, dict):
        raise BadDataError(f"{path} is damaged: its config is no object")
    for place, array in weights.items():
        if not np.isfinite(array).all():
            raise BadDataError(f"{path}: {place} holds NaN or infinite weights; train it again")
    return KerasArchive(config, weights)


def names_code(path: Path) -> bool:
    """Tell whether the model in a `.keras` file has layers or functions that are not Keras's."""
    with refusing_damage(path, "get the file again"), zipfile.ZipFile(path) as archive:
        config = json.loads(_part(path, archive, _CONFIG))
    return _names_code(config)


def stored_onnx(path: Path) -> bytes | None:
    """Return the ONNX graph in a `.keras` file, None where it has none."""
    with refusing_damage(path, "get the file again"), zipfile.ZipFile(path) as archive:
        return _part(path, archive, ONNX_FORM) if ONNX_FORM in archive.namelist() else None


def _names_code(config: Any) -> bool:  # noqa: ANN401 - Keras's nested config
    # Keras's own functions are written by their names alone.
    return any(place.partition(".")[0] != "keras" for place in _modules(config))


def _modules(config: Any) -> Iterator[str]:  # noqa: ANN401 - Keras's nested config
    if isinstance(config, dict):
        is_function = config.get("class_name") == "function"
        if isinstance(config.get("module"), str) and (
            config["module"] != "builtins" or is_function
        ):
            yield config["module"]
        config = list(config.values())
    if isinstance(config, list):
        for part in config:
            yield from _modules(part)


def _part(path: Path, archive: zipfile.ZipFile, name: str) -> bytes:
    size, most = archive.getinfo(name).file_size, _MOST_BYTES[name]
    if size > most:
        raise BadDataError(f"{path}: {name} has {size:,} bytes, more than the {most:,} allowed")
    with archive.open(name) as part:
        return part.read(size)


def _arrays(path: Path, group: h5py.Group, place: str) -> list[tuple[str, np.ndarray]]:
    """Return the arrays below a group; HDF5 could also name those of other files."""
    found: list[tuple[str, np.ndarray]] = []
    for name in group:
        inside = f"{place}/{name}"
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise BadDataError(f"{path}: {inside} is a link to somewhere else; it is not followed")
        part = group[name]
        if isinstance(part, h5py.Group):
            found += _arrays(path, part, inside)
        elif part.external or part.is_virtual or part.dtype.kind not in "fiu":
            raise BadDataError(f"{path}: {inside} is no plain array of numbers; it is not read")
        elif part.nbytes > _MOST_BYTES[_WEIGHTS]:
            raise BadDataError(f"{path}: {inside} has {part.nbytes:,} bytes, more than allowed")
        else:
            found.append((inside, part[()]))
    return found
