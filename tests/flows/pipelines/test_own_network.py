"""A user's network with a layer of its own goes through the whole pipeline as the others do."""

import shutil
from pathlib import Path

import pytest

from flows.cli import predict, runs
from flows.cli.app import run_command
from flows.cli.verify import verify_app
from tasks.config.training import OwnNetworkConfig, TrainingConfig
from tasks.inference.bundle.open import open_bundle
from tasks.inference.open_model import open_predictor
from tasks.model.own.archive import code_in
from tasks.plan import plan_training
from tasks.reports.model_card import MODEL_CARD
from tasks.run_summary import RunSummary
from tasks.runs.manifest import read_manifest
from tasks.runs.read import REPORT
from tests.support.commands import Command, read_options
from tests.support.small_run import small_config, write_reviews
from tests.support.start_run import start_config

EXAMPLE = Path(__file__).parents[3] / "examples/networks/gru_attention.py"

RECURRENT = "layers.Bidirectional(layers.GRU(units, return_sequences=True))"
"""Slow to trace, and nothing to this file's tests."""

TEXTS = ["fine lovely great film", "dull weak poor plot"]

pytestmark = pytest.mark.usefixtures("prefect_server", "nothing_trusted")


def config_of(folder: Path, units: int = 3) -> TrainingConfig:
    network = OwnNetworkConfig(
        network=f"{folder / 'my_net.py'}:build", network_option=f"units={units}"
    )
    config = small_config(folder / "reviews.csv", epochs=3)
    fit = config.fit.model_copy(update={"learning_rate": 0.05})
    return config.model_copy(update={"network": network, "fit": fit})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    write_reviews(folder / "reviews.csv", 400)
    source = EXAMPLE.read_text()
    assert RECURRENT in source
    (folder / "my_net.py").write_text(source.replace(RECURRENT, "layers.Dense(units)"))
    return folder


@pytest.fixture(scope="module")
def trained(folder: Path, prefect_server: str) -> RunSummary:  # noqa: ARG001 - it reports there
    return start_config(folder / "artifacts", config_of(folder))


def test_it_learns_and_its_code_is_in_its_model(trained: RunSummary, folder: Path) -> None:
    assert trained.score.accuracy > 0.9
    code = code_in(trained.folder / "best_model.keras")
    assert code is not None
    assert code.files == {"my_net.py": (folder / "my_net.py").read_text()}
    assert code.options == {"units": 3}
    assert "WeighedSum" in (trained.folder / "model_summary.txt").read_text()
    assert "my_net.py:build network" in (trained.folder / "report.html").read_text()
    card = (trained.folder / "model_card.md").read_text()
    assert "The network `my_net.py:build`" in card
    assert str(folder) not in card


def test_any_edit_of_it_is_a_miss_that_is_told_by_name(
    trained: RunSummary, folder: Path, tmp_path: Path
) -> None:
    def planned(place: Path, *words: str) -> dict[str, str]:
        asked = (f"--config={trained.folder / 'config.json'}", f"--network={place}:build", *words)
        options = read_options([*asked, f"--artifacts={folder / 'artifacts'}", "--accelerator=cpu"])
        steps = plan_training(options).steps
        return {step.step: f"{step.outcome}: {step.why}" for step in steps}

    moved = Path(shutil.copy(folder / "my_net.py", tmp_path / "my_net.py"))
    assert all(why.startswith("cached: ") for why in planned(moved).values())
    moved.write_text(moved.read_text().replace("axis=1) * steps", "axis=1)  * steps"))
    moved.write_text(moved.read_text().replace("ops.tanh(steps)", "ops.relu(steps)"))
    why = planned(moved)
    assert why["build"] == "computed: my_net.py changed (WeighedSum)"
    assert "my_net.py changed (WeighedSum)" in why["train"]
    assert planned(folder / "my_net.py", "--network-option=units=4")["build"] == (
        "computed: units 3 → 4"
    )


def test_a_run_of_it_can_be_repeated_without_the_users_file(
    trained: RunSummary, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hidden = (folder / "my_net.py").rename(folder / "hidden.txt")
    try:
        run_command(verify_app, [str(trained.folder)])
        predictor = open_predictor(folder / "artifacts", trained.folder.name)
        assert predictor.predict(TEXTS)["label"].to_pylist() == ["pos", "neg"]
    finally:
        hidden.rename(folder / "my_net.py")
    assert "Verified: data, weights, history, predictions" in capsys.readouterr().out


def test_a_copied_run_and_a_bundle_run_code_only_where_a_person_says_so(
    trained: RunSummary, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = code_in(trained.folder / "best_model.keras")
    assert code is not None
    bundle = tmp_path / "bundle"
    export = ("export", "bundle", trained.folder.name, str(bundle))
    Command(runs.app, folder / "artifacts", capsys).says(*export)
    copy = tmp_path / "copy"
    shutil.copytree(trained.folder, copy / "runs" / trained.folder.name)
    asked = Command(predict.app, copy, capsys)
    for words in ((), (f"--bundle={bundle}",)):
        _, said = asked.refuses(TEXTS[0], *words)
        assert "Python code that comes with it would be run (my_net.py)" in said
        assert f"--trust-code {code.sha256}" in said.replace("\n", " ")
    for words in ((), (f"--bundle={bundle}",)):
        assert "pos" in asked.says(TEXTS[0], *words, f"--trust-code={code.sha256}")
    answers = open_bundle(bundle).predict(TEXTS)["label"].to_pylist()
    assert answers == ["pos", "neg"]


def test_a_run_says_how_far_its_file_of_vectors_covers_its_words(
    trained: RunSummary, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vectors = folder / "vectors.txt"
    vectors.write_text("fine 1 2 3\nfilm 2 1 0\nabsent 1 1 1\n")
    example = EXAMPLE.with_name("mean_of_words.py")
    network = OwnNetworkConfig(network=f"{example}:build", embeddings=vectors)
    config = small_config(folder / "reviews.csv", epochs=1)
    done = start_config(folder / "artifacts", config.model_copy(update={"network": network}))
    coverage = read_manifest(done.folder).vectors
    assert coverage is not None
    assert (coverage.words_with_vector, coverage.known_words) == (2, 36)
    assert 0.02 < coverage.tokens_with_vector < 0.2
    shown = Command(runs.app, folder / "artifacts", capsys).says("show", done.folder.name)
    for page in (shown, *map(Path.read_text, map(done.folder.joinpath, (REPORT, MODEL_CARD)))):
        assert coverage.sentence in " ".join(page.split())
    # One without such a file says nothing of it.
    assert read_manifest(trained.folder).vectors is None
    shown = Command(runs.app, folder / "artifacts", capsys).says("show", trained.folder.name)
    assert "have a vector" not in shown + (trained.folder / REPORT).read_text()
