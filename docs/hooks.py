"""What MkDocs makes beside the pages in this folder: the home page and the page of all options.

See https://www.mkdocs.org/user-guide/configuration/#hooks
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from cyclopts import App
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from flows.cli import runs, sentiment

_ROOT = Path(__file__).parents[1]
_OUTSIDE = re.compile(r"\]\((?!docs/|https?:|#)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the README as the home page, and the help of every command as one page."""
    readme = (_ROOT / "README.md").read_text(encoding="utf-8")
    home = _OUTSIDE.sub("](../", readme).replace("](docs/", "](")
    files.append(File.generated(config, "index.md", content=home))
    files.append(File.generated(config, "options.md", content=options_page()))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Name the files of the repository that are no pages, instead of a link to them."""
    return re.sub(r"\[([^\]]*)\]\(\.\./([^)]*)\)", r"\1 (`\2`)", markdown)


def options_page() -> str:
    """Return the page of all options: what each command says of itself."""
    parts = ["# All options", "What `--help-all` says of each command, made from the code."]
    for command in _commands():
        parts += [f"## {command}", f"```text\n{_help_of(command)}\n```"]
    return "\n\n".join(parts) + "\n"


def _commands() -> Iterator[str]:
    for name in sentiment.COMMANDS:
        if name != "runs":
            yield name
    for name in _below(runs.app):
        if name == "export":
            yield from (f"runs export {one}" for one in _below(runs.app[name]))
        else:
            yield f"runs {name}"


def _below(app: App) -> list[str]:
    return sorted(name for name in app if not name.startswith("-"))


def _help_of(command: str) -> str:
    program = "from flows.cli.sentiment import main; main()"
    said = subprocess.run(  # noqa: S603 - this program
        [sys.executable, "-c", program, *command.split(), "--help-all"],
        cwd=_ROOT,
        env=os.environ | {"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return said.replace("Usage: -c ", "Usage: sentiment ").strip()
