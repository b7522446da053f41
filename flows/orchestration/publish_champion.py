"""Show a decision from the terminal in Prefect's UI, where a server is configured and answers.

Nothing depends on it: the decision is made and written before, and stands in the log.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from flows.display.promotion_tables import HISTORY, history_table
from tasks.common.tables import markdown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.registry.events import PromotionEvent


_LOG = logging.getLogger(__name__)

_ADDRESS = "PREFECT_API_URL"

_TIMEOUT_S = 5.0


def publish_champion(events: Sequence[PromotionEvent], headline: str) -> None:
    """Publish the champion's history as the artifact `champion`; a warning where that fails.

    Args:
        events: All that happened to the champion.
        headline: What was decided last.
    """
    if not _may_be_configured():
        return
    from prefect import get_client
    from prefect.client.schemas.actions import ArtifactCreate
    from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

    url = PREFECT_API_URL.value()
    if url is None:
        return
    artifact = ArtifactCreate(
        key=HISTORY,
        type="markdown",
        description=headline,
        data=markdown(history_table(events)),
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
            url,
            type(error).__name__,
        )


def _may_be_configured() -> bool:
    """Tell whether a server may be configured, without Prefect, whose import takes a second."""
    if _ADDRESS in os.environ:
        return True
    home = Path(os.environ.get("PREFECT_HOME", "~/.prefect")).expanduser()
    profiles = Path(os.environ.get("PREFECT_PROFILES_PATH", home / "profiles.toml"))
    try:
        return _ADDRESS in profiles.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
