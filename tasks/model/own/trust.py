"""Whose code may run: what was built in the same artifacts folder, or what a person named.

A folder that was copied or unpacked is another one, since the file system numbers it anew, so that
nobody gets code to run by sending a run, a bundle or a whole artifacts folder.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tasks.common.atomic_files import write_text
from tasks.common.errors import NetworkError

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.model.own.code import NetworkCode

TRUSTED = "SENTIMENT_TRUST_CODE"
"""The environment variable with the hashes of trusted code, for other processes too."""

_FOLDER = "trusted_code"


def trust_code(sha256: str) -> None:
    """Trust code with this hash in this process, and in those that it starts."""
    if not sha256.isalnum() or len(sha256) != 64:  # noqa: PLR2004 - digits of a SHA-256
        raise NetworkError(f"--trust-code {sha256}: must be a SHA-256, of 64 digits")
    os.environ[TRUSTED] = ",".join(sorted({*_trusted(), sha256.lower()}))


def trust_here(artifacts: Path, code: NetworkCode) -> None:
    """Trust code in this artifacts folder, where it was built from the user's own file."""
    write_text(artifacts / _FOLDER / code.sha256, _identity(artifacts))


def require_trusted(code: NetworkCode, model_file: Path) -> None:
    """Raise a NetworkError for code that is neither of this artifacts folder nor named."""
    if code.sha256 in _trusted():
        return
    for folder in model_file.absolute().parents:
        kept = folder / _FOLDER / code.sha256
        if kept.is_file() and kept.read_text() == _identity(folder):
            return
    files = ", ".join(code.files)
    raise NetworkError(
        f"{model_file}: to use this model, Python code that comes with it would be run ({files}),"
        f" and it was not trained in this artifacts folder: read it, and if you trust it, add"
        f" --trust-code {code.sha256}"
    )


def _trusted() -> set[str]:
    return set(filter(None, os.environ.get(TRUSTED, "").split(",")))


def _identity(folder: Path) -> str:
    return f"{folder.resolve()}\n{folder.stat().st_ino}\n"
