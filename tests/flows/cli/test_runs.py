import re
import time
import webbrowser
from collections import Counter
from pathlib import Path

import pytest

from flows.cli.runs import app
from tasks.common.errors import BadDataError
from tasks.inference.bundle import export
from tasks.inference.bundle.export import Bundle
from tasks.run_summary import RunSummary
from tasks.runs.find import find_run
from tasks.runs.manifest import read_manifest
from tests.support.commands import Command
from tests.support.made_runs import (
    FIRST,
    SAMPLE,
    SECOND,
    THIRD,
    age,
    changed_json,
    make_run,
    rewritten,
    with_sampled_baselines,
)
from tests.support.start_run import start_run


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    for name in (FIRST, SECOND, THIRD):
        make_run(tmp_path, name, seed=int(name == SECOND))
    return tmp_path


@pytest.fixture
def runs(artifacts: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(app, artifacts, capsys)


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")


def test_the_list_shows_each_score_with_interval_baseline_and_protocol(runs: Command) -> None:
    lines = [" ".join(line.split()) for line in runs.says("list").splitlines()]
    first = [line for line in lines if "(" in line]
    assert [line.split()[0] for line in first] == ["cccccccc", "bbbbbbbb", "aaaaaaaa"]
    assert first[1].startswith("bbbbbbbb 2026-01-02 00:00 files honest ")
    assert " 80 0.7500 (0.3750 to 1.0000) " in first[1]
    assert "+ 8 0.7500" in lines[lines.index(first[1]) + 1]
    line = runs.answers("list")["runs"][1]
    assert line["recipe"] == "tutorial"
    assert (line["train_reviews"], line["test_reviews"]) == (80, 8)
    assert {"name": "seed", "value": 1, "default": 0} in line["changes"]


def test_baselines_that_learned_from_a_sample_say_so(runs: Command) -> None:
    first = find_run(runs.artifacts, FIRST).manifest
    changed = with_sampled_baselines(first).model_dump(include={"baseline", "bayes_baseline"})
    make_run(runs.artifacts, "20260105T000000Z-dddddddd", **changed)
    assert runs.says("list").count("0.7500, sample") == 1
    assert f"TF-IDF + logistic regression {SAMPLE}" in " ".join(runs.says("show", "latest").split())


def listed(runs: Command, *words: str) -> list[str]:
    return [line["run_id"] for line in runs.answers("list", *words)["runs"]]


def test_a_list_is_limited_sorted_and_chosen_by_time_and_tags(runs: Command) -> None:
    make_run(runs.artifacts, "20260105T000000Z-dddddddd", right=[True] * 8)
    for run, name, tags in ((FIRST, "b", "x"), (SECOND, "a", "x y"), (THIRD, "c", "")):
        words = [word for tag in tags.split() for word in ("--tag", tag)]
        runs.says("tag", run, "--name", name, *words)
    fourth = "20260105T000000Z-dddddddd"
    assert listed(runs) == [fourth, THIRD, SECOND, FIRST]
    assert listed(runs, "--limit", "2") == [fourth, THIRD]
    assert listed(runs, "--tag", "x") == [SECOND, FIRST]
    assert listed(runs, "--tag", "x", "--limit", "1") == [SECOND]
    assert listed(runs, "--tag", "x", "--tag", "y") == [SECOND]
    assert listed(runs, "--sort", "name", "--limit", "3") == [fourth, SECOND, FIRST]
    assert listed(runs, "--sort", "accuracy")[0] == fourth
    assert listed(runs, "--since", "2026-01-02") == [fourth, THIRD, SECOND]
    assert listed(runs, "--since", "2026-01-02T00:00:01") == [fourth, THIRD]
    assert runs.says("list", "--tag", "z") == "no run is such\n"


def test_the_settings_in_which_runs_differ_have_columns_of_their_own(runs: Command) -> None:
    lines = runs.says("list", "--changed").splitlines()
    assert (
        lines[next(at for at, line in enumerate(lines) if "──" in line) - 1].split()[-1] == "seed"
    )
    cells = [line.split()[-1] for line in lines if "(" in line]
    assert cells == ["0", "1", "0"]


def test_a_config_of_another_version_hides_no_run(runs: Command) -> None:
    changed_json(find_run(runs.artifacts, FIRST), "config.json", {"fit": {"gone": 1}})
    line = runs.answers("list")["runs"][-1]
    assert (line["run_id"], line["recipe"], line["changes"]) == (FIRST, None, None)
    assert "not readable" in runs.says("list")


def test_a_run_can_be_named_later_and_found_by_its_name(runs: Command) -> None:
    run = find_run(runs.artifacts, FIRST)
    told = runs.answers("tag", FIRST, "--name", "week 14", "--tag", "a", "--tag", "b")
    assert told == {"run_id": FIRST, "name": "week 14", "tags": ["a", "b"], "note": ""}
    told = runs.answers("tag", "week 14", "--remove-tag", "a", "--tag", "c", "--note", "it's good")
    assert told == {"run_id": FIRST, "name": "week 14", "tags": ["b", "c"], "note": "it's good"}
    shown = runs.says("show", "week 14")
    assert re.search(r"name +week 14\ntags +b, c\nnote +it's good\n", re.sub(" +\n", "\n", shown))
    assert "week 14" in runs.says("list")
    assert "#b #c" in runs.says("list")
    assert run.manifest.faults(run.folder) == []
    assert read_manifest(run.folder) == run.manifest
    runs.says("tag", SECOND, "--name", "week 14")
    with pytest.raises(BadDataError, match="'week 14' names 2 runs"):
        find_run(runs.artifacts, "week 14")
    assert runs.answers("tag", FIRST, "--name", "")["name"] == ""
    assert find_run(runs.artifacts, "week 14").manifest.run_id == SECOND


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--name", "a/b"], "error: --name a/b: must be at most 100 printable characters"),
        (["--tag", "a/b"], "error: --tag a/b: must be at most 40 printable characters"),
        (["--note", "a\nb"], "error: --note "),
        (["--remove-tag", "x"], "error: --remove-tag x: the run's tags are none"),
    ],
)
def test_a_mistake_in_a_name_names_the_option_and_what_is_allowed(
    runs: Command, words: list[str], said: str
) -> None:
    code, shown = runs.refuses("tag", FIRST, *words)
    assert code == 2
    assert said in shown
    assert runs.answers("list")["runs"][-1]["name"] == ""


def test_a_damaged_name_is_told_and_can_be_written_again(runs: Command) -> None:
    file = find_run(runs.artifacts, FIRST).folder / "naming.json"
    file.write_text('{"name": "by hand"}')
    said = f"passed over: {file} is damaged; name the run again with: python flows/runs.py tag"
    assert said in runs.says("list")
    assert len(listed(runs)) == 3
    runs.says("tag", FIRST)
    assert "damaged" not in runs.says("list")


@pytest.mark.parametrize("columns", [80, 160])
def test_no_number_of_a_table_is_cut_in_a_narrow_terminal(
    runs: Command, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = runs.says("list") + runs.says("compare", FIRST, SECOND, THIRD)
    assert "…" not in shown
    assert "(0.3750 to 1.0000)" in shown
    assert max(len(line) for line in shown.splitlines() if "0.7500" in line) <= columns
    assert shown.count("+0.0000 (-0.2772 to +0.2772)") == 2 + 2 * 3


def test_what_cannot_be_read_is_one_line_below_the_list(runs: Command) -> None:
    age(make_run(runs.artifacts, "20260103T000000Z-dddddddd"))
    lines = runs.says("list").splitlines()
    assert sum("passed over: " in line for line in lines) == 1
    assert lines[-1].startswith("passed over: ")
    assert lines[-1].endswith("(its schema_version is 1, not 2); start that run again")


ODD = [b"", b"{}", b"[]", b"null", b'"x"', b"\xff\xfe\x00", b"[" * 100_000, b'{"a": 1}', b"1e999"]


def test_odd_files_with_good_hashes_end_in_one_sentence(runs: Command, tmp_path: Path) -> None:
    whole = find_run(runs.artifacts, FIRST)
    names = [name for name in whole.manifest.files if name.endswith((".json", ".parquet"))]
    commands = [
        ["show", FIRST],
        ["compare", SECOND, FIRST],
        ["export", "model-card", FIRST],
        ["export", "tensorboard", FIRST, str(tmp_path / "curves")],
    ]
    statuses = Counter[object]()
    for name in names:
        content = (whole.folder / name).read_bytes()
        for odd in ODD:
            rewritten(whole, name, odd)
            for words in commands:
                status, said = 0, ""
                try:
                    runs.says(*words)
                except SystemExit as ended:
                    status, said = int(ended.code or 0), runs.capsys.readouterr().err
                assert said.count("error: ") == status, (name, odd, words)
                statuses[status] += 1
        rewritten(whole, name, content)
    assert statuses.keys() == {0, 1}


def test_a_bundle_that_keras_alone_reads_says_how_to_ask_it(
    runs: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Bundle(path=tmp_path / "bundle", run_id=FIRST, sha256="ab", differences={})
    monkeypatch.setattr(export, "export_bundle", lambda *_, **__: made)
    said = runs.says("export", "bundle", FIRST, str(made.path))
    assert f"predict_flow.py TEXT --bundle {made.path}" in said
    assert "largest difference" not in said


def test_an_empty_folder_says_what_to_do_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = Command(app, tmp_path, capsys)
    assert runs.says("list") == (
        f"no runs in {tmp_path}/runs; make one with: python flows/train_flow.py\n"
    )
    assert runs.answers("list") == {"runs": [], "unreadable": []}


def test_a_run_is_shown_with_its_score_settings_data_and_files(runs: Command) -> None:
    shown = runs.says("show", "bbbb" * 2)
    for part in (
        "Test Accuracy: 0.7500 (95 % interval 0.3750 to 1.0000; honest protocol, 8 test reviews,"
        " source files)",
        "0.7500 (0.7500 to 0.7500), TF-IDF + logistic regression",
        "seed 1 (default 0)",
        "80 training reviews (train), 8 test reviews (test); 1 of these occur in training",
        "cpu was requested",
        "keras 3.15.1",
        "as before",
        "predictions.parquet",
    ):
        assert part in shown
    assert "stop_patience" not in shown
    assert "\nlabels" not in shown


@pytest.mark.parametrize(
    ("labels", "shown"), [(3, "3: 0, 1, 2"), (12, "12: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more")]
)
def test_several_labels_are_named_and_of_many_the_first(
    labels: int, shown: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [str(label) for label in range(labels)]
    changed_json(make_run(tmp_path), "data_report.json", {"label_names": names})
    said = Command(app, tmp_path, capsys).says("show", FIRST)
    assert re.search(rf"^labels +{shown} *$", said, re.MULTILINE)


def test_the_report_of_a_run_opens_in_the_browser_and_its_path_is_printed(
    runs: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def open_in_browser(address: str) -> bool:
        opened.append(address)
        return False

    monkeypatch.setattr(webbrowser, "open", open_in_browser)
    folders = {name: find_run(runs.artifacts, name).folder for name in (FIRST, THIRD)}
    for folder in folders.values():
        (folder / "report.html").write_text("a report")
    runs.says("tag", FIRST, "--name", "the first")
    for words, name in (((), THIRD), (("latest",), THIRD), (("the first",), FIRST)):
        report = folders[name] / "report.html"
        assert runs.says("open", *words).splitlines() == [str(report)]
        assert opened.pop() == report.as_uri()
    assert runs.answers("open")["opened"] is False
    _, said = runs.refuses("open", SECOND)
    assert "report.html: there is no such file" in said


def test_runs_are_compared_in_the_terminal(runs: Command) -> None:
    make_run(runs.artifacts, "20260103T000000Z-dddddddd", protocol="tutorial")
    shown = runs.says("compare", FIRST, "bbbbbbbb", "latest")
    assert "\n* not comparable with the first run: other protocol (tutorial chooses on" in shown
    assert "\ndddddddd* files tutorial 0.7500 (0.3750 to 1.0000)" in re.sub(" +", " ", shown)
    assert re.search(r"^dddddddd +aaaaaaaa\* *$", shown, re.MULTILINE)
    assert "\n* not comparable: other protocol (tutorial chooses on the test set)" in shown
    assert [line.split() for line in shown.splitlines() if line.startswith("seed")] == [
        ["seed", "0", "1", "0"]
    ]
    assert "keras" not in shown


def test_every_command_answers_in_json_too(runs: Command, tmp_path: Path) -> None:
    page, card = str(tmp_path / "c.html"), str(tmp_path / "card.md")
    for words in (
        ["list"],
        ["page"],
        ["show", "latest"],
        ["compare", FIRST, SECOND, "--html", page],
        ["export", "model-card", "latest"],
        ["export", "model-card", "latest", card],
        ["export", "tensorboard", "latest", str(tmp_path / "logs")],
    ):
        assert runs.answers(*words)
    for words in (
        ["compare", FIRST, SECOND, "--html", page],
        ["export", "model-card", "latest", card],
    ):
        status, shown = runs.refuses(*words)
        assert status == 1
        assert "is there already; remove it or" in " ".join(shown.split())
    listed = runs.answers("list")
    assert [run["run_id"] for run in listed["runs"]] == [THIRD, SECOND, FIRST]
    compared = runs.answers("compare", FIRST, SECOND)
    assert compared["against_first"][0]["test"]["p_value"] == 1


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        ("show", 2, 'Command "show" parameter RUN requires an argument'),
        ("compare latest", 2, "compare needs at least two different runs"),
        ("compare latest cccccccc", 2, "compare needs at least two different runs"),
        ("show nothing", 1, "'nothing' names no run in"),
        ("show 2026", 1, "'2026' names 3 runs in"),
        ("list --unheard-of", 2, "Unknown option"),
        ("show aaaaaaaa", 1, "metrics.json has 2 bytes instead of"),
        (
            f"export model-card latest {{artifacts}}/runs/{FIRST}/manifest.json/card.md",
            1,
            "manifest.json cannot be used: File exists; fix it or name",
        ),
        ("forget latest", 2, 'Unknown command "forget"'),
    ],
)
def test_a_mistake_is_one_sentence(runs: Command, words: str, status: int, sentence: str) -> None:
    (runs.artifacts / "runs" / FIRST / "metrics.json").write_text("{}")
    code, error = runs.refuses(*words.format(artifacts=runs.artifacts).split())
    assert code == status
    assert error.startswith("error: ")
    assert sentence in error


def test_a_real_run_and_its_cached_repetition_are_listed_compared_and_used(
    done: RunSummary,
    small_reviews: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, artifacts = done.folder, done.folder.parent.parent
    runs = Command(app, artifacts, capsys)
    time.sleep(1)  # runs of one second have no order
    again = start_run(artifacts, small_reviews).folder
    lines = runs.answers("list")["runs"]
    assert [(line["cached_steps"], line["steps"]) for line in lines] == [(9, 9), (0, 9)]
    assert {line["name"] for line in lines} == {"reviews-ngrams-honest-seed0"}
    assert "9 of 9 cached" in runs.says("list")
    shown = runs.says("compare", str(first), again.name)
    assert f"{again.name[-8:]} has the same weights as {first.name[-8:]}." in shown
    assert re.search(r"^differences\nnone$", shown, re.MULTILINE)
    assert "no earlier result" in runs.says("show", first.name)

    card = runs.says("export", "model-card", "latest")
    (code,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    monkeypatch.chdir(again)
    exec(compile(code, "model card", "exec"), {})  # the card's own example
    assert 0 < float(capsys.readouterr().out.strip("[]\n")) < 1


def test_a_run_is_pinned_and_marked_until_it_is_unpinned(runs: Command) -> None:
    assert runs.says("pin", "bbbbbbbb") == f"{SECOND} is pinned\n"
    lines = runs.says("list").splitlines()
    pinned = next(at for at, line in enumerate(lines) if line.startswith("pinned"))
    assert lines[pinned - 1].startswith("bbbbbbbb ")
    assert runs.answers("unpin", "bbbbbbbb") == {"pinned": []}
    assert "pinned" not in runs.says("list")
