"""Download a file of Keras's datasets with a pinned hash."""

import logging
import sys
from pathlib import Path

import pooch
import requests

from tasks.common.errors import SourceUnavailableError

KERAS_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets"

_TIMEOUT_S = 20


def download(name: str, known_hash: str, folder: Path) -> Path:
    """Return a file of Keras's datasets in a folder; it is fetched where its hash is not there.

    Raises:
        SourceUnavailableError: It cannot be fetched or kept, or is another file.
    """
    # pooch announces each download; this module's own line says it.
    pooch.get_logger().setLevel(logging.WARNING)
    try:
        return Path(
            pooch.retrieve(
                f"{KERAS_URL}/{name}",
                known_hash=known_hash,
                fname=name,
                path=folder,
                downloader=pooch.HTTPDownloader(
                    timeout=_TIMEOUT_S, progressbar=sys.stderr.isatty()
                ),
            )
        )
    except requests.RequestException as error:
        raise SourceUnavailableError(
            f"{name} could not be downloaded ({type(error).__name__})"
        ) from None
    except OSError as error:
        raise SourceUnavailableError(f"{name} cannot be kept in {folder} ({error})") from None
    except ValueError:
        raise SourceUnavailableError(
            f"what was downloaded as {name} does not have the pinned hash"
        ) from None
