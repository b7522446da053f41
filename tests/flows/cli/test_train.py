from pathlib import Path

import pytest

from tasks.config.drift import DriftConfig
from tasks.config.promotion import PromotionConfig
from tasks.config.training import NETWORKS, TrainingConfig, flat_config, with_seed
from tests.support.commands import read_options, refusal, run_script
from tests.support.run_forker import RunForker
from tests.support.small_run import write_reviews
from tests.support.terminal_run import SMALL_NGRAMS, from_file


def test_without_options_the_command_takes_what_source_it_can_get() -> None:
    options = read_options([])
    assert options.config.source.source == "auto"
    assert options.config.fit == TrainingConfig().fit
    assert (options.accelerator, options.artifacts) == ("auto", Path("artifacts"))


def test_options_reach_the_config() -> None:
    words = "--source imdb --epochs 3 --num-words 5000 --protocol tutorial --padding post"
    config = read_options(words.split()).config
    assert (config.source.source, config.fit.epochs, config.text.num_words) == ("imdb", 3, 5000)
    assert (config.protocol.protocol, config.text.padding) == ("tutorial", "post")


def test_promotion_and_drift_are_off_until_they_are_asked_for() -> None:
    plain = read_options([])
    assert (plain.promotion, plain.drift) == (None, None)
    asked = read_options(["--promote", "--check-drift"])
    assert (asked.promotion, asked.drift) == (PromotionConfig(), DriftConfig())
    words = ["--promote", "--floor=0.9", "--check-drift", "--drift.action=stop"]
    options = read_options(words)
    assert options.promotion == PromotionConfig(floor=0.9)
    assert options.drift == DriftConfig(action="stop")


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        ("--num-words 0", 2, "error: --num-words 0: must be greater than or equal to 4"),
        ("--maxlen 7", 2, "error: --maxlen 7: must be at least 8"),
        ("--learning-rate nan", 2, "error: --learning-rate nan: must be a finite number"),
        ("--ngram-tail 7", 2, "error: --ngram-tail 7: is a size of --architecture ngram_bag"),
        (
            "--recipe ngrams --filters 3",
            2,
            "error: --filters 3: is a size of --architecture conv_b",
        ),
        ("--protocol best", 2, "error: --protocol best: must be 'honest' or 'tutorial'"),
        ("--accelerator tpu", 2, "error: --accelerator tpu: must be auto, cpu, gpu, gpu:N or m"),
        ("--accelerator gpu:99", 1, "error: --accelerator gpu:99: no GPU"),
        ("--accelerator gpu:99 --train-file no.csv", 1, "error: --accelerator gpu:99: no GPU"),
        ("--source files", 2, "error: --source files: needs --train-file"),
        ("--unheard-of 3", 2, "error: Unknown option"),
        ("--promote --protocol tutorial", 2, "error: --protocol tutorial: promotion needs"),
        ("--floor 0.9", 2, "error: --floor: needs --promote"),
        ("--promote --floor 7", 2, "error: --floor 7: must be less than"),
        ("--drift.seed 1", 2, "error: --drift.seed: needs --check-drift"),
        ("--check-drift --drift.action halt", 2, "error: --drift.action halt: must be 'warn'"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: str, status: int, sentence: str
) -> None:
    code, error = refusal(read_options, arguments, capsys)
    assert code == status
    assert error.startswith(sentence)


@pytest.mark.parametrize(
    ("labels", "tested", "sentence"),
    [
        (["a", "b", "c", "d"] * 9, [], "too many for labels (at most one in 10 rows, and"),
        (["a", "b", "c"] * 10 + ["d"] * 11, ["e"] * 12, "'e': no training review has the label"),
        (["a", "b"] * 20 + ["c"], [], "leave them out with --drop-labels c"),
        ([f"text {row}" for row in range(40)], [], "name another column with --label-column"),
    ],
    ids=["many", "test-alone", "one-review", "texts"],
)
def test_labels_that_no_model_can_learn_are_refused_before_a_run(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    labels: list[str],
    tested: list[str],
    sentence: str,
) -> None:
    words = []
    for option, column in (("train", labels), ("test", tested)):
        if column:
            file = tmp_path / f"{option}.csv"
            rows = (f"fine film {row},{label}" for row, label in enumerate(column))
            file.write_text("\n".join(["text,label", *rows]) + "\n")
            words += [f"--{option}-file", str(file)]
    status, error = refusal(read_options, " ".join(words), capsys)
    assert status == 1
    assert error.startswith("error: ")
    assert sentence in error


def test_help_names_every_field_of_the_config(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        read_options(["--help-all"])
    assert raised.value.code == 0
    shown = capsys.readouterr().out
    for network in NETWORKS.values():
        for field in {*flat_config(TrainingConfig()), *network.model_fields}:
            assert f"--{field.replace('_', '-')}" in shown


@pytest.mark.parametrize(
    ("words", "refresh"),
    [
        ([], ()),
        (["--refresh"], ("all",)),
        (["--refresh", "train"], ("train",)),
        (["--refresh", "pad", "--refresh", "plot", "--no-cache"], ("pad", "plot")),
    ],
)
def test_refresh_takes_steps_or_means_all(words: list[str], refresh: tuple[str, ...]) -> None:
    assert read_options(["--accelerator=cpu", *words]).refresh == refresh


def test_a_run_is_named_by_options_and_an_odd_name_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["--source", "packaged", "--name", "week 14", "--tag", "a", "--tag", "b", "--note", "c"]
    naming = read_options(words).naming
    assert (naming.name, naming.tags, naming.note) == ("week 14", ("a", "b"), "c")
    for option in ("--name", "--tag"):
        status, said = refusal(read_options, f"--source packaged {option} a/b", capsys)
        assert status == 2
        assert said.startswith(f"error: {option} a/b: must be at most ")


def test_a_run_from_the_terminal_ends_with_the_score_the_folder_and_what_was_cached(
    prefect_server: str, tmp_path: Path
) -> None:
    reviews = write_reviews(tmp_path / "reviews.csv", 120)
    options = [*from_file(reviews), *SMALL_NGRAMS, "--epochs=1", "--batch-size=16"]
    # Neither an empty address nor a proxy that cannot be reached concerns the temporary server.
    own = {"PREFECT_API_URL": "", "http_proxy": "http://127.0.0.1:9", "ALL_PROXY": "127.0.0.1:9"}
    result = run_script(tmp_path, "train_flow.py", *options, **own)
    assert result.returncode == 0, result.stderr
    assert "Test Accuracy: " in result.stdout
    assert "\nReport: artifacts/runs/" in result.stdout
    assert ": computed, there is no earlier result of this step (" in result.stderr
    assert " epoch 1/1: loss " in result.stderr
    said = result.stderr.splitlines()
    assert len(said) == len({line[9:] for line in said}) < 20, result.stderr
    assert "Traceback" not in result.stderr + result.stdout
    (run,) = (tmp_path / "artifacts/runs").iterdir()
    assert (run / "manifest.json").is_file()

    repeated = ["--config=latest", "--seed=2", f"--artifacts={tmp_path / 'artifacts'}"]
    assert read_options(repeated).config == with_seed(read_options(options).config, 2)

    timed = ("-X", "importtime")
    again = run_script(
        tmp_path, "train_flow.py", *options, python=timed, PREFECT_API_URL=prefect_server
    )
    assert again.returncode == 0, again.stderr
    assert again.stderr.count(": cached, ") == 9
    imported = {line.rpartition("|")[2].strip() for line in again.stderr.splitlines()}
    assert "prefect.settings" in imported
    assert not {"tensorflow", "keras", "matplotlib", "pyarrow", "sklearn", "numpy"} & imported


def test_bad_data_is_told_in_one_sentence_and_leaves_no_run(
    forker: RunForker, prefect_server: str, tmp_path: Path
) -> None:
    (tmp_path / "empty.csv").write_text("")
    log = tmp_path / "run.log"
    run = forker.start(log, prefect_server, *from_file(Path("empty.csv")))
    assert run.wait() == 1
    said = log.read_text()
    assert said.splitlines()[-1].startswith("error: ")
    assert said.count("empty.csv is empty") == 1
    assert "Traceback" not in said
    assert "was edited" not in said
    assert not (tmp_path / "artifacts").exists()
