"""Check new training reviews for drift from the champion's, and stop a run where that is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.common.errors import BadDataError, DriftError, PipelineError
from tasks.common.records import Record
from tasks.data.text.vocabulary import Vocabulary
from tasks.drift.compare import IndexedReviews, compare_data
from tasks.drift.measures import DriftMeasure
from tasks.registry.challenge import champion_run
from tasks.runs.read import VOCABULARY, read_config

if TYPE_CHECKING:
    from tasks.common.artifact_store import ArtifactStore, StepOutput
    from tasks.config.drift import DriftConfig
    from tasks.runs.find import Run


NO_CHAMPION = "no champion yet: nothing to compare with"

SAME_REVIEWS = "the champion was trained on the same reviews: nothing has changed"


class DriftReport(Record):
    """What came of comparing training reviews with those of the champion.

    Without measures, `note` says why there was nothing to compare, or `fault` why it could not
    be done.
    """

    champion: str | None
    reviews: int
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
            return f"no drift: all {len(self.measures)} measures are within their bounds"
        return "; ".join(self.alarms) or self.note


def check_drift(store: ArtifactStore, loaded: StepOutput, config: DriftConfig) -> DriftReport:
    """Return how the training reviews of a run differ from those of the champion.

    Args:
        store: The artifacts folder, with the champion's log and the cache.
        loaded: What the `load` step of the run left.
        config: The bounds.
    """
    reviews, champion = int(str(loaded.facts["train_rows"])), None
    try:
        run = champion_run(store.root)
        if run is None:
            return DriftReport(champion=None, reviews=reviews, note=NO_CHAMPION)
        champion = run.manifest.run_id
        if run.manifest.fingerprints["train"] == loaded.facts["train_fingerprint"]:
            return DriftReport(champion=champion, reviews=reviews, note=SAME_REVIEWS)
        measures = _compare(store, run, loaded, config)
    except PipelineError as error:
        return DriftReport(champion=champion, reviews=reviews, fault=str(error))
    return DriftReport(champion=champion, reviews=reviews, measures=tuple(measures))


def require_no_alarm(report: DriftReport, config: DriftConfig) -> None:
    """End a run whose training reviews have drifted, where the config asks for that.

    Raises:
        DriftError: There is an alarm, and the action is `stop`.
    """
    if report.alarms and config.action == "stop":
        raise DriftError(
            f"the training reviews have drifted from those of the champion, or cannot be compared"
            f" ({'; '.join(report.alarms)}); nothing was trained: look at the new reviews, then"
            " start again with action warn, with wider bounds or without the check"
        )


def _compare(
    store: ArtifactStore, run: Run, loaded: StepOutput, config: DriftConfig
) -> list[DriftMeasure]:
    kept = _loaded_reviews(store, run)
    theirs, ours = (_label_names(output) for output in (kept, loaded))
    if theirs != ours:
        raise BadDataError(f"the champion's labels are {theirs}, those of the new reviews {ours}")
    return compare_data(
        _indexed(store, kept), _indexed(store, loaded), read_config(run).text.num_words, config
    )


def _loaded_reviews(store: ArtifactStore, run: Run) -> StepOutput:
    """Return the files and facts that the `load` step of a run left, all of them whole.

    Raises:
        BadDataError: They are not in the cache any more, or damaged.
    """
    fault = "it was trained with --no-cache, which keeps nothing"
    key = next((step.key for step in run.manifest.steps if step.step == "load"), None)
    if key is not None:
        try:
            output = store.result(key)
        except LookupError as error:
            fault = str(error)
        else:
            faults = store.faults(output)
            if not faults:
                return output
            fault = "; ".join(faults)
    raise BadDataError(
        f"the reviews that the champion {run.manifest.run_id} was trained on are not in the cache"
        f" ({fault}): repeat its run, which loads them again, or promote another one"
    )


def _label_names(output: StepOutput) -> str:
    names = output.facts["label_names"]
    assert isinstance(names, list)
    return ", ".join(names)


def _indexed(store: ArtifactStore, output: StepOutput) -> IndexedReviews:
    return IndexedReviews(
        train=store.file(output, "train.parquet"),
        test=store.file(output, "test.parquet"),
        vocabulary=Vocabulary.read(store.file(output, VOCABULARY)),
    )
