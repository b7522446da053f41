"""The gates that a challenger must pass; all are evaluated, so that every failure is known."""

from __future__ import annotations

from tasks.common.formatting import p_text, short_id
from tasks.common.records import Record
from tasks.config.promotion import PromotionConfig
from tasks.evaluation.alpha_spending import Look
from tasks.evaluation.significance import PairedTest, difference_interval, difference_text

MIB = 1 << 20


class Gate(Record):
    """One condition: what was measured, its bound, whether it holds, and that in a sentence."""

    name: str
    passed: bool
    figure: float | None
    bound: float | None
    sentence: str


class Latency(Record):
    """Milliseconds per review, in batches of a size, on a device."""

    ms_per_review: float
    batch_size: int
    device: str


class ChallengerFigures(Record):
    """What the gates judge of the challenger alone; `data_fault` is None for good data."""

    protocol: str
    accuracy: float
    baseline_accuracy: float
    bayes_baseline_accuracy: float
    calibration_error: float
    latency: Latency
    model_bytes: int
    data_fault: str | None
    overlap: float
    max_overlap: float


class ChampionTest(Record):
    """The challenger against the champion.

    Without a test, `note` says why there is none, and `may_pass` whether that is no obstacle.
    With one, `note` says what is special about it, if anything.
    """

    champion: str | None
    test: PairedTest | None
    look: Look | None
    note: str
    may_pass: bool = False


def judge(
    figures: ChallengerFigures, champion: ChampionTest, config: PromotionConfig
) -> list[Gate]:
    """Return all gates, passed or not."""
    return [
        _protocol(figures),
        _data(figures),
        _floor(figures, config.floor),
        _champion(champion, config),
        _baseline(figures, config),
        _calibration(figures, config.largest_calibration_error),
        _latency(figures, config.largest_latency_ms),
        _size(figures, config.largest_model_mib),
    ]


def _protocol(figures: ChallengerFigures) -> Gate:
    passed = figures.protocol == "honest"
    sentence = "the test reviews were looked at once, after the choice of the epoch"
    if not passed:
        sentence = (
            f"the {figures.protocol} protocol chose the epoch on the test reviews: train with"
            " --protocol honest"
        )
    return Gate(name="protocol", passed=passed, figure=None, bound=None, sentence=sentence)


def _data(figures: ChallengerFigures) -> Gate:
    return Gate(
        name="data checks",
        passed=figures.data_fault is None,
        figure=figures.overlap,
        bound=figures.max_overlap,
        sentence=figures.data_fault
        or f"all hold; {figures.overlap:.2%} of the test reviews occur in training, at most"
        f" {figures.max_overlap:.2%} may",
    )


def _floor(figures: ChallengerFigures, floor: float) -> Gate:
    passed = figures.accuracy >= floor
    return Gate(
        name="floor",
        passed=passed,
        figure=figures.accuracy,
        bound=floor,
        sentence=f"the accuracy {figures.accuracy:.4f} is"
        f" {'at least' if passed else 'below'} {floor:.4f}",
    )


def _champion(champion: ChampionTest, config: PromotionConfig) -> Gate:
    if champion.test is None or champion.look is None:
        return Gate(
            name="champion",
            passed=champion.may_pass,
            figure=None,
            bound=None,
            sentence=champion.note,
        )
    judged = _better if config.mode == "better" else _not_worse
    gate = judged(champion.test, champion.look, config.margin)
    against = f"against {short_id(champion.champion or '')}: {gate.sentence}"
    note = f"; {champion.note}" if champion.note else ""
    return gate.model_copy(update={"sentence": against + note})


def _better(test: PairedTest, look: Look, _margin: float) -> Gate:
    differ = test.p_value <= look.adjusted_level
    verdict = ("better" if test.difference > 0 else "worse") if differ else "cannot be told apart"
    return Gate(
        name="champion",
        passed=verdict == "better",
        figure=test.p_value,
        bound=look.adjusted_level,
        sentence=f"{verdict}, {difference_text(test)}; exact McNemar test, p"
        f" {_p_relation(test.p_value)} at level {look.adjusted_level:.2g}",
    )


def _not_worse(test: PairedTest, look: Look, margin: float) -> Gate:
    low, high = difference_interval(
        test.only_first_right, test.only_second_right, test.reviews, look.adjusted_level
    )
    passed = low > -margin
    verdict = "not worse" if passed else "not shown to be no worse"
    return Gate(
        name="champion",
        passed=passed,
        figure=low,
        bound=-margin,
        sentence=f"{verdict} within {margin:.4f}: the difference is {test.difference:+.4f}"
        f" ({low:+.4f} to {high:+.4f} at level {look.adjusted_level:.2g})",
    )


def _p_relation(p_value: float) -> str:
    text = p_text(p_value)
    return text if text.startswith("<") else f"= {text}"


def _baseline(figures: ChallengerFigures, config: PromotionConfig) -> Gate:
    margin = config.baseline_margin
    is_bayes = config.baseline == "naive_bayes"
    baseline = figures.bayes_baseline_accuracy if is_bayes else figures.baseline_accuracy
    # Rounded, since a share that lies exactly on the bound must not fail by its last bit.
    difference = round(figures.accuracy - baseline, 12)
    passed = difference >= -margin
    bound = f"no more than {margin:.4f} below" if passed else f"more than {margin:.4f} below"
    return Gate(
        name="baseline",
        passed=passed,
        figure=difference,
        bound=-margin,
        sentence=f"the accuracy is {bound} the {'naive Bayes' if is_bayes else 'linear'} baseline's"
        f" {baseline:.4f}"
        f" ({difference:+.4f})",
    )


def _calibration(figures: ChallengerFigures, bound: float) -> Gate:
    return _at_most("calibration", figures.calibration_error, bound, "the calibration error is", "")


def _latency(figures: ChallengerFigures, bound: float) -> Gate:
    latency = figures.latency
    what = f"in batches of {latency.batch_size} on {latency.device} a review takes"
    return _at_most("latency", latency.ms_per_review, bound, what, " ms")


def _size(figures: ChallengerFigures, bound: float) -> Gate:
    return _at_most("model size", figures.model_bytes / MIB, bound, "the model file has", " MiB")


def _at_most(name: str, figure: float, bound: float, subject: str, unit: str) -> Gate:
    passed = figure <= bound
    return Gate(
        name=name,
        passed=passed,
        figure=figure,
        bound=bound,
        sentence=f"{subject} {figure:.3g}{unit}, {'at most' if passed else 'more than'}"
        f" {bound:.3g}{unit}",
    )
