from pathlib import Path

import pytest

from flows.display import ending
from flows.display.ending import print_ending
from tasks.registry.events import Decision
from tasks.reports.verdict import Level, Verdict
from tasks.run_summary import RunSummary
from tests.support.made_runs import FIRST, make_run


def ended(
    artifacts: Path, level: Level, monkeypatch: pytest.MonkeyPatch, champion: str | None = None
) -> RunSummary:
    run = make_run(artifacts)
    verdict = Verdict(level, f"{run.manifest.score.accuracy:.4f}, so it is.")
    monkeypatch.setattr(ending, "run_verdict", lambda *_: verdict)
    decision = Decision(
        kind="refused", headline="Refused: why.", former_champion=None, champion=champion
    )
    promotion = decision if champion else None
    return RunSummary(
        folder=run.folder, score=run.manifest.score, steps=run.manifest.steps, promotion=promotion
    )


@pytest.mark.parametrize(
    ("level", "champion", "follows"),
    [
        ("good", None, "promote latest"),
        ("mind", None, "runs show latest"),
        ("bad", None, "train --recipe ngrams --train-file"),
        ("bad", "another", "history"),
        ("good", FIRST, 'predict "'),
    ],
)
def test_the_ending_has_verdict_epoch_report_and_the_next_command(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    level: Level,
    champion: str | None,
    follows: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["sentiment"])
    print_ending(ended(Path("artifacts"), level, monkeypatch, champion))
    score, epoch, *decision, report, then = capsys.readouterr().out.splitlines()
    assert score.startswith("Test Accuracy: 0.7500 (95 % interval 0.3750 to 1.0000; honest")
    assert score.endswith("), so it is.")
    assert epoch.startswith("Epoch 2 of 2, with the lowest validation loss, was kept; ")
    assert decision == (["Refused: why."] if champion else [])
    assert report == f"Report: artifacts/runs/{FIRST}/report.html"
    assert then.startswith(f"Next: sentiment {follows}")


def test_the_next_command_names_the_folder_where_it_is_not_the_usual_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    print_ending(ended(tmp_path / "a b", "good", monkeypatch))
    assert capsys.readouterr().out.endswith(f" --artifacts '{tmp_path}/a b'\n")
