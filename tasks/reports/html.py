"""Pages from templates: self-contained HTML, every value escaped, and Markdown."""

import base64
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from tasks.common.formatting import json_text, score, share, signed_points

_KINDS = {".svg": "svg+xml", ".png": "png"}


def render(template: str, **values: Any) -> str:  # noqa: ANN401 - what the template takes
    """Return what a template makes of `values`, which are escaped where it makes HTML."""
    makes_html = template.endswith(".html.jinja")
    return _environment(autoescape=makes_html).get_template(template).render(**values)


@cache
def _environment(*, autoescape: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("tasks.reports"),
        autoescape=autoescape,  # noqa: S701 - off for Markdown alone
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "share": share,
        "score": score,
        "points": signed_points,
        "json_text": json_text,
    }
    return environment


def image_uri(path: Path) -> str:
    """Return an image file as a `data:` address, so that a page needs no other file."""
    content = base64.b64encode(path.read_bytes()).decode()
    return f"data:image/{_KINDS[path.suffix]};base64,{content}"
