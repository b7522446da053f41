"""What a comparison of training reviews found: its measures, and the alarms among them."""

from tasks.common.errors import DriftError
from tasks.common.formatting import number_text, p_text
from tasks.common.records import Record
from tasks.config.drift import DriftConfig


class DriftMeasure(Record):
    """One measure: what it is of, both sets' values where they have any, bound and p-value.

    It has drifted where the value is above the bound and the p-value at most the level.
    """

    name: str
    statistic: str
    champion: float | None
    new: float | None
    value: float
    bound: float
    p_value: float
    drifted: bool

    @property
    def sentence(self) -> str:
        """The measure with its value and its bound."""
        relation = "more than" if self.value > self.bound else "at most"
        return (
            f"{self.name}: {self.statistic} {number_text(self.value)}, {relation}"
            f" {number_text(self.bound)} (p {p_text(self.p_value)})"
        )


class DriftReport(Record):
    """What came of comparing training reviews with those of the champion.

    Without measures, `note` says why there was nothing to compare, or `fault` why it could not
    be done. Only those of the `reviews` count that are new to the champion.
    """

    champion: str | None
    reviews: int
    new_reviews: int | None = None
    measures: tuple[DriftMeasure, ...] = ()
    note: str = ""
    fault: str = ""

    @property
    def alarms(self) -> list[str]:
        """What is wrong, each in a sentence; nothing where all is well."""
        drifted = [measure.sentence for measure in self.measures if measure.drifted]
        return [f"not compared: {self.fault}"] if self.fault else drifted

    @property
    def headline(self) -> str:
        """What came of it in a line."""
        if self.measures and not self.alarms:
            return (
                f"no drift: all {len(self.measures)} measures of {self.new_reviews:,} new reviews"
                " are within their bounds"
            )
        return "; ".join(self.alarms) or self.note


def require_no_alarm(report: DriftReport, config: DriftConfig) -> None:
    """Raise a DriftError where there is an alarm, and the action of the config is `stop`."""
    if report.alarms and config.action == "stop":
        raise DriftError(
            f"the training reviews have drifted from those of the champion, or cannot be compared"
            f" ({'; '.join(report.alarms)}); nothing was trained: look at the new reviews, then"
            " start again with action warn, with wider bounds or without the check"
        )
