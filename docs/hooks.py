"""What MkDocs makes beside the pages in this folder: home page, all options, and the notebook.

See https://www.mkdocs.org/user-guide/configuration/#hooks
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cyclopts import App
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from flows.cli import runs, sentiment

_ROOT = Path(__file__).parents[1]
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_OUTSIDE = re.compile(r"\]\((?!docs/|https?:|#)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the README as the home page, the help of every command as one page, and the notebook."""
    readme = (_ROOT / "README.md").read_text(encoding="utf-8")
    home = _OUTSIDE.sub("](../", readme).replace("](docs/", "](")
    files.append(File.generated(config, "index.md", content=home))
    files.append(File.generated(config, "options.md", content=options_page()))
    notebook = json.loads((_ROOT / "docs/notebook.ipynb").read_text(encoding="utf-8"))
    files.append(File.generated(config, "notebook.md", content=notebook_page(notebook)))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Name the files of the repository that are no pages, instead of a link to them."""
    markdown = markdown.replace("](notebook.ipynb)", "](notebook.md)")
    return re.sub(r"\[([^\]]*)\]\(\.\./([^)]*)\)", r"\1 (`\2`)", markdown)


def notebook_page(notebook: dict[str, Any]) -> str:
    """Return an executed notebook (format 4) as a page: its cells and the outputs stored in it."""
    parts = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
        else:
            parts += [f"```python\n{source}\n```", *map(_output, cell["outputs"])]
    return "\n\n".join(parts) + "\n"


def _output(output: dict[str, Any]) -> str:
    shown = {kind: "".join(lines) for kind, lines in output.get("data", {}).items()}
    if "image/png" in shown:
        png = shown["image/png"].replace("\n", "")
        return f'<img alt="the chart that the cell draws" src="data:image/png;base64,{png}">'
    if "text/html" in shown:
        return f"<div>{shown['text/html']}</div>"
    if "text/markdown" in shown:
        return shown["text/markdown"].replace("## ", "#### ")
    text = shown.get("text/plain") or "".join(output["text"])
    return f"```text\n{_COLOURS.sub('', text).strip()}\n```"


def options_page() -> str:
    """Return the page of all options: what each command says of itself."""
    parts = ["# All options", "What `--help-all` says of each command, made from the code."]
    commands = list(_commands())
    for command, said in zip(commands, _help_of(commands), strict=True):
        parts += [f"## {command}", f"```text\n{said}\n```"]
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


def _help_of(commands: Sequence[str]) -> list[str]:
    """Return what each command says, all of one process, which imports them once."""
    program = (
        "import sys; from flows.cli.sentiment import main\n"
        "for command in sys.argv[1:]: main([*command.split(), '--help-all']); print(end='\\f')"
    )
    said = subprocess.run(  # noqa: S603 - this program
        [sys.executable, "-c", program, *commands],
        cwd=_ROOT,
        env=os.environ | {"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    pages = said.replace("Usage: -c ", "Usage: sentiment ").split("\f")
    return [page.strip() for page in pages[:-1]]
