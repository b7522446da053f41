"""Open a bundle: nothing is read before its hash is checked, nothing is unpacked elsewhere.

The hashes inside a bundle reveal damage. Whoever can rewrite the bundle can rewrite them too, so
what proves where it comes from is the hash of `bundle.json`, kept apart from the bundle. Even
without it no code of a bundle is run: models are read as data, or by Keras in safe mode, and a
user's own layers only where their code is trusted (`tasks.model.own.trust`).
"""

import hashlib
import stat
import tempfile
import weakref
import zipfile
from contextlib import ExitStack
from pathlib import Path, PurePosixPath

from tasks.common.canonical_json import json_sha256
from tasks.common.errors import BadDataError, refusing_damage
from tasks.data.text.vocabulary import Vocabulary
from tasks.evaluation.abstention import ABSTENTION, NO_ABSTENTION, Abstention
from tasks.inference.bundle.files import (
    BUNDLE,
    BUNDLE_SHA256,
    PREPROCESSING,
    WORD_INDEX,
    BundleManifest,
    BundlePreprocessing,
    parse_bundle_manifest,
)
from tasks.inference.predictor import Predictor, TrainedModel, ready_predictor
from tasks.model.network import ngram_network
from tasks.model.ngrams.packed import read_packed

MOST_BYTES = 1 << 32
"""Bytes of all files of a bundle; a zip's own numbers are checked before anything is unpacked."""

_MOST_FILES = 1000
_MOST_LIST_BYTES = 1 << 20
_GET_AGAIN = "get the bundle again"


def open_bundle(path: Path, sha256: str | None = None) -> Predictor:
    """Return a predictor of a bundle, a folder or a zip.

    `sha256` is that of its `bundle.json`, as the export reported it; None trusts the bundle. A
    BadDataError says that it is no bundle, was changed, is too large, or reaches outside itself.
    """
    if not path.exists():
        raise BadDataError(f"{path}: there is no such bundle")
    with refusing_damage(path, _GET_AGAIN):
        if path.is_dir():
            return _predictor(path, path, sha256)
        with ExitStack() as unpacked, zipfile.ZipFile(path) as zipped:
            folder = unpacked.enter_context(tempfile.TemporaryDirectory(prefix="bundle-"))
            for name in _required(path, zipped, sha256):
                target = Path(folder, name)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(zipped.read(name))
            predictor = _predictor(Path(folder), path, sha256)
            # Kept as long as the model, whose file is read again where an answer is explained.
            weakref.finalize(predictor.model, unpacked.pop_all().close)
            return predictor


def _required(path: Path, archive: zipfile.ZipFile, sha256: str | None) -> list[str]:
    """Return the names of all files of a zip, once none of them can do harm when unpacked."""
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    for entry in entries:
        _require_inside(path, entry)
    if len(names) != len(set(names)):
        raise BadDataError(f"{path} holds two files of one name; {_GET_AGAIN}")
    size = sum(entry.file_size for entry in entries)
    _require_small(path, len(names), size)
    if BUNDLE not in names:
        raise BadDataError(f"{path} is no bundle: it has no {BUNDLE}")
    if archive.getinfo(BUNDLE).file_size > _MOST_LIST_BYTES:
        raise BadDataError(f"{path}: {BUNDLE} has more than {_MOST_LIST_BYTES:,} bytes")
    content = archive.read(BUNDLE)
    _require_hash(path, content, sha256)
    manifest = parse_bundle_manifest(content, path)
    for name, record in manifest.files.items():
        if name in names and archive.getinfo(name).file_size != record.size:
            found = archive.getinfo(name).file_size
            raise BadDataError(
                f"{path}: {name} has {found} bytes instead of {record.size}; {_GET_AGAIN}"
            )
    return names


def _require_inside(path: Path, entry: zipfile.ZipInfo) -> None:
    name, mode = entry.filename, entry.external_attr >> 16
    parts = PurePosixPath(name).parts
    is_odd = not parts or "\\" in name or ":" in name or name.endswith("/")
    if is_odd or name.startswith("/") or ".." in parts or stat.S_ISLNK(mode):
        raise BadDataError(f"{path}: {name!r} would lie outside the bundle; it is not unpacked")


def _require_small(path: Path, files: int, size: int) -> None:
    if files > _MOST_FILES or size > MOST_BYTES:
        raise BadDataError(
            f"{path} holds {files:,} files of {size:,} bytes, more than the {_MOST_FILES:,} files"
            f" or {MOST_BYTES:,} bytes allowed; it is not unpacked"
        )


def _require_hash(path: Path, content: bytes, sha256: str | None) -> None:
    found = hashlib.sha256(content).hexdigest()
    if sha256 is not None and found != sha256.strip().lower():
        raise BadDataError(
            f"{path} is not the bundle that was requested: its {BUNDLE} has the SHA-256"
            f" {found[:12]}…, not {sha256[:12]}…"
        )


def _predictor(folder: Path, path: Path, sha256: str | None) -> Predictor:
    manifest = _checked(folder, path, sha256)
    with refusing_damage(f"{path}: {PREPROCESSING}", _GET_AGAIN):
        content = (folder / PREPROCESSING).read_bytes()
        preprocessing = BundlePreprocessing.model_validate_json(content)
    with refusing_damage(f"{path}: {WORD_INDEX}", _GET_AGAIN):
        vocabulary = Vocabulary.read(folder / WORD_INDEX)
    abstention = NO_ABSTENTION
    if ABSTENTION in manifest.files:  # an earlier version wrote none
        with refusing_damage(f"{path}: {ABSTENTION}", _GET_AGAIN):
            content = (folder / ABSTENTION).read_bytes()
            abstention = Abstention.model_validate_json(content)
    hashes = {name: manifest.files[name].sha256 for name in manifest.model_files}
    file = folder / manifest.model_files[0]
    model = TrainedModel(
        name=manifest.run_id,
        file=file,
        vocabulary=vocabulary,
        text=preprocessing.text,
        label_names=preprocessing.label_names,
        content_hash=json_sha256(hashes),
        abstention=abstention,
        cut=preprocessing.cut,
    )
    return ready_predictor(model, ngram_network(read_packed(file)) if manifest.quantized else None)


def _checked(folder: Path, path: Path, sha256: str | None) -> BundleManifest:
    """Return the list of files, once each has its hash and there are no others."""
    file = folder / BUNDLE
    if not file.is_file():
        raise BadDataError(f"{path} is no bundle: it has no {BUNDLE}")
    _require_hash(path, file.read_bytes(), sha256)
    if not BundleManifest.is_whole(folder):
        raise BadDataError(f"{path}: {BUNDLE} does not have the hash in {BUNDLE_SHA256}")
    manifest = parse_bundle_manifest(file.read_bytes(), path)
    faults = manifest.faults(folder)
    if faults:
        raise BadDataError(f"{path}: {'; '.join(faults)}; {_GET_AGAIN}")
    return manifest
