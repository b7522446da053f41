"""The reviews that the champion was trained on: what its run's `load` step kept in the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.artifact_store import ArtifactStore, StepOutput
from tasks.challenge_champion import promoted_run
from tasks.champion import ChampionStore
from tasks.errors import BadDataError
from tasks.promotion_event import current_champion

if TYPE_CHECKING:
    from tasks.find_runs import Run

_STEP = "load"


def champion_run(store: ArtifactStore) -> Run | None:
    """Return the champion's run, None where there is no champion yet.

    Raises:
        PromotionError: The run is lost or damaged, or the champion's log is.
    """
    champion = current_champion(ChampionStore(store.root).events())
    if champion is None:
        return None
    return promoted_run(store.root, champion.run_id, champion.manifest_sha256)


def loaded_reviews(store: ArtifactStore, run: Run) -> StepOutput:
    """Return the files and facts that the `load` step of a run left, all of them whole.

    Raises:
        BadDataError: They are not in the cache any more, or damaged.
    """
    fault = "it was trained with --no-cache, which keeps nothing"
    key = next((step.key for step in run.manifest.steps if step.step == _STEP), None)
    if key is not None:
        try:
            output = store.result(key)
        except LookupError as error:
            fault = str(error)
        else:
            faults = [text for file in output.files.values() if (text := store.fault(file))]
            if not faults:
                return output
            fault = "; ".join(faults)
    raise BadDataError(
        f"the reviews that the champion {run.manifest.run_id} was trained on are not in the cache"
        f" ({fault}): repeat its run, which loads them again, or promote another one"
    )
