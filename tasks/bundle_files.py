"""The files of a bundle: one model with all that is needed to use it elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from tasks.atomic_files import file_sha256, write_text
from tasks.canonical_json import readable_json
from tasks.errors import BadDataError
from tasks.records import Record
from tasks.run_manifest import RunFile, file_records
from tasks.training_config import TextConfig

BUNDLE, BUNDLE_SHA256 = "bundle.json", "bundle.sha256"
MODEL, WORD_INDEX, PREPROCESSING = "model.keras", "word_index.json", "preprocessing.json"
SAVED_MODEL, ONNX, LITERT = "saved_model", "model.onnx", "model.tflite"
LOADER, CARD = "predict.py", "model_card.md"
REQUIRED = (MODEL, WORD_INDEX, PREPROCESSING)

_SCHEMA_VERSION = 1


class BundlePreprocessing(Record):
    """How a text becomes numbers, in words and numbers for whoever builds it anew.

    `separators` is a regular expression (RE2); what it matches, and the space, separates words.
    """

    lower_case: Literal["each code point by itself"] = "each code point by itself"
    separators: str
    pad_id: int
    start_id: int
    unknown_id: int
    first_word_id: int
    text: TextConfig
    label_names: tuple[str, str]


class BundleManifest(Record):
    """What a bundle was made from, and the hash and size of each of its files."""

    schema_version: int = _SCHEMA_VERSION
    run_id: str
    versions: dict[str, str]
    files: dict[str, RunFile]


def write_bundle_manifest(folder: Path, run_id: str, versions: dict[str, str]) -> str:
    """Write the list of files and its hash, the last files of a bundle; return that hash."""
    manifest = BundleManifest(run_id=run_id, versions=versions, files=file_records(folder))
    file = folder / BUNDLE
    write_text(file, readable_json(manifest.model_dump(mode="json")))
    sha256 = file_sha256(file)
    write_text(folder / BUNDLE_SHA256, f"{sha256}  {BUNDLE}\n")
    return sha256


def parse_bundle_manifest(content: bytes, place: Path) -> BundleManifest:
    """Return the list of files of a bundle.

    Raises:
        BadDataError: It is damaged, or of another version of this project.
    """
    try:
        manifest = BundleManifest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadDataError(
            f"{place}: {BUNDLE} is damaged: {first['loc']}: {first['msg']}"
        ) from None
    if manifest.schema_version != _SCHEMA_VERSION:
        raise BadDataError(
            f"{place} was written by another version of this project (its schema_version is"
            f" {manifest.schema_version}, not {_SCHEMA_VERSION}); export it again"
        )
    missing = [name for name in REQUIRED if name not in manifest.files]
    if missing:
        raise BadDataError(f"{place} has no {', '.join(missing)}; export it again")
    return manifest
