import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.common.errors import BadDataError, ChampionAlreadyError, PromotionError
from tasks.config.promotion import PromotionConfig
from tasks.registry.champion import ChampionStore
from tasks.registry.events import PromotionEvent, line_of_champions
from tasks.registry.promote import decision_of, promote, rollback, who_am_i
from tasks.runs.find import Run, find_run
from tests.support.made_runs import age, changed_json
from tests.support.promotions import (
    CONFIG,
    decide,
    failed,
    make_challenger,
    quick,
    repeat,
    run_id,
    sentence,
)

ROOT = Path(__file__).parents[2]

NOT_WORSE = CONFIG.model_copy(update={"mode": "not_worse", "margin": 0.2})


def champion(artifacts: Path) -> str | None:
    found = ChampionStore(artifacts).champion()
    return found.run_id if found else None


def go_back(artifacts: Path, to: str | None = None) -> PromotionEvent:
    return rollback(artifacts, to, who="me@here", reason="it fell ill")


def decide_all(artifacts: Path, *right: int) -> list[Run]:
    """Decide on the runs 1, 2 and so on, which judge so many reviews correctly; return them."""
    runs = [make_challenger(artifacts, number, each) for number, each in enumerate(right, start=1)]
    for run in runs:
        decide(artifacts, run)
    return runs


@pytest.mark.parametrize("part", ["score", "baseline", "bayes_baseline"])
def test_a_score_that_the_predictions_do_not_give_is_refused(tmp_path: Path, part: str) -> None:
    run = make_challenger(tmp_path, 1)
    score = getattr(run.manifest, part)
    forged = score.model_copy(update={"accuracy": score.accuracy + 0.025})
    run.manifest.model_copy(update={part: forged}).write(run.folder)
    with pytest.raises(PromotionError, match=r"recorded accuracy is 0\.\d+, but \w+\.parquet"):
        decide(tmp_path, find_run(tmp_path, run_id(1)))
    assert champion(tmp_path) is None


def test_a_calibration_error_that_the_predictions_do_not_give_is_refused(tmp_path: Path) -> None:
    run = make_challenger(tmp_path, 1)
    forged = changed_json(run, "metrics.json", {"expected_calibration_error": 0.01})
    with pytest.raises(PromotionError, match=r"error is 0\.0100, but predictions\.parquet gives 0"):
        decide(tmp_path, forged)
    assert champion(tmp_path) is None


def test_the_first_challenger_is_promoted_where_there_is_no_champion_yet(tmp_path: Path) -> None:
    event = decide(tmp_path, make_challenger(tmp_path, 1))
    assert event.kind == "promoted"
    assert event.former_champion is None
    assert sentence(event, "champion") == "no champion yet: nothing to compare with"
    assert (event.test, event.look) == (None, None)
    assert champion(tmp_path) == run_id(1)


@pytest.mark.parametrize(
    ("right", "asked", "said"),
    [
        ([20, 36], {}, "better, +0.4000 ("),
        ([36, 20], {}, "worse, -0.4000 ("),
        ([36, 20], {"without_comparison": True}, "worse, -0.4000 ("),
        ([20, 21, 21, 21, 21, 21, 28], {}, "cannot be told apart, +0.2000 ("),
        ([36, 36], {"config": NOT_WORSE}, "not worse within 0.2000: the difference is +0.0000"),
    ],
)
def test_a_challenger_is_promoted_or_refused_with_its_numbers(
    tmp_path: Path, right: list[int], asked: dict[str, Any], said: str
) -> None:
    decide_all(tmp_path, *right[:-1])
    event = decide(tmp_path, make_challenger(tmp_path, len(right), right[-1]), reason="r", **asked)
    good = said.startswith(("better", "not worse"))
    assert (event.kind, failed(event)) == (("promoted", []) if good else ("refused", ["champion"]))
    assert sentence(event, "champion").startswith(f"against 00000001: {said}")
    assert (event.former_champion, event.who, event.reason) == (run_id(1), "me@here", "r")
    more = right[-1] - right[0]
    assert event.test is not None
    found = (event.test.only_first_right, event.test.only_second_right)
    assert found == (max(more, 0), max(-more, 0))
    assert event.test.p_value == pytest.approx(min(1, 2 / 2 ** abs(more)))
    assert event.look is not None
    assert event.look.number == len(right) - 1
    assert champion(tmp_path) == run_id(len(right) if good else 1)
    assert ChampionStore(tmp_path).events()[-1] == event


def test_rollback_restores_the_former_champion(tmp_path: Path) -> None:
    decide_all(tmp_path, 10, 24, 38)
    event = go_back(tmp_path)
    assert (event.kind, event.reason) == ("rolled back", "it fell ill")
    assert (event.run_id, event.former_champion) == (run_id(2), run_id(3))
    assert champion(tmp_path) == run_id(2)
    go_back(tmp_path)
    assert champion(tmp_path) == run_id(1)
    with pytest.raises(PromotionError, match="has no champion before it"):
        go_back(tmp_path)


def test_rollback_goes_to_a_named_champion_of_before_or_after(tmp_path: Path) -> None:
    decide_all(tmp_path, 10, 24, 38)
    make_challenger(tmp_path, 4)
    go_back(tmp_path, run_id(1))
    assert champion(tmp_path) == run_id(1)
    go_back(tmp_path, f"{3:08x}")
    assert champion(tmp_path) == run_id(3)
    go_back(tmp_path)
    assert champion(tmp_path) == run_id(1)
    with pytest.raises(PromotionError, match="was never champion: promote it"):
        go_back(tmp_path, run_id(4))
    with pytest.raises(PromotionError, match="is the champion already"):
        go_back(tmp_path, run_id(1))
    with pytest.raises(BadDataError, match="names no run"):
        go_back(tmp_path, "nothing")


def test_without_a_champion_there_is_nothing_to_go_back_to(tmp_path: Path) -> None:
    with pytest.raises(PromotionError, match="there is no champion yet: promote a run"):
        go_back(tmp_path)


def spoil(run: Run) -> None:
    (run.folder / "best_model.keras").write_bytes(b"another model")


@pytest.mark.parametrize(
    ("harm", "said"),
    [(spoil, r"is damaged \(best_model.keras has 13 bytes"), (age, "written by another version")],
)
def test_rollback_never_restores_a_run_that_is_damaged_or_of_another_version(
    tmp_path: Path, harm: Callable[[Run], None], said: str
) -> None:
    first, _ = decide_all(tmp_path, 10, 38)
    harm(first)
    with pytest.raises((PromotionError, BadDataError), match=said):
        go_back(tmp_path)
    assert champion(tmp_path) == run_id(2)


def test_the_champions_run_and_model_are_not_decided_on_measured_or_a_look(tmp_path: Path) -> None:
    def never(*_: Any) -> Any:
        raise AssertionError("measured")

    _, run = decide_all(tmp_path, 20, 36)
    for again, said in (
        (run, f"{run_id(2)} is the champion already, since 20"),
        (repeat(tmp_path, run, 3), f"{run_id(3)} has the model of the champion"),
    ):
        with pytest.raises(ChampionAlreadyError, match=said):
            promote(tmp_path, again, CONFIG, never, who="me", reason="")
    assert champion(tmp_path) == run_id(2)
    assert len(ChampionStore(tmp_path).events()) == 2


def test_a_step_that_is_tried_again_decides_nothing_twice(tmp_path: Path) -> None:
    run = make_challenger(tmp_path, 1)
    ask = partial(promote, tmp_path, run, CONFIG, quick, who="me@here", reason="")
    first, second = (decision_of(tmp_path, ask) for _ in range(2))
    assert (first.kind, first.former_champion, first.champion) == ("promoted", None, run_id(1))
    assert second.kind == "champion already"
    assert second.former_champion == second.champion == run_id(1)
    assert second.event is None
    assert second.headline.startswith(f"{run_id(1)} is the champion already, since 20")
    assert ChampionStore(tmp_path).events() == [first.event]


def test_a_lost_champion_can_be_replaced_by_a_repeated_run_of_its_model(tmp_path: Path) -> None:
    lost = make_challenger(tmp_path, 1)
    decide(tmp_path, lost)
    again = repeat(tmp_path, lost, 2)
    (lost.folder / "best_model.keras").unlink()
    assert failed(decide(tmp_path, again)) == ["champion"]
    assert decide(tmp_path, again, without_comparison=True).kind == "promoted"


def test_a_model_that_was_taken_back_is_not_promoted_by_the_next_run_of_it(tmp_path: Path) -> None:
    _, second, third = decide_all(tmp_path, 10, 24, 38)
    go_back(tmp_path, run_id(1))
    event = decide(tmp_path, repeat(tmp_path, second, 4), without_comparison=True)
    assert failed(event) == ["champion"]
    assert event.look is None
    text = sentence(event, "champion")
    assert text.startswith("me@here took this model back on 20")
    assert text.endswith(
        f"(event 4): bring it back with python flows/promote.py rollback --to {run_id(2)}"
    )
    go_back(tmp_path, run_id(2))
    assert champion(tmp_path) == run_id(2)
    assert decide(tmp_path, third).kind == "refused"
    assert decide(tmp_path, make_challenger(tmp_path, 5, right=40)).kind == "promoted"


def test_a_tutorial_run_is_always_refused_and_is_no_look(tmp_path: Path) -> None:
    first = decide(tmp_path, make_challenger(tmp_path, 1, protocol="tutorial"))
    assert failed(first) == ["protocol"]
    decide(tmp_path, make_challenger(tmp_path, 2, right=10))
    run = make_challenger(tmp_path, 3, right=38, protocol="tutorial")
    event = decide(tmp_path, run, without_comparison=True)
    assert failed(event) == ["protocol", "champion"]
    assert sentence(event, "champion") == "not compared: other protocol"
    assert event.look is None


def test_every_failure_is_listed_at_once_and_logged(tmp_path: Path) -> None:
    decide(tmp_path, make_challenger(tmp_path, 1, right=36))
    strict = PromotionConfig(
        floor=0.9,
        largest_calibration_error=0.01,
        largest_latency_ms=1,
        largest_model_mib=1e-6,
        fewest_reviews=1,
    )
    event = decide(tmp_path, make_challenger(tmp_path, 2, right=20), strict)
    assert failed(event) == ["floor", "champion", "calibration", "latency", "model size"]
    logged = json.loads(ChampionStore(tmp_path).log.read_text().splitlines()[-1])
    assert [gate["value"] for gate in logged["gates"]] == [gate.value for gate in event.gates]
    assert logged["metrics"]["accuracy"] == 0.5
    assert logged["metrics"]["latency"]["ms_per_review"] == 1.5
    assert logged["test"]["only_second_right"] == 16
    assert logged["config"]["floor"] == 0.9


@pytest.mark.parametrize("loss", ["folder", "model", "manifest"])
def test_a_lost_champion_is_a_failure_with_a_way_out(tmp_path: Path, loss: str) -> None:
    old = make_challenger(tmp_path, 1, right=10)
    decide(tmp_path, old)
    if loss == "folder":
        old.folder.rename(tmp_path / "elsewhere")
    elif loss == "model":
        (old.folder / "best_model.keras").unlink()
    else:
        subprocess.run(["rm", "-r", old.folder], check=True)
        make_challenger(tmp_path, 1, right=20)
    challenger = make_challenger(tmp_path, 2, right=38)
    event = decide(tmp_path, challenger)
    assert failed(event) == ["champion"]
    said = {
        "folder": f"{old.folder} is missing: bring it back",
        "model": "is damaged (best_model.keras is missing): bring it back as it was",
        "manifest": "is damaged (manifest.json is not the one that was promoted)",
    }[loss]
    text = sentence(event, "champion")
    assert text.startswith("the champion 00000001 cannot be compared: ")
    assert said in text
    assert text.endswith("; or promote with --without-comparison")
    event = decide(tmp_path, challenger, without_comparison=True)
    assert event.kind == "promoted"
    assert sentence(event, "champion").endswith("; promoted without, as requested")


def test_a_challenger_asked_about_again_or_repeated_is_the_same_look(tmp_path: Path) -> None:
    decide(tmp_path, make_challenger(tmp_path, 1, right=30))
    first, second, third = (make_challenger(tmp_path, number, right=31) for number in (2, 3, 4))
    runs = (first, second, first, repeat(tmp_path, second, 5), third)
    looks = [look for run in runs if (look := decide(tmp_path, run).look)]
    assert [look.number for look in looks] == [1, 2, 1, 2, 3]
    levels = [look.adjusted_level for look in looks]
    assert levels == pytest.approx([0.05 / part for part in (2, 6, 2, 6, 12)])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"overlap": {"test_reviews_seen_in_train": 39}, "test": {"empty_texts": 2}},
            "test has 2 texts without any word; 39 of 40 test reviews occur in training",
        ),
        ({"source": "imdb"}, "test must have 12500 reviews of each class"),
    ],
)
def test_reviews_that_break_a_rule_fail(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    run = make_challenger(tmp_path, 1)
    event = decide(tmp_path, changed_json(run, "data_report.json", changes))
    assert failed(event) == ["data checks"]
    assert said in sentence(event, "data checks")


def test_a_damaged_challenger_is_no_challenger(tmp_path: Path) -> None:
    run = make_challenger(tmp_path, 1)
    (run.folder / "best_model.keras").unlink()
    (run.folder / "metrics.json").write_text("{}")
    with pytest.raises(PromotionError, match=r"best_model.keras is missing; metrics.json has 2"):
        decide(tmp_path, run)
    assert not ChampionStore(tmp_path).log.exists()


def test_a_challenger_must_lie_in_the_folder_of_the_champion(tmp_path: Path) -> None:
    run = make_challenger(tmp_path / "other", 1)
    with pytest.raises(PromotionError, match=r"is not in .*/mine/runs: name its folder with"):
        decide(tmp_path / "mine", run)


def test_the_model_is_measured_before_the_lock_is_taken(tmp_path: Path) -> None:
    run = make_challenger(tmp_path, 1)

    def measure(*arguments: Any) -> Any:
        assert not (tmp_path / "promotions.lock").exists()
        return quick(*arguments)

    promote(tmp_path, run, CONFIG, measure, who="me", reason="")
    assert champion(tmp_path) == run_id(1)


def test_who_decides_is_a_user_at_a_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert who_am_i().count("@") == 1

    def nobody() -> str:
        raise KeyError

    monkeypatch.setattr("getpass.getuser", nobody)
    assert who_am_i().startswith("unknown@")


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("promote"), st.integers(0, 7)),
        st.just(("back", None)),
        st.tuples(st.just("back"), st.integers(0, 7)),
    ),
    max_size=12,
)


@pytest.fixture(scope="module")
def eight_runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Run]]:
    artifacts = tmp_path_factory.mktemp("artifacts")
    return artifacts, [make_challenger(artifacts, number, 5 * number) for number in range(8)]


@settings(max_examples=30)
@given(ACTIONS)
def test_in_any_history_there_is_one_champion_and_rollback_restores_the_one_before(
    eight_runs: tuple[Path, list[Run]], actions: list[tuple[str, int | None]]
) -> None:
    artifacts, runs = eight_runs
    store = ChampionStore(artifacts)
    store.log.unlink(missing_ok=True)
    store.pointer.unlink(missing_ok=True)
    line: list[str] = []
    for action, number in actions:
        before = champion(artifacts)
        run = None if number is None else runs[number]
        try:
            if action == "promote" and run is not None:
                event = decide(artifacts, run)
            else:
                event = go_back(artifacts, None if run is None else run.manifest.run_id)
        except PromotionError:
            assert champion(artifacts) == before
            continue
        expect(line, event, named=number is not None)
        assert champion(artifacts) == (line[-1] if line else None)
        assert [earlier.run_id for earlier in line_of_champions(store.events())] == line
        pointer = json.loads(store.pointer.read_text())["run_id"] if line else None
        assert pointer == champion(artifacts)


def expect(line: list[str], event: PromotionEvent, *, named: bool) -> None:
    """Do to `line`, the champions that lead to the present one, what `event` says."""
    if event.kind == "rolled back" and event.run_id in line:
        assert named or line[-2] == event.run_id
        del line[line.index(event.run_id) + 1 :]
    elif event.kind != "refused":
        line.append(event.run_id)


PROMOTES = """
import sys
from pathlib import Path
from tasks.config.promotion import PromotionConfig
from tasks.registry.gates import Gate, Latency
from tasks.registry.promote import promote
from tasks.runs.find import find_run

# As in tests.support.promotions, whose import brings Keras.
config = PromotionConfig(floor=0.1, largest_calibration_error=1, fewest_reviews=1)
gate = Gate(name="predictions", passed=True, sentence="not asked")
asked = Latency(ms_per_review=1.5, batch_size=256, device="cpu"), gate
artifacts, runs = Path(sys.argv[1]), sys.argv[2:]
sys.stdin.readline()
for run in runs:
    promote(artifacts, find_run(artifacts, run), config, lambda *_: asked, who="me", reason="")
"""


def test_two_processes_that_promote_at_once_decide_one_after_the_other(tmp_path: Path) -> None:
    runs = [make_challenger(tmp_path, number, 5 * number).folder.name for number in range(1, 9)]
    command = [sys.executable, "-c", PROMOTES, str(tmp_path)]
    processes = [
        subprocess.Popen([*command, *half], stdin=subprocess.PIPE, text=True, cwd=ROOT)
        for half in (runs[1::2], runs[::2])
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.close()
    assert [process.wait(timeout=100) for process in processes] == [0, 0]
    events = ChampionStore(tmp_path).events()
    assert [event.number for event in events] == list(range(1, 9))
    former = None
    for event in events:
        assert event.former_champion == former
        former = event.run_id if event.kind == "promoted" else former
    assert champion(tmp_path) == former
    compared = [event.look.number for event in events if event.look]
    assert compared == list(range(1, len(compared) + 1))
