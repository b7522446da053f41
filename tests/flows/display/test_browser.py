from pathlib import Path

from tests.support.servers.browser import grave_violations, needs_browser, open_page

pytestmark = needs_browser

HEAD = '<!doctype html><html lang="en"><head><title>t</title></head>'


def write_page(folder: Path, body: str) -> Path:
    page = folder / "page.html"
    page.write_text(f"{HEAD}<body><main>{body}</main></body></html>")
    return page


def test_what_is_wrong_with_a_page_is_collected(tmp_path: Path) -> None:
    body = "<script>console.error('oh'); throw new Error('broken')</script><img src='none.png'>"
    with open_page(write_page(tmp_path, body)) as opened:
        missing, said = sorted(opened.console_errors)
        assert missing.startswith("Failed to load resource")
        assert said.startswith("oh (file:///")
        assert opened.page_errors == ["broken"]
        assert opened.requests[1].endswith("none.png")
        assert [found.split(":")[0] for found in grave_violations(opened.page)] == ["image-alt"]


def test_a_page_is_told_the_size_and_the_colours_that_are_wanted(tmp_path: Path) -> None:
    with open_page(write_page(tmp_path, ""), width=320, colour_scheme="dark") as opened:
        assert opened.page.evaluate("innerWidth") == 320
        assert opened.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
