"""The docs as a site: each page and each link is there, and the options are those of the code."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from flows.cli import sentiment

ROOT = Path(__file__).parents[3]


class _Links(HTMLParser):
    """Collects what a page refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self.found += [value for name, value in attrs if name in ("href", "src") and value]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", folder],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return folder


def test_every_page_is_in_the_navigation(site: Path) -> None:
    nav = re.findall(r": (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    made = {"index.md", "options.md", "notebook.md"}
    assert sorted(nav) == sorted({*made, *(page.name for page in (ROOT / "docs").glob("*.md"))})
    for page in set(nav) - {"index.md"}:
        assert (site / page.removesuffix(".md") / "index.html").is_file()


def test_no_link_of_the_site_leads_nowhere_and_nothing_is_asked_for_outside(site: Path) -> None:
    for page in site.rglob("*.html"):
        links = _Links()
        links.feed(page.read_text(encoding="utf-8"))
        for link in links.found:
            place, _, _ = link.partition("#")
            if place and "://" not in place and not place.startswith(("data:", "mailto:")):
                target = site / place[1:] if place.startswith("/") else page.parent / place
                assert target.exists(), (page, link)
    assert "fonts.googleapis" not in (site / "index.html").read_text(encoding="utf-8")


def test_the_page_of_options_has_every_command(site: Path) -> None:
    page = (site / "options/index.html").read_text(encoding="utf-8")
    sections = set(re.findall(r'<h2 id="[^"]*">([^<]*)<', page))
    assert {name for name in sentiment.COMMANDS if name != "runs"} <= sections
    assert {"runs list", "runs tag", "runs export bundle"} <= sections
    assert "--ngram-buckets" in page
