from typing import Any

import pytest

from tasks.config.training import FitConfig, TrainingConfig
from tasks.evaluation.balance import leading_facts
from tasks.evaluation.significance import PairedTest
from tasks.reports.verdict import Note, Verdict, calibration_sentence, conclude, notes_on
from tasks.runs.manifest import BaselineScore, Manifest, Score, Training
from tests.support.made_runs import SAMPLE, with_sampled_baselines

CONFIG = TrainingConfig(fit=FitConfig(epochs=6))

NO_OVERLAP = {
    "overlap": {"test_reviews_seen_in_train": 0},
    "train": {"reviews": 20_000},
    "label_names": ["bad", "good"],
}

TELLING = {
    "words": [
        {"word": "neg", "label": 0, "place": "first", "recall": 0.5, "precision": 1.0},
        {"word": "pos", "label": 1, "place": "anywhere", "recall": 0.98, "precision": 0.99},
    ],
    "accuracy": 0.99,
    "accuracy_without": 0.87,
}

FIGURES = {"majority_share": 0.5, "balanced_accuracy": 0.75, "roc_auc": 0.8}


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


def a_test(difference: float, p_value: float) -> PairedTest:
    return PairedTest(
        reviews=1000,
        only_first_right=5,
        only_second_right=5,
        p_value=p_value,
        difference=difference,
        difference_low=difference - 0.01,
        difference_high=difference + 0.01,
    )


def notes(
    manifest: Manifest,
    p_value: float = 0.001,
    error: float = 0.01,
    data: dict[str, Any] = NO_OVERLAP,
    linear: dict[str, Any] | None = None,
    **figures: float,
) -> list[Note]:
    test = a_test(0.02, p_value)
    measured = FIGURES | {"expected_calibration_error": error} | figures
    return notes_on(manifest, CONFIG, measured, data, [test, test], linear or {})


def concluded(
    manifest: Manifest,
    p_value: float = 0.001,
    linear: dict[str, Any] | None = None,
    **figures: float,
) -> Verdict:
    differences = (manifest.score.accuracy - one.accuracy for one in manifest.baselines)
    tests = [a_test(difference, p_value) for difference in differences]
    return conclude(manifest, FIGURES | figures, tests, linear or {}, ["bad", "good"])


def warnings(*arguments: Any, **options: Any) -> str:
    return " ".join(note.text for note in notes(*arguments, **options) if note.kind == "warning")


@pytest.mark.parametrize(
    ("accuracy", "p_value", "sentence"),
    [
        (0.9, 0.001, f"better than both linear baselines, 0.8800 and 0.8800, {SAMPLE}: it is"),
        (0.9, 0.2, f"better than a line {SAMPLE}, 0.8800 (p = 0.2)"),
        (0.86, 0.001, f"worse than a line {SAMPLE}, 0.8800: "),
    ],
)
def test_a_verdict_says_that_the_baselines_learned_from_a_sample(
    accuracy: float, p_value: float, sentence: str
) -> None:
    manifest = with_sampled_baselines(a_manifest(accuracy))
    assert sentence in concluded(manifest, p_value).sentence
    assert f"the linear baseline, a line {SAMPLE} (0.8800;" in str(notes(manifest, p_value))
    assert "learned from" not in concluded(a_manifest(accuracy), p_value).sentence


def test_a_good_run_has_no_warning() -> None:
    assert warnings(a_manifest()) == ""
    assert "2.00 points above the linear baseline, a line (0.8800;" in notes(a_manifest())[0].text


@pytest.mark.parametrize(
    ("manifest", "options", "sentence"),
    [
        (a_manifest(protocol="tutorial"), {}, "the score flatters the model"),
        (a_manifest(source="packaged"), {}, "not comparable with published ones"),
        (a_manifest(), {"p_value": 0.2}, "they cannot be told apart"),
        (a_manifest(accuracy=0.86), {}, "worse than a model trained in seconds"),
        (a_manifest(bayes=0.91), {}, "1.00 points below the linear baseline, pairs (0.9100;"),
        (
            a_manifest(bayes=0.9),
            {"p_value": 0.2},
            "exactly as good as the linear baseline, pairs (0.9000;",
        ),
        (a_manifest(training=(6, 6)), {}, "more epochs may score higher"),
        (a_manifest(), {"error": 0.08}, "Probabilities are off by 8.0 points"),
        (
            a_manifest(),
            {"majority_share": 0.9},
            "the most common one scores 0.9000. Look at the bal",
        ),
        (a_manifest(), {"roc_auc": 0.97}, "Ranking is good (ROC AUC 0.9700) but the cut at 0.5 is"),
        (a_manifest(changed=True), {}, "changes that were not committed"),
    ],
)
def test_each_reason_to_doubt_a_score_is_a_warning(
    manifest: Manifest, options: dict[str, float], sentence: str
) -> None:
    assert sentence in warnings(manifest, **options)


def test_words_that_give_the_label_away_are_named_with_what_they_bring() -> None:
    said = concluded(a_manifest(), linear={"telling": TELLING, "share_of_ids": 0.0})
    assert said.level == "mind"
    assert said.sentence.endswith(
        "; single words give the label away, 'pos' (98 % of 'good'), 'neg' as the first word (50 %"
        " of 'bad'): without them a linear model falls from 0.9900 to 0.8700, so look whether they"
        " are known when the model is asked."
    )
    (first, *_) = notes(a_manifest(), linear={"telling": TELLING})
    assert (first.kind, first.text[:36]) == ("warning", "Single words give the label away, 'p")


def test_texts_that_look_like_ids_are_asked_about() -> None:
    said = concluded(a_manifest(), linear={"telling": None, "share_of_ids": 0.97})
    assert said.level == "mind"
    assert "the texts look like ids" in said.sentence
    assert "ids" not in concluded(a_manifest(), linear={"share_of_ids": 0.2}).sentence


@pytest.mark.parametrize(
    ("error", "reviews", "is_told"),
    [(0.08, 1_200, True), (0.08, 20_000, False), (0.01, 1_200, False)],
)
def test_probabilities_learned_from_few_reviews_come_with_what_to_do(
    error: float, reviews: int, *, is_told: bool
) -> None:
    told = notes(a_manifest(), error=error, data=NO_OVERLAP | {"train": {"reviews": reviews}})
    hints = [note.text for note in told if "1,200 training reviews are few" in note.text]
    assert bool(hints) == is_told
    assert all("docs/recipes.md" in hint for hint in hints)


def test_what_to_mind_comes_first_and_the_weightiest_of_it_before() -> None:
    told = notes(a_manifest(protocol="tutorial", changed=True), 0.2, roc_auc=0.97)
    kinds = [note.kind for note in told]
    assert kinds == sorted(kinds, key=("warning", "plain", "good").index)
    assert "cannot be told apart" in told[0].text
    assert "the cut at 0.5" in told[2].text
    assert "tutorial protocol" in told[3].text
    assert "not committed" in told[4].text


@pytest.mark.parametrize(
    ("manifest", "options", "level", "sentence"),
    [
        (
            a_manifest(),
            {},
            "good",
            "0.9000, better than both linear baselines, 0.8800 and 0.8800: it is worth using.",
        ),
        (
            a_manifest(accuracy=0.6, bayes=0.99),
            {},
            "bad",
            "0.6000, worse than pairs, 0.9900: do not use it.",
        ),
        (
            a_manifest(bayes=0.91),
            {},
            "bad",
            "0.9000, worse than pairs, 0.9100: that one, trained in seconds, is the better model.",
        ),
        (
            a_manifest(bayes=0.91),
            {"p_value": 0.34},
            "mind",
            "0.9000, not shown to be better than pairs, 0.9100 (p = 0.34): the simpler model may"
            " do as well.",
        ),
        (
            a_manifest(),
            {"majority_share": 0.85},
            "bad",
            "0.9000, not shown to be better than always answering the most common label, 0.8500: do"
            " not use it.",
        ),
        (
            a_manifest(protocol="tutorial"),
            {},
            "mind",
            "0.9000, better than both linear baselines, 0.8800 and 0.8800: it is worth using; the"
            " test reviews chose its epoch, which flatters it.",
        ),
        (
            a_manifest(accuracy=0.6),
            {"roc_auc": 0.97, "balanced_accuracy": 0.6},
            "bad",
            "0.6000, worse than a line, 0.8800: do not use it; ranking is good (AUC 0.97) but the"
            " cut at 0.5 is not.",
        ),
    ],
)
def test_the_verdict_says_in_one_sentence_whether_a_model_is_of_use(
    manifest: Manifest, options: dict[str, float], level: str, sentence: str
) -> None:
    assert concluded(manifest, **options) == Verdict(level, sentence)  # type: ignore[arg-type]


@pytest.mark.parametrize(("auc", "balanced"), [(0.97, 0.9), (0.75, 0.5), (1, 1)])
def test_a_cut_that_loses_little_or_ranks_badly_is_no_matter(auc: float, balanced: float) -> None:
    assert concluded(a_manifest(), roc_auc=auc, balanced_accuracy=balanced).level == "good"


def test_reviews_in_both_sets_are_reported() -> None:
    told = notes(a_manifest(), data=NO_OVERLAP | {"overlap": {"test_reviews_seen_in_train": 7}})
    assert "7 of 1,000 test reviews" in " ".join(note.text for note in told)


def test_macro_f1_leads_where_several_labels_are_not_balanced() -> None:
    found = {
        "macro_f1": 0.6,
        "macro_f1_interval_95": [0.5, 0.7],
        "by_label": [{"reviews": 1000}] * 3,
    }
    assert leading_facts(found | {"majority_share": 0.39}) == {}
    assert leading_facts({"majority_share": 0.9}) == {}
    few = found | {"by_label": [{"reviews": 15}] * 20}
    assert leading_facts(few | {"majority_share": 19 / 300}) == {}  # as chance has it
    assert leading_facts(few | {"majority_share": 60 / 300})
    leads = leading_facts(found | {"majority_share": 0.41})
    manifest = a_manifest()
    score = Score.model_validate(manifest.score.model_dump() | leads)
    assert score.lead == ("macro F1", 0.6, 0.5, 0.7)
    assert manifest.score.lead[0] == "accuracy"
    verdict = concluded(manifest.model_copy(update={"score": score}))
    assert verdict.sentence.startswith("accuracy 0.9000, better than")


def test_unbalanced_labels_are_a_reason_to_look_at_the_macro_f1_of_several() -> None:
    several: dict[str, Any] = {"macro_f1": 0.45, "by_label": [{"reviews": 1000}] * 3}
    assert warnings(a_manifest(), **several, majority_share=0.39) == ""
    told = warnings(a_manifest(), **several, majority_share=0.4)
    assert "Look at the macro F1, 0.4500, in which all labels weigh the same" in told


def test_the_sentence_on_calibration_says_before_and_after_and_where_it_was_fitted() -> None:
    metrics = {
        "expected_calibration_error": 0.008,
        "expected_calibration_error_interval_95": (0.003, 0.0101),
        "calibration": {
            "why_not": None,
            "temperature": 2.0,
            "fitted_on": 1000,
            "loss_before": 0.5,
            "loss_after": 0.4,
            "error_before": 0.1,
            "error_before_interval_95": (0.09, 0.11),
            "validation_error_before": 0.11,
            "validation_error": 0.012,
        },
    }
    assert calibration_sentence(metrics) == (
        "Probabilities are off by 0.8 points on average (calibration error, 95 % interval 0.3 to"
        " 1.0); by 10.0 (9.0 to 11.0) before the temperature 2. It was fitted on 1,000 validation"
        " reviews, which chose the epoch too: there 11.0 points before and 1.2 after, log loss"
        " 0.5000 and 0.4000."
    )
    undone = metrics | {"calibration": {"why_not": "it is off"}}
    assert calibration_sentence(undone).endswith("; they are not calibrated: it is off.")


def test_of_an_earlier_run_only_the_calibration_error_is_said() -> None:
    text = calibration_sentence({"expected_calibration_error": 0.08})
    assert text == "Probabilities are off by 8.0 points on average (calibration error)."
