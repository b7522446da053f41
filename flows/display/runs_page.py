"""Write the page of all runs of an artifacts folder."""

import logging
from pathlib import Path

from tasks.common.artifact_store import ArtifactStore
from tasks.common.atomic_files import write_text
from tasks.common.errors import PipelineError
from tasks.registry.champion import ChampionStore
from tasks.reports.runs_page import ChampionEvent, runs_page
from tasks.runs.find import find_runs

_LOG = logging.getLogger(__name__)


def write_runs_page(artifacts: Path) -> Path:
    """Write the page and return its path; a log of promotions that is damaged is said there.

    Raises:
        BadDataError: The folder of the runs cannot be read.
        OSError: The page cannot be written.
    """
    store = ArtifactStore(artifacts)
    events: list[ChampionEvent] = []
    faults: list[str] = []
    try:
        events = [
            ChampionEvent.model_validate(event, from_attributes=True)
            for event in ChampionStore(artifacts).events()
        ]
    except PipelineError as error:
        faults = [str(error)]
    write_text(store.runs_page, runs_page(find_runs(artifacts), events, faults))
    return store.runs_page


def renew_runs_page(artifacts: Path) -> None:
    """Write the page after something has changed; a warning where that fails."""
    try:
        write_runs_page(artifacts)
    except Exception as error:  # whatever is wrong with a page, what it would show stands
        page = ArtifactStore(artifacts).runs_page
        _LOG.warning("%s was not renewed: %s; nothing else is lost", page, error)
