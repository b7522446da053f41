"""Errors that a user can act on: each is one sentence, shown without a traceback."""

import errno
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, its kind where it has none."""
    return (str(error).splitlines() or [type(error).__name__])[0]


class PipelineError(Exception):
    """Base of every error whose message is written for the user."""

    def __str__(self) -> str:
        """Return the message as text that can be stored: a file's name may be of any bytes."""
        return super().__str__().encode("utf-8", "replace").decode()


class InvalidConfigError(PipelineError):
    """A parameter is unknown or impossible; names the field, the value and what is allowed."""


class BadDataError(PipelineError):
    """The input exists but cannot be used; trying again cannot help."""


class HintedError(BadDataError):
    """An input that an option may mend: what is wrong, and a hint that names the option."""

    def __str__(self) -> str:
        """Return both as one message."""
        return "".join(self.args).encode("utf-8", "replace").decode()


class SourceUnavailableError(PipelineError):
    """A source of reviews cannot be reached; trying again may help."""


class AcceleratorError(PipelineError):
    """The requested device is not there; names what was found."""


class NetworkError(PipelineError):
    """A user's network, or its code, cannot be used; says where and what to do."""


class DivergedError(PipelineError):
    """The training produced no usable weights."""


class PrunedTrialError(PipelineError):
    """A trial of a sweep is pruned, as worse than the others; says by which metric."""


class FolderInUseError(PipelineError):
    """A run is in progress in the artifacts folder, which maintenance needs for itself."""


class UnchangedError(PipelineError):
    """A new run would only repeat the newest finished one; says what was compared."""


class StorageError(PipelineError):
    """The artifacts folder cannot be written to; names the folder and the reason."""


class MissingExtraError(PipelineError):
    """An optional package is not installed; names the command that installs it."""

    def __init__(self, extra: str) -> None:
        """Take the name of the extra that brings the package."""
        super().__init__(
            f"{extra} is not installed; get it with: pip install -c constraints.txt -e '.[{extra}]'"
        )


def import_extra(module: str, extra: str) -> Any:  # noqa: ANN401 - a module
    """Return a module of an extra's package; raise a MissingExtraError where that is missing."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise MissingExtraError(extra) from None


class ExportError(PipelineError):
    """What was exported could not be put where it should be; names the place and the reason."""


class PromotionError(PipelineError):
    """The champion is not available, or cannot be changed as requested; says why and what to do."""


class ChampionAlreadyError(PromotionError):
    """The challenger is the champion, as run or as model: nothing to decide, no test is used."""


class DriftError(PipelineError):
    """The training reviews have drifted from the champion's; names measure, value and bound."""


@contextmanager
def refusing_damage(what: object, then: str) -> Iterator[None]:
    """Say in one sentence that `what` is damaged, whatever its reader raises; `then` is what to do.

    A fault of the file system is raised as it is.
    """
    try:
        yield
    except PipelineError:
        raise
    except Exception as error:
        # ZIP and HDF5 seek to places that damaged bytes name, which the system calls invalid.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        reason = f"{type(error).__name__}: {first_line(error)}"
        raise BadDataError(f"{what} is damaged ({reason}); {then}") from error


_PERMANENT = {
    errno.EACCES: "permission denied",
    errno.EPERM: "operation not permitted",
    errno.EROFS: "the file system is read-only",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.ENOTDIR: "a part of the path is not a folder",
}


def storage_error(error: OSError, path: object) -> StorageError | None:
    """Return the user's sentence for an `OSError` that no retry can cure, else None."""
    reason = _PERMANENT.get(error.errno or 0)
    if reason is None:
        return None
    return StorageError(
        f"cannot write below {path}: {reason}; free or unlock it, or choose another folder"
        " with --artifacts"
    )


@contextmanager
def storage_errors(path: object) -> Iterator[None]:
    """Raise the user's sentence in place of an `OSError` that no retry can cure."""
    try:
        yield
    except OSError as error:
        if known := storage_error(error, path):
            raise known from error
        raise


def describe_os_error(error: OSError, artifacts: Path) -> str:
    """Return the user's sentence for an `OSError` that ended a run."""
    storage, name = storage_error(error, artifacts), error.filename or artifacts
    if storage is not None and Path(str(name)).absolute().is_relative_to(artifacts.absolute()):
        return str(storage)
    return f"{name} cannot be used: {error.strerror}; fix it and start again"


def is_worth_retrying(error: BaseException) -> bool:
    """Tell whether `error` has an outside cause (network, file system) that may pass."""
    if isinstance(error, SourceUnavailableError):
        return True
    return isinstance(error, OSError) and (error.errno or 0) not in _PERMANENT
