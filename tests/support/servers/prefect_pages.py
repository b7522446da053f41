"""Prefect's two UIs and its API, as a person and a script see them."""

import json
import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.servers.browser import OpenPage, open_page
from tests.support.servers.real_server import STALLED_S

UIS = {"v1": "", "v2": "/v2"}
"""What stands before a page's path in each UI."""

_PREFECTS_OWN = {
    "icons that Prefect does not have": r"404 .*/(favicon\.ico|ico/undefined\.svg|\w+\.svg)\)$",
    "v2 asks for the task run of artifacts that have none": r"422 .*/api/task_runs/filter\)$",
    "v2 asks this host, even where analytics are off": r"\(https://sr-client-cfg\.amplitude\.com/",
}
"""Errors of Prefect's own pages, which no flow can avoid."""

_IDLE_LIMIT_MS = 20_000

_DRAWN_MS = 1000
"""Graphs and tabs are drawn after their data have come."""


def ask(api: str, path: str, **filters: Any) -> Any:
    """Return what Prefect's API at `api` answers to a filter request."""
    request = urllib.request.Request(
        f"{api}/{path}/filter",
        json.dumps(filters).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=STALLED_S) as response:
        return json.load(response)


@contextmanager
def prefect_page(api: str, ui: str, path: str, height: int = 800) -> Iterator[OpenPage]:
    """Open a page of one of the two UIs and yield it once all of it is there."""
    with open_page(f"{api.removesuffix('/api')}{UIS[ui]}{path}", height=height) as opened:
        opened.page.wait_for_load_state("networkidle", timeout=_IDLE_LIMIT_MS)
        opened.page.wait_for_timeout(_DRAWN_MS)
        yield opened


def show_artifacts(opened: OpenPage) -> None:
    """Turn the page of a run to the tab with its artifacts."""
    opened.page.get_by_text("Artifacts", exact=True).click()
    opened.page.wait_for_load_state("networkidle", timeout=_IDLE_LIMIT_MS)
    opened.page.wait_for_timeout(_DRAWN_MS)


def page_text(
    api: str, ui: str, path: str, picture: Path, *, height: int = 800, artifacts: bool = False
) -> str:
    """Return what a page shows, once a picture of it is taken; it must complain of nothing.

    Args:
        api: Of Prefect's server.
        ui: One of `UIS`.
        path: Of the page, from where the UI begins.
        picture: The file for the picture.
        height: Of the window, in pixels.
        artifacts: Whether to turn the page of a run to its artifacts.
    """
    with prefect_page(api, ui, path, height) as opened:
        if artifacts:
            show_artifacts(opened)
        opened.page.screenshot(path=picture)
        shown = opened.page.inner_text("body")
        assert our_complaints(opened) == []
    return shown


def our_complaints(opened: OpenPage) -> list[str]:
    """Return what a page complains of, without what Prefect's pages always complain of."""
    known = re.compile("|".join(_PREFECTS_OWN.values()))
    return [complaint for complaint in opened.complaints if not known.search(complaint)]
