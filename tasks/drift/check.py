"""Check new training reviews for drift from the champion's, and stop a run where that is asked."""

from tasks.common.artifact_store import ArtifactStore, StepOutput
from tasks.common.errors import BadDataError, PipelineError
from tasks.config.drift import DriftConfig
from tasks.data.tables.labels import changed_labels
from tasks.data.text.vocabulary import Vocabulary
from tasks.drift.compare import IndexedReviews, compare_data, new_reviews
from tasks.drift.report import DriftReport
from tasks.registry.challenge import NO_CHAMPION, champion_run
from tasks.runs.find import Run
from tasks.runs.read import VOCABULARY, read_config

SAME_REVIEWS = "the champion was trained on the same reviews: nothing has changed"


def check_drift(store: ArtifactStore, loaded: StepOutput, config: DriftConfig) -> DriftReport:
    """Return how the training reviews that are new to the champion differ from its own.

    They are those of the `load` step that were in no part of the champion's reviews.
    """
    reviews, champion = int(str(loaded.facts["train_rows"])), None
    try:
        run = champion_run(store.root)
        if run is None:
            return DriftReport(champion=None, reviews=reviews, note=NO_CHAMPION)
        champion = run.manifest.run_id
        if run.manifest.fingerprints["train"] == loaded.facts["train_fingerprint"]:
            return DriftReport(champion=champion, reviews=reviews, note=SAME_REVIEWS)
        kept = _loaded_reviews(store, run)
        theirs, ours = (_label_names(output) for output in (kept, loaded))
        if theirs != ours:
            changed = changed_labels(theirs, ours)
            raise BadDataError(f"the labels are not those of the champion ({changed})")
        before, now = _indexed(store, kept), _indexed(store, loaded)
        if before.vocabulary.tokenizer != now.vocabulary.tokenizer:
            raise BadDataError(
                f"the champion's tokens are {before.vocabulary.tokenizer}, those of the new reviews"
                f" {now.vocabulary.tokenizer}"
            )
        is_new = new_reviews(before, now)
        count = int(is_new.sum())
        found = DriftReport(champion=champion, reviews=reviews, new_reviews=count)
        if count < config.fewest_new:
            too_few = f"{count:,} of {reviews:,} training reviews are new to the champion"
            note = f"{too_few}, fewer than {config.fewest_new:,}: too few to judge"
            return found.model_copy(update={"note": note})
        measures = compare_data(before, now, is_new, read_config(run).text.num_words, config)
    except PipelineError as error:
        return DriftReport(champion=champion, reviews=reviews, fault=str(error))
    return found.model_copy(update={"measures": tuple(measures)})


def _loaded_reviews(store: ArtifactStore, run: Run) -> StepOutput:
    """Return what the `load` step of a run left; raise a BadDataError where that is not whole."""
    key = next((step.key for step in run.manifest.steps if step.step == "load"), None)
    fault = "it was trained with --no-cache, which keeps nothing"
    try:
        if key is not None:
            output = store.result(key)
            fault = "; ".join(store.faults(output))
    except LookupError as error:
        fault = str(error)
    if not fault:
        return output
    raise BadDataError(
        f"the reviews that the champion {run.manifest.run_id} was trained on are not in the cache"
        f" ({fault}): repeat its run, which loads them again, or promote another one"
    )


def _label_names(output: StepOutput) -> list[str]:
    names = output.facts["label_names"]
    assert isinstance(names, list)
    return names


def _indexed(store: ArtifactStore, output: StepOutput) -> IndexedReviews:
    return IndexedReviews(
        train=store.file(output, "train.parquet"),
        test=store.file(output, "test.parquet"),
        vocabulary=Vocabulary.read(store.file(output, VOCABULARY)),
    )
