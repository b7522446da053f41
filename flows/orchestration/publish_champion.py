"""Show a decision from the terminal in Prefect's UI, where a server is configured and answers.

Nothing depends on it: the decision is made and written before, and stands in the log.
"""

import logging
from collections.abc import Sequence

from prefect import get_client
from prefect.client.schemas.actions import ArtifactCreate
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from flows.display.promotion_tables import HISTORY, champion_description, champion_markdown
from flows.orchestration.temporary_server import is_temporary
from tasks.common.formatting import without_credentials
from tasks.registry.events import PromotionEvent

_LOG = logging.getLogger(__name__)

_TIMEOUT_S = 5.0


def publish_champion(events: Sequence[PromotionEvent]) -> None:
    """Publish the champion's history as the artifact `champion`; a warning where that fails."""
    url = PREFECT_API_URL.value()
    if url is None or is_temporary(url):
        return
    artifact = ArtifactCreate(
        key=HISTORY,
        type="markdown",
        description=champion_description(events),
        data=champion_markdown(events),
    )
    try:
        with (
            temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}),
            get_client(httpx_settings={"timeout": _TIMEOUT_S}, sync_client=True) as client,
        ):
            client.create_artifact(artifact)
    except Exception as error:  # whatever a server does, the decision stands
        _LOG.warning(
            "the Prefect server at %s did not take this (%s), so its UI does not show it; the"
            " decision stands, and nothing else is lost",
            without_credentials(url),
            type(error).__name__,
        )
