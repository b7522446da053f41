"""Prefect's two UIs and its API, as a person and a script see them."""

import json
import re
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import TimeoutError as TooLate

from tests.support.servers.browser import OpenPage, open_page
from tests.support.servers.real_server import STALLED_S

UIS = {"v1": "", "v2": "/v2"}
"""What stands before a page's path in each UI."""

MOSTLY_V1 = ["v1", pytest.param("v2", marks=pytest.mark.slow)]
"""Prefect shows v1 first, and each page takes seconds of processor time."""

_PREFECTS_OWN = {
    "icons that Prefect does not have": r"404 .*/(favicon\.ico|ico/undefined\.svg|\w+\.svg)\)$",
    "v2 asks for the task run of artifacts that have none": r"422 .*/api/task_runs/filter\)$",
    "v2 asks this host, even where analytics are off": r"\(https://sr-client-cfg\.amplitude\.com/",
}
"""Errors of Prefect's own pages, which no flow can avoid."""

_LIMIT_MS = 20_000

_SHOWS = """texts => {
    const shown = document.body.innerText.replace(/\\s+/g, " ")
    return texts.every(text => shown.includes(text))
}"""


def ask(api: str, path: str, **filters: Any) -> Any:
    """Return what Prefect's API at `api` answers to a filter request."""
    request = urllib.request.Request(
        f"{api}/{path}/filter", json.dumps(filters).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=STALLED_S) as response:
        return json.load(response)


@contextmanager
def prefect_page(
    api: str, ui: str, path: str, texts: Sequence[str], *, height: int = 800, tab: str | None = None
) -> Iterator[OpenPage]:
    """Open a page of one of the `UIS` and yield it once it shows all of `texts`.

    Its data come, and are drawn, after the page has loaded. A page that lacks a text in the end
    is yielded too, so that its picture can be taken. Spaces and ends of lines are alike.
    """
    with open_page(f"{api.removesuffix('/api')}{UIS[ui]}{path}", height=height) as opened:
        opened.page.wait_for_load_state("networkidle", timeout=_LIMIT_MS)
        if tab is not None:
            opened.page.get_by_text(tab, exact=True).click()
        with suppress(TooLate):
            opened.page.wait_for_function(_SHOWS, arg=list(texts), timeout=_LIMIT_MS)
        yield opened


def assert_page_shows(
    api: str, ui: str, path: str, texts: Sequence[str], picture: Path, **more: Any
) -> None:
    """Take a picture of a page, which must show all of `texts` and complain of nothing."""
    with prefect_page(api, ui, path, texts, **more) as opened:
        opened.page.screenshot(path=picture)
        shown = " ".join(opened.page.inner_text("body").split())
        complaints = our_complaints(opened)
    assert [text for text in texts if text not in shown] == [], shown
    assert complaints == []


def our_complaints(opened: OpenPage) -> list[str]:
    """Return what a page complains of, without what Prefect's pages always complain of."""
    known = re.compile("|".join(_PREFECTS_OWN.values()))
    return [complaint for complaint in opened.complaints if not known.search(complaint)]
