import errno
import logging
import os
from pathlib import Path

import pytest

from flows.orchestration.session import PlainErrors
from tasks.common.errors import BadDataError, describe_os_error, is_worth_retrying, storage_error

ARTIFACTS = Path("/somewhere/artifacts")


def os_error(number: int, path: object = None) -> OSError:
    return OSError(number, os.strerror(number), path)


@pytest.mark.parametrize("path", [None, ARTIFACTS / "cache/locks/x", "/somewhere/artifacts"])
def test_a_full_disk_is_reported_with_the_folder_and_what_to_do(path: object) -> None:
    sentence = describe_os_error(os_error(errno.ENOSPC, path), ARTIFACTS)
    assert sentence == (
        "cannot write below /somewhere/artifacts: the disk is full; free or unlock it, or choose"
        " another folder with --artifacts"
    )


def test_a_fault_elsewhere_names_its_own_file() -> None:
    sentence = describe_os_error(os_error(errno.EACCES, "/home/x.csv"), ARTIFACTS)
    assert sentence == "/home/x.csv cannot be used: Permission denied; fix it and start again"


def test_only_faults_that_may_pass_are_tried_again() -> None:
    assert is_worth_retrying(os_error(errno.EIO))
    assert storage_error(os_error(errno.EIO), ARTIFACTS) is None
    assert not is_worth_retrying(os_error(errno.ENOSPC))
    assert not is_worth_retrying(BadDataError("x"))
    assert not is_worth_retrying(ValueError("x"))


@pytest.mark.parametrize(
    ("error", "message", "traceback"),
    [
        (BadDataError("empty.csv is empty"), "it failed: empty.csv is empty", False),
        (os_error(errno.ENOSPC), "it failed: [Errno 28] No space left on device", False),
        (ValueError("a bug"), "it failed", True),
    ],
)
def test_tracebacks_are_kept_for_bugs_only(error: Exception, message: str, traceback: bool) -> None:
    raised = (type(error), error, None)
    record = logging.LogRecord("x", logging.ERROR, "f", 1, "it %s", ("failed",), raised)
    assert PlainErrors().filter(record)
    assert record.getMessage() == message
    assert bool(record.exc_info) == traceback
