"""Pages in headless Chromium: what they show, what they ask for and what they complain of."""

import asyncio
import atexit
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Playwright, sync_playwright

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)

needs_browser = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium is installed (Debian's package is `chromium`)"
)
"""Marks a test that opens pages."""

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # A test never leaves the machine, whatever the page asks for.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]

_GRAVE = ("serious", "critical")


@dataclass
class OpenPage:
    """A page, and what has happened since it was opened.

    `requests` has the address of each request, that of the page included; a console error
    is told with the address that it comes from.
    """

    page: Page
    console_errors: list[str] = field(default_factory=list)
    page_errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    @property
    def complaints(self) -> list[str]:
        """All that a clean page has none of."""
        return [*self.console_errors, *self.page_errors]


@contextmanager
def open_page(
    address: str | Path,
    *,
    width: int = 1280,
    height: int = 800,
    colour_scheme: Literal["light", "dark"] = "light",
) -> Iterator[OpenPage]:
    """Open a page, in a window of so many pixels, and yield it once it has loaded."""
    url = address.absolute().as_uri() if isinstance(address, Path) else address
    with _loop_of(_playwright()):
        page = _browser().new_page()
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=colour_scheme)
        try:
            opened = _watched(page)
            page.goto(url)
            yield opened
        finally:
            page.close()


SCREENS = pytest.mark.parametrize(
    ("width", "scheme"), [(390, "light"), (1280, "light"), (1280, "dark")]
)
"""A page on a telephone and on a desk, there by day and by night."""


@contextmanager
def sound_page(
    file: Path, images: int, width: int, scheme: Literal["light", "dark"]
) -> Iterator[Page]:
    """Yield a page that fits its window, shows all images, is accessible and needs no other file.

    It must still be so at the end of the block.
    """
    with open_page(file, width=width, colour_scheme=scheme) as opened:
        widths = opened.page.eval_on_selector_all("img", "all => all.map(one => one.naturalWidth)")
        assert len(widths) == images
        assert min(widths, default=1) > 0
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
        yield opened.page
        assert opened.complaints == []
        outside = [address for address in opened.requests if not address.startswith("data:")]
        assert outside == [file.absolute().as_uri()]
        assert grave_violations(opened.page) == []


_CUT_OFF = """() => [...document.body.querySelectorAll("*")]
    .filter(one => one.clientWidth > 0 && one.scrollWidth > one.clientWidth + 1)
    .filter(one => getComputedStyle(one).display != "inline")
    .map(one => `${one.tagName} ${one.className} ${one.ariaLabel || ""}: ${one.scrollWidth}`)"""


def cut_off(page: Page) -> list[str]:
    """Return the elements whose content is wider than they are, so that one has to scroll."""
    found: list[str] = page.evaluate(_CUT_OFF)
    return found


def unfold(page: Page) -> None:
    """Open all that is folded."""
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")


@contextmanager
def _loop_of(playwright: Playwright) -> Iterator[None]:
    """Let Playwright's event loop run: elsewhere, tests have loops of their own in this thread."""
    asyncio._set_running_loop(playwright._impl_obj._loop)
    try:
        yield
    finally:
        asyncio._set_running_loop(None)


@cache
def _playwright() -> Playwright:
    """Start Playwright and leave it running, since that takes a second."""
    playwright = sync_playwright().start()

    @atexit.register
    def stop() -> None:
        with _loop_of(playwright):
            playwright.stop()

    return playwright


@cache
def _browser() -> BrowserContext:
    """Start a browser whose pages share what was loaded: Prefect's have megabytes of scripts."""
    assert CHROMIUM is not None, "mark the test with needs_browser"
    browser = _playwright().chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
    return browser.new_context()


def grave_violations(page: Page) -> list[str]:
    """Return what axe-core finds serious or critical, each as `rule: help (the elements)`."""
    found = Axe().run(page).response["violations"]
    return [
        f"{rule['id']}: {rule['help']} ({'; '.join(node['html'] for node in rule['nodes'])})"
        for rule in found
        if rule["impact"] in _GRAVE
    ]


def _watched(page: Page) -> OpenPage:
    opened = OpenPage(page)

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            opened.console_errors.append(f"{message.text} ({message.location['url']})")

    page.on("console", note)
    page.on("pageerror", lambda error: opened.page_errors.append(str(error)))
    page.on("request", lambda request: opened.requests.append(request.url))
    return opened
