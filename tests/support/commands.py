"""Commands as a user gives them: what they say, what they refuse, and what they import."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cyclopts import App

from flows.cli import train
from flows.cli.app import Ready, main, run_command
from tasks.config.request import TrainOptions
from tests.support.servers.prefect_home import prefect_environment, prepare_home

_FLOWS = Path(__file__).parents[2] / "flows"


@dataclass(frozen=True)
class Command:
    """A command with its words, on one artifacts folder."""

    app: App
    artifacts: Path
    capsys: pytest.CaptureFixture[str]

    def says(self, *words: str) -> str:
        """Return what is printed."""
        main(self.app, [*words, "--artifacts", str(self.artifacts)])
        return self.capsys.readouterr().out

    def answers(self, *words: str) -> Any:
        """Return what is answered in JSON."""
        return json.loads(self.says(*words, "--json"))

    def refuses(self, *words: str) -> tuple[object, str]:
        """Return the status, and all that is printed, of a command that fails."""
        with pytest.raises(SystemExit) as ended:
            main(self.app, [*words, "--artifacts", str(self.artifacts)])
        captured = self.capsys.readouterr()
        assert "Traceback" not in captured.err
        return ended.value.code, captured.out + captured.err


def parameters(app: App, words: Sequence[str]) -> Any:
    """Return what a command would start its flow with; end where it says all itself."""
    ready = run_command(app, words)
    if ready is None:
        sys.exit(0)
    assert isinstance(ready, Ready)
    return ready.parameters


def read_options(words: Sequence[str]) -> TrainOptions:
    """Return what a training is asked for with these words."""
    options = parameters(train.app, words)
    assert isinstance(options, TrainOptions)
    return options


def refusal(
    read: Callable[[list[str]], Any], words: str, capsys: pytest.CaptureFixture[str]
) -> tuple[object, str]:
    """Return the status and the sentence, on one line, with which options are refused."""
    with pytest.raises(SystemExit) as ended:
        read(words.split())
    shown = capsys.readouterr().err
    assert "Traceback" not in shown
    return ended.value.code, " ".join(shown.split())


def imported_by(code: str) -> set[str]:
    """Return the top-level packages that a new interpreter has imported when `code` has ended."""
    code += "\nimport sys; print('\\n', *(name for name in sys.modules if '.' not in name))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return set(done.stdout.splitlines()[-1].split())


def run_script(
    folder: Path, script: str, *arguments: str, python: Sequence[str] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a program of `flows` as a user does, in a folder that also has its Prefect home."""
    prepare_home(folder / "home")
    own = {"CUDA_VISIBLE_DEVICES": "-1"} | environment
    return subprocess.run(
        [sys.executable, *python, str(_FLOWS / script), *arguments],
        cwd=folder,
        env=prefect_environment(folder / "home", **own),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
