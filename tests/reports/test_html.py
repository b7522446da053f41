from pathlib import Path

import pytest
from jinja2 import UndefinedError
from matplotlib.figure import Figure

from tasks.reports import style
from tasks.reports.html import image_uri, render
from tasks.reports.style import BLUE, chart_style, new_chart, save_chart


def drawn(path: Path) -> Path:
    """Write a small chart."""
    with chart_style():
        figure, axes = new_chart()
        axes.plot([0, 1], [1, 0], color=BLUE)
        axes.set(xlabel="a <b> & c")
        save_chart(figure, path)
    return path


def test_the_colours_of_a_chart_follow_the_reader_and_its_text_stays_text(tmp_path: Path) -> None:
    svg = drawn(tmp_path / "line.svg").read_text()
    head, _, body = svg.partition("</style>")
    assert "prefers-color-scheme:dark" in head
    assert "--c2:#0072b2" in head
    assert BLUE not in body
    assert "var(--c2)" in body
    assert "a &lt;b&gt; &amp; c" in body


GROUNDS = ["#ffffff", "#17171a", "#eaeaeb", "#26272b"]
"""Those of our pages and of Prefect's UI, by day and by night."""


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour, as WCAG 2 defines it."""
    shares = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(colour: str, ground: str) -> float:
    dark, light = sorted((luminance(colour), luminance(ground)))
    return (light + 0.05) / (dark + 0.05)


def test_each_colour_of_a_picture_is_seen_on_white_and_on_dark() -> None:
    for colour in (style.INK, style.QUIET, style.TUTORIAL_BLUE, style.TUTORIAL_RED, *style.COLOURS):
        for ground in GROUNDS:
            assert contrast(colour, ground) > 3, (colour, ground)


def test_drawing_leaves_no_settings_behind(tmp_path: Path) -> None:
    drawn(tmp_path / "line.svg")
    assert Figure().add_subplot().spines["top"].get_visible()


def test_a_value_that_a_template_lacks_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        render("report.html.jinja", title="t")


def test_what_is_not_a_templates_is_escaped() -> None:
    page = render("base.html.jinja", title="<script>alert(1)</script>")
    assert "<title>&lt;script&gt;alert(1)&lt;/script&gt;</title>" in page
    assert "default-src 'none'" in page


def test_an_image_becomes_an_address_that_holds_it(tmp_path: Path) -> None:
    (tmp_path / "dot.png").write_bytes(b"dot")
    assert image_uri(tmp_path / "dot.png") == "data:image/png;base64,ZG90"
