"""Do a piece of work in a process of its own.

Keras's seeds belong to the whole process, so that trainings side by side need one each; one that
runs out of memory takes no other with it.
"""

import os
import subprocess
import sys
from typing import TypeVar

from tasks.errors import PipelineError
from tasks.records import Record

R = TypeVar("R", bound=Record)


class ChildFailedError(PipelineError):
    """A process of its own ended without a result."""


def in_child(module: str, request: Record, kind: type[R], api: str, what: str) -> R:
    """Return what a module makes of a request, as the last line of its standard output.

    Args:
        module: Is run, and reads the request from its standard input.
        request: What is asked for.
        kind: Of the answer.
        api: URL of the Prefect server's API that the process reports to.
        what: Names the work where it fails.

    Raises:
        ChildFailedError: The process ended with an error, which it has shown.
    """
    child = subprocess.run(  # noqa: S603 - this program, and a module of ours
        [sys.executable, "-m", module],
        input=request.model_dump_json(),
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PREFECT_API_URL": api},
        check=False,
    )
    if child.returncode:
        raise ChildFailedError(
            f"{what} ended with status {child.returncode}; its lines above and `python"
            " flows/runs.py failures` tell why; start the same command again to go on"
        )
    return kind.model_validate_json(child.stdout.splitlines()[-1])


def answer_parent(answer: Record) -> None:
    """Write the answer of a child to its parent; nothing may be written after it."""
    sys.stdout.write(answer.model_dump_json() + "\n")
