"""Networks as users write them, each killed three times, end with equal weights."""

import json
import signal
from pathlib import Path

import pytest

from tests.support.polling import wait_for
from tests.support.terminal_run import Process, kill_run, start_terminal_run

EXAMPLES = sorted((Path(__file__).parents[2] / "examples/networks").glob("*.py"))

TRAINING = ["--epochs=3", "--batch-size=128", "--save-every-steps=20"]

WORDS = ["--maxlen=100"]

CHARACTERS = ["--tokenizer=characters", "--num-words=100", "--maxlen=400"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Those of undisturbed and of killed runs: the reviews are prepared once in each."""
    return tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("killed")


def runs(folder: Path) -> set[Path]:
    return set((folder / "artifacts/runs").glob("[!.]*"))


def ended(process: Process, folder: Path, before: set[Path]) -> dict[str, str]:
    """Return what a run ended with: hashes of its weights, its history."""
    status = process.wait(600)
    assert status == 0, (folder / "run.log").read_text()
    (run,) = runs(folder) - before
    manifest, history = (run / name for name in ("manifest.json", "history.json"))
    return {"weights": json.loads(manifest.read_text())["weights"], "history": history.read_text()}


@pytest.mark.slow
@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_killed_in_each_of_three_epochs_it_ends_with_the_weights_of_an_undisturbed_run(
    file: Path, folders: tuple[Path, Path], prefect_server: str
) -> None:
    def start(folder: Path) -> Process:
        network = f"--network={file}:build"
        text = CHARACTERS if file.stem == "character_cnn" else WORDS
        return start_terminal_run(
            folder, "--source=packaged", *TRAINING, *text, network, PREFECT_API_URL=prefect_server
        )

    whole, folder = folders
    before = [runs(place) for place in folders]
    expected = ended(start(whole), whole, before[0])
    for epoch in range(3):
        process = start(folder)
        saved = f"artifacts/cache/training/*/epoch-0000{epoch}-step-*"
        wait_for(lambda: process.poll() is not None or any(folder.glob(saved)), 600)  # noqa: B023
        kill_run(process, signal.SIGKILL)
        assert runs(folder) == before[1]
    process = start(folder)
    assert ended(process, folder, before[1]) == expected
    assert "resuming after epoch 2, step " in (folder / "run.log").read_text()
