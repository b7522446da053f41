from typing import Any

import pytest

from tasks.config.training import FitConfig, TrainingConfig
from tasks.evaluation.significance import PairedTest
from tasks.reports.verdict import Note, verdict
from tasks.runs.manifest import BaselineScore, Manifest, Score, Training

CONFIG = TrainingConfig(fit=FitConfig(epochs=6))

NO_OVERLAP = {"overlap": {"test_reviews_seen_in_train": 0}}

FIGURES = {"majority_share": 0.5, "balanced_accuracy": 0.75}


def a_manifest(
    accuracy: float = 0.9,
    protocol: str = "honest",
    source: str = "imdb",
    training: tuple[int, int] = (5, 3),
    *,
    changed: bool = False,
    bayes: float = 0.88,
) -> Manifest:
    """Return what a verdict reads of a manifest."""
    score = Score(
        accuracy=accuracy,
        accuracy_low=0.8,
        accuracy_high=0.95,
        test_reviews=1000,
        protocol=protocol,
        source=source,
        form=source,
    )
    return Manifest.model_construct(  # type: ignore[call-arg]
        score=score,
        baseline=BaselineScore(name="a line", accuracy=0.88, accuracy_low=0.8, accuracy_high=0.9),
        bayes_baseline=BaselineScore(
            name="pairs", accuracy=bayes, accuracy_low=0.8, accuracy_high=1
        ),
        training=Training(epochs_run=training[0], best_epoch=training[1]),
        git={"commit": "abc", "changed": changed},
    )


def notes(
    manifest: Manifest,
    p_value: float = 0.001,
    error: float = 0.01,
    data: dict[str, Any] = NO_OVERLAP,
) -> list[Note]:
    test = PairedTest(
        reviews=1000,
        only_first_right=5,
        only_second_right=5,
        p_value=p_value,
        difference=0.02,
        difference_low=0.01,
        difference_high=0.03,
    )
    figures = FIGURES | {"expected_calibration_error": error}
    return verdict(manifest, CONFIG, figures, data, [test, test])


def warnings(*arguments: Any, **options: Any) -> str:
    return " ".join(note.text for note in notes(*arguments, **options) if note.kind == "warning")


def test_a_good_run_has_no_warning() -> None:
    assert warnings(a_manifest()) == ""
    assert "2.00 points above the linear baseline, a line (0.8800;" in notes(a_manifest())[1].text


@pytest.mark.parametrize(
    ("manifest", "options", "sentence"),
    [
        (a_manifest(protocol="tutorial"), {}, "the score flatters the model"),
        (a_manifest(source="packaged"), {}, "not comparable with published ones"),
        (a_manifest(), {"p_value": 0.2}, "they cannot be told apart"),
        (a_manifest(accuracy=0.86), {}, "worse than a model trained in seconds"),
        (a_manifest(bayes=0.91), {}, "1.00 points below the linear baseline, pairs (0.9100;"),
        (a_manifest(training=(6, 6)), {}, "more epochs may score higher"),
        (a_manifest(), {"error": 0.08}, "Probabilities are off by 8.0 points"),
        (a_manifest(changed=True), {}, "changes that were not committed"),
    ],
)
def test_each_reason_to_doubt_a_score_is_a_warning(
    manifest: Manifest, options: dict[str, float], sentence: str
) -> None:
    assert sentence in warnings(manifest, **options)


def test_reviews_in_both_sets_are_reported() -> None:
    told = notes(a_manifest(), data={"overlap": {"test_reviews_seen_in_train": 7}})
    assert "7 of 1,000 test reviews" in " ".join(note.text for note in told)


def test_unbalanced_labels_are_a_reason_to_look_at_the_balanced_accuracy() -> None:
    from tasks.reports.verdict import _on_balance

    assert list(_on_balance(FIGURES)) == []
    (note,) = _on_balance({"majority_share": 0.9, "balanced_accuracy": 0.5})
    assert note.kind == "warning"
    assert "always answering the commoner one scores 0.9000" in note.text
