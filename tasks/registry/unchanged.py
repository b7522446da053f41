"""Tell whether a new run would only repeat the newest finished one."""

from collections.abc import Sequence
from pathlib import Path

from tasks.common.artifact_store import StepRun
from tasks.common.errors import UnchangedError
from tasks.config.promotion import PromotionConfig
from tasks.registry.champion import ChampionStore, best_model
from tasks.registry.events import current_champion, model_of
from tasks.runs.find import Run, find_runs


def require_change(
    artifacts: Path, steps: Sequence[StepRun], promotion: PromotionConfig | None
) -> None:
    """Continue only where a step's key is new, or the newest run is damaged or still undecided.

    The keys are made of the bytes of the data, the config, the source that each step reaches, its
    libraries and the device, so there is nothing else to compare. An UnchangedError says that the
    newest finished run has the same keys, whole files, and was decided on by the same gates where
    promotion is requested.
    """
    newest = next(iter(find_runs(artifacts).runs), None)
    # Without a cache there are no keys.
    if newest is None or not _keys(steps) or _keys(newest.manifest.steps) != _keys(steps):
        return
    if newest.manifest.faults(newest.folder):
        return
    if promotion is not None and not _is_decided(artifacts, newest, promotion):
        return
    raw = ", ".join(f"{name} {sha[:8]}" for name, sha in newest.manifest.source.sha256.items())
    raise UnchangedError(
        f"nothing has changed since run {newest.manifest.run_id}: the raw data ({raw}), the config,"
        f" the code and the libraries give the same keys to all {len(_keys(steps))} steps"
    )


def _keys(steps: Sequence[StepRun]) -> dict[str, str]:
    return {step.step: step.key for step in steps if step.key is not None}


def _is_decided(artifacts: Path, run: Run, promotion: PromotionConfig) -> bool:
    """Tell whether these gates have judged the run, or its model is the champion's."""
    events = ChampionStore(artifacts).events()
    champion = current_champion(events)
    if champion is not None and model_of(events, champion.run_id) == best_model(run):
        return True
    return any(
        event.run_id == run.manifest.run_id and event.config == promotion for event in events
    )
