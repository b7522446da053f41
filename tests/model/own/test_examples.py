"""Six Keras scripts as users have them, and the network that the pipeline takes of each."""

import difflib
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tasks.check_network import tried_guarantees
from tasks.config.training import OwnNetworkConfig
from tasks.model.own.network_input import NetworkInput

ROOT = Path(__file__).parents[3]

SCRIPTS, NETWORKS = ROOT / "examples/scripts", ROOT / "examples/networks"

NAMES = sorted(file.stem for file in SCRIPTS.glob("*.py"))

MOST_WRITTEN = 10

TRAINED_ALWAYS = "mean_of_words"


def code_lines(file: Path) -> list[str]:
    """Return the lines of a file, without indentation and without the empty ones."""
    return list(filter(None, map(str.strip, file.read_text().splitlines())))


def differences(name: str) -> tuple[int, int]:
    """Return how many lines of the network are not in the script, and the other way round."""
    both = code_lines(SCRIPTS / f"{name}.py"), code_lines(NETWORKS / f"{name}.py")
    marks = [line[0] for line in difflib.ndiff(*both)]
    return marks.count("+"), marks.count("-")


def test_there_is_a_network_for_each_script() -> None:
    assert len(NAMES) == 6
    assert sorted(file.stem for file in NETWORKS.glob("*.py")) == NAMES


def test_at_most_ten_lines_change_and_the_docs_say_how_many() -> None:
    counts = [differences(name) for name in NAMES]
    assert all(0 < written <= MOST_WRITTEN for written, _ in counts)
    row = " | ".join(f"+{written} −{gone}" for written, gone in counts)  # noqa: RUF001
    assert f"| lines | {row} |\n" in (ROOT / "docs/own_network.md").read_text()


def run_script(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, upto: str = "") -> Any:
    """Run a script, or what stands in it before some line, in a folder with reviews."""
    random = np.random.default_rng(0)
    reviews: dict[str, Any] = {}
    for part in ("train", "test"):
        reviews[f"x_{part}"] = random.integers(0, 70, (32, 200))
        reviews[f"y_{part}"] = np.arange(32) % 2
    np.savez(folder / "reviews.npz", **reviews)
    source = (SCRIPTS / f"{name}.py").read_text()
    assert upto in source
    (folder / "script.py").write_text(source.partition(upto)[0] if upto else source)
    monkeypatch.chdir(folder)
    return runpy.run_path("script.py")


@pytest.mark.parametrize("name", NAMES)
def test_the_network_is_that_of_the_script(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = run_script(name, tmp_path, monkeypatch, upto="\nmodel.compile(")["model"]
    script.build((None, 200))  # where nothing has said the length
    words = 100 if name == "character_cnn" else 20_000
    data = NetworkInput(num_words=words, maxlen=200, classes=2, seed=0, words=())
    network = runpy.run_path(str(NETWORKS / f"{name}.py"))["build"](data)
    assert [one.shape for one in network.weights] == [one.shape for one in script.weights]
    kinds = [[type(one).__name__ for one in model.layers] for model in (network, script)]
    assert kinds[0] in (kinds[1], ["InputLayer", *kinds[1]])


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (name != TRAINED_ALWAYS)) for name in NAMES],
)
def test_the_script_trains_as_it_is(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    after = run_script(name, tmp_path, monkeypatch)
    assert int(after["model"].optimizer.iterations) == 2
    assert 0 <= after["accuracy"] <= 1


@pytest.mark.parametrize("name", NAMES)
def test_it_is_built_as_the_pipeline_asks(
    name: str,
) -> None:
    network = OwnNetworkConfig(network=f"{NETWORKS / name}.py:build")
    built = next(iter(tried_guarantees(network, 48)))
    assert built.holds, built.seen
