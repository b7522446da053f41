"""The gates that a challenger must pass; all are evaluated, so that every failure is known."""

from collections.abc import Sequence

from tasks.common.formatting import p_text, short_id, signed
from tasks.common.records import Record
from tasks.config.promotion import PromotionConfig
from tasks.evaluation.alpha_spending import Look
from tasks.evaluation.significance import (
    PairedTest,
    SliceScore,
    difference_interval,
    difference_text,
)

MIB = 1 << 20


class Gate(Record):
    """One condition: what was measured, its bound, whether it holds, and that in a sentence."""

    name: str
    passed: bool
    value: float | None = None
    bound: float | None = None
    sentence: str


class Latency(Record):
    """Milliseconds per review, in batches of a size, on a device."""

    ms_per_review: float
    batch_size: int
    device: str


class ChallengerMetrics(Record):
    """What the gates judge of the challenger alone; `data_fault` is None for good data."""

    protocol: str
    accuracy: float
    baseline_accuracy: float
    bayes_baseline_accuracy: float
    baseline_sample: str = ""
    calibration_error: float
    latency: Latency
    model_bytes: int
    data_fault: str | None
    overlap: float
    max_overlap: float
    slices: tuple[SliceScore, ...] = ()


class ChampionTest(Record):
    """The challenger against the champion.

    Without a test, `note` says why there is none, and `may_pass` whether that is no obstacle.
    With one, `note` says what is special about it, if anything.
    """

    champion: str | None
    test: PairedTest | None = None
    look: Look | None = None
    note: str
    may_pass: bool = False


def judge(
    metrics: ChallengerMetrics, champion: ChampionTest, config: PromotionConfig
) -> list[Gate]:
    """Return all gates, passed or not."""
    latency = metrics.latency
    return [
        _protocol(metrics.protocol),
        _data(metrics),
        _floor(metrics.accuracy, config.floor),
        _champion(champion, config),
        _baseline(metrics, config),
        _at_most(
            "calibration",
            metrics.calibration_error,
            config.largest_calibration_error,
            "the calibration error is",
        ),
        _at_most(
            "latency",
            latency.ms_per_review,
            config.largest_latency_ms,
            f"in batches of {latency.batch_size} on {latency.device} a review takes",
            " ms",
        ),
        _at_most(
            "model size",
            metrics.model_bytes / MIB,
            config.largest_model_mib,
            "the model file has",
            " MiB",
        ),
        *([_slices(metrics.slices, config.slice_floor)] if config.slice_floor else []),
    ]


def _protocol(protocol: str) -> Gate:
    passed = protocol == "honest"
    sentence = "the test reviews were used once, after the choice of the epoch"
    if not passed:
        sentence = (
            f"the {protocol} protocol chose the epoch on the test reviews: train with"
            " --protocol honest"
        )
    return Gate(name="protocol", passed=passed, sentence=sentence)


def _data(metrics: ChallengerMetrics) -> Gate:
    return Gate(
        name="data checks",
        passed=metrics.data_fault is None,
        value=metrics.overlap,
        bound=metrics.max_overlap,
        sentence=metrics.data_fault
        or f"all hold; {metrics.overlap:.2%} of the test reviews occur in training, at most"
        f" {metrics.max_overlap:.2%} may",
    )


def _floor(accuracy: float, floor: float) -> Gate:
    passed = accuracy >= floor
    relation = "at least" if passed else "below"
    sentence = f"the accuracy {accuracy:.4f} is {relation} {floor:.4f}"
    return Gate(name="floor", passed=passed, value=accuracy, bound=floor, sentence=sentence)


def _slices(slices: Sequence[SliceScore], floor: float) -> Gate:
    if not slices:
        return Gate(name="slices", passed=False, bound=floor, sentence="the run has no slices")
    worst = min(slices, key=lambda one: one.accuracy_high)
    passed = worst.accuracy_high >= floor
    return Gate(
        name="slices",
        passed=passed,
        value=worst.accuracy_high,
        bound=floor,
        sentence=f"the worst slice, {worst.by} {worst.name}, has an accuracy of"
        f" {worst.accuracy:.4f} ({worst.accuracy_low:.4f} to {worst.accuracy_high:.4f}),"
        f" {'not ' if passed else ''}below {floor:.4f}",
    )


def _champion(champion: ChampionTest, config: PromotionConfig) -> Gate:
    if champion.test is None or champion.look is None:
        return Gate(name="champion", passed=champion.may_pass, sentence=champion.note)
    if config.mode == "better":
        gate = _better(champion.test, champion.look.adjusted_level)
    else:
        gate = _not_worse(champion.test, champion.look.adjusted_level, config.margin)
    against = f"against {short_id(champion.champion or '')}: {gate.sentence}"
    note = f"; {champion.note}" if champion.note else ""
    return gate.model_copy(update={"sentence": against + note})


def _better(test: PairedTest, level: float) -> Gate:
    differ = test.p_value <= level
    verdict = ("better" if test.difference > 0 else "worse") if differ else "cannot be told apart"
    p_value = p_text(test.p_value)
    relation = p_value if p_value.startswith("<") else f"= {p_value}"
    return Gate(
        name="champion",
        passed=verdict == "better",
        value=test.p_value,
        bound=level,
        sentence=f"{verdict}, {difference_text(test)}; exact McNemar test, p {relation} at level"
        f" {level:.2g}",
    )


def _not_worse(test: PairedTest, level: float, margin: float) -> Gate:
    low, high = difference_interval(
        test.only_first_right, test.only_second_right, test.reviews, level
    )
    passed = low > -margin
    verdict = "not worse" if passed else "not shown to be no worse"
    return Gate(
        name="champion",
        passed=passed,
        value=low,
        bound=-margin,
        sentence=f"{verdict} within {margin:.4f}: the difference is {signed(test.difference)}"
        f" ({signed(low)} to {signed(high)} at level {level:.2g})",
    )


def _baseline(metrics: ChallengerMetrics, config: PromotionConfig) -> Gate:
    kind, baseline = "linear", metrics.baseline_accuracy
    sample = f", which {metrics.baseline_sample}" if metrics.baseline_sample else ""
    if config.baseline == "naive_bayes":
        kind, baseline = "naive Bayes", metrics.bayes_baseline_accuracy
    # Rounded, since a share that lies exactly on the bound must not fail by its last bit.
    difference = round(metrics.accuracy - baseline, 12)
    passed = difference >= -config.baseline_margin
    return Gate(
        name="baseline",
        passed=passed,
        value=difference,
        bound=-config.baseline_margin,
        sentence=f"the accuracy is {'no ' if passed else ''}more than {config.baseline_margin:.4f}"
        f" below the {kind} baseline's {baseline:.4f} ({signed(difference)}){sample}",
    )


def _at_most(name: str, value: float, bound: float, subject: str, unit: str = "") -> Gate:
    passed = value <= bound
    relation = "at most" if passed else "more than"
    sentence = f"{subject} {_shown(value)}{unit}, {relation} {_shown(bound)}{unit}"
    return Gate(name=name, passed=passed, value=value, bound=bound, sentence=sentence)


def _shown(value: float) -> str:
    short = f"{value:.3g}"
    return f"{value:,.0f}" if "e+" in short else short
