"""The chart of all runs over time, as inline SVG that fits any width and needs no drawing library.

Places across are percentages, so that texts and marks keep their size on a telephone.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from xml.etree import ElementTree as ET

SHAPES = (
    "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0z",
    "M-4,-4h8v8h-8z",
    "M0,-5l5,5l-5,5l-5,-5z",
    "M0,-5l5,9h-10z",
)
"""Outlines of the marks, around the origin."""

PROMOTED, ROLLED_BACK = "M0,-5l5,9h-10z", "M0,5l5,-9h-10z"

_TOP, _SCORES, _GAP, _SIZES, _BELOW = 24, 250, 34, 90, 22
"""Heights in pixels: the champion's changes, the scores, a head, the sizes, the dates."""

_HEIGHT = _TOP + _SCORES + _GAP + _SIZES + _BELOW
_EDGE = 3.0
_LEAST_SPAN = timedelta(hours=1)
_CROWD, _SMALL = 120, 0.6
"""More runs than this get marks of this size."""

_MOST_DATES = 8
_HOUR, _DAY = 3600, 86_400
_STEPS = (_HOUR // 4, _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 7 * _DAY, 14 * _DAY)
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120)
_MONDAY = 4 * _DAY
"""Seconds from the beginning of 1970, a Thursday, to its first Monday."""


@dataclass(frozen=True)
class Judged:
    """A run in the chart; runs of an equal `group` were judged alike, and are joined by a line."""

    when: datetime
    accuracy: float
    low: float
    high: float
    training_reviews: int
    test_reviews: int
    group: str
    look: int
    is_hollow: bool
    label: str
    link: str


@dataclass(frozen=True)
class Change:
    """A change of the champion: when, and its accuracy where that is known."""

    when: datetime
    accuracy: float | None
    is_rollback: bool
    label: str


@dataclass(frozen=True)
class Timeline:
    """The chart as two pieces of SVG of the same height: the labels at the left, and the rest."""

    labels: str
    plot: str


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float
    at_low: float
    at_high: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.at_low + share * (self.at_high - self.at_low), 2)


def draw_timeline(
    runs: Sequence[Judged],
    changes: Sequence[Change],
    title: str,
    text: str,
    *,
    name: str = "chart",
    defines_shapes: bool = True,
) -> Timeline:
    """Draw at least one run; `runs` and `changes` are in the order of time.

    The ids of a chart begin with its `name`. One chart of a page defines the shapes of all marks.
    """
    times = [*(one.when for one in runs), *(one.when for one in changes)]
    start, end = min(times), max(times)
    missing = max(_LEAST_SPAN - (end - start), timedelta()) / 2
    start, end = start - missing, end + missing
    across = _Scale(start.timestamp(), end.timestamp(), _EDGE, 100 - _EDGE)
    known = [one.accuracy for one in changes if one.accuracy is not None]
    low, high = min([*known, *(one.low for one in runs)]), max([*known, *(o.high for o in runs)])
    margin = max(0.01, (high - low) / 20)
    bottom, floor = _TOP + _SCORES, _HEIGHT - _BELOW
    up = _Scale(max(0, low - margin), min(1, high + margin), bottom, _TOP)
    largest = max(max(one.training_reviews, one.test_reviews) for one in runs)
    size = _Scale(0, max(1, largest), floor, floor - _SIZES)

    labels = ET.Element("svg", {"height": f"{_HEIGHT}", "aria-hidden": "true"})
    svg = ET.Element(
        "svg",
        {"height": f"{_HEIGHT}", "role": "group", "aria-labelledby": f"{name}-title {name}-text"},
    )
    ET.SubElement(svg, "title", {"id": f"{name}-title"}).text = title
    ET.SubElement(svg, "desc", {"id": f"{name}-text"}).text = text
    is_crowded = len(runs) > _CROWD
    if defines_shapes:
        _define_shapes(svg, _SMALL if is_crowded else 1)
    # The same is in the table for those who hear the page.
    plot = ET.SubElement(svg, "g", {"aria-hidden": "true"})
    plot.set("class", "crowded" if is_crowded else "roomy")
    for scale, unit in ((up, ".4g"), (size, ",.0f")):
        for value in _round_numbers(scale.low, scale.high, 5 if scale is up else 2):
            place = scale(value)
            _line(plot, "grid", 0, place, 100, place)
            at = {"x": "100%", "y": f"{place + 4}", "text-anchor": "end"}
            ET.SubElement(labels, "text", at).text = f"{value:{unit}}"
    _text(plot, 0, floor - _SIZES - 8, "reviews", "start")
    for number, (second, date) in enumerate(_dates(start, end)):
        place = across(second)
        _line(plot, "grid", place, _TOP, place, floor)
        anchor = "start" if place < 2 * _EDGE else "end" if place > 100 - 2 * _EDGE else "middle"
        label = _text(plot, place, _HEIGHT - 4, date, anchor)
        label.set("class", "spare" if number % 2 else "date")
    _draw_sizes(plot, runs, across, size)
    _draw_scores(plot, runs, across, up)
    _draw_champions(plot, changes, across, up)
    return Timeline(ET.tostring(labels, encoding="unicode"), ET.tostring(svg, encoding="unicode"))


def _define_shapes(svg: ET.Element, scale: float) -> None:
    defined = ET.SubElement(svg, "defs")
    names = {f"shape{number}": path for number, path in enumerate(SHAPES)}
    for name, path in {**names, "promoted": PROMOTED, "rolled-back": ROLLED_BACK}.items():
        size = scale if name in names else 1
        ET.SubElement(defined, "path", {"id": name, "d": path, "transform": f"scale({size})"})


def _draw_scores(plot: ET.Element, runs: Sequence[Judged], across: _Scale, up: _Scale) -> None:
    last: dict[str, Judged] = {}
    for one in runs:
        before = last.get(one.group)
        if before is not None:
            ends = [part for run in (before, one) for part in _place(run, across, up)]
            _line(plot, f"joined look{one.look}", *ends)
        last[one.group] = one
    for one in runs:
        link = ET.SubElement(plot, "a", {"href": one.link, "tabindex": "-1"})
        ET.SubElement(link, "title").text = one.label
        place, middle = _place(one, across, up)
        _line(link, f"interval look{one.look}", place, up(one.low), place, up(one.high))
        hollow = " hollow" if one.is_hollow else ""
        _mark(link, f"shape{one.look % len(SHAPES)}", f"mark look{one.look}{hollow}", place, middle)


def _place(run: Judged, across: _Scale, up: _Scale) -> tuple[float, float]:
    return across(run.when.timestamp()), up(run.accuracy)


def _draw_sizes(plot: ET.Element, runs: Sequence[Judged], across: _Scale, size: _Scale) -> None:
    for one in runs:
        place = across(one.when.timestamp())
        _line(plot, "training", place, size(0), place, size(one.training_reviews))
    for one in runs:
        place = across(one.when.timestamp())
        _line(plot, "test", place, size(0), place, size(one.test_reviews))


def _draw_champions(
    plot: ET.Element, changes: Sequence[Change], across: _Scale, up: _Scale
) -> None:
    """Draw the champion's accuracy as steps, and above them a mark for each change."""
    places = [across(one.when.timestamp()) for one in changes]
    heights = [None if one.accuracy is None else up(one.accuracy) for one in changes]
    for height, (left, right) in zip(heights, pairwise([*places, 100.0]), strict=True):
        if height is not None:
            _line(plot, "champion", left, height, right, height)
    for (before, after), place in zip(pairwise(heights), places[1:], strict=True):
        if before is not None and after is not None:
            _line(plot, "champion", place, before, place, after)
    for one, place, height in zip(changes, places, heights, strict=True):
        _line(plot, "change", place, _TOP / 2, place, _TOP + _SCORES if height is None else height)
        kind = "rolled-back" if one.is_rollback else "promoted"
        mark = _mark(plot, kind, kind, place, _TOP / 2)
        ET.SubElement(mark, "title").text = one.label


def _line(parent: ET.Element, kind: str, x1: float, y1: float, x2: float, y2: float) -> None:
    ends = {"x1": f"{x1}%", "y1": f"{y1}", "x2": f"{x2}%", "y2": f"{y2}"}
    ET.SubElement(parent, "line", {"class": kind, **ends})


def _mark(parent: ET.Element, shape: str, kind: str, x: float, y: float) -> ET.Element:
    return ET.SubElement(
        parent, "use", {"href": f"#{shape}", "class": kind, "x": f"{x}%", "y": f"{y}"}
    )


def _text(parent: ET.Element, x: float, y: float, text: str, anchor: str) -> ET.Element:
    made = ET.SubElement(parent, "text", {"x": f"{x}%", "y": f"{y}", "text-anchor": anchor})
    made.text = text
    return made


def _round_numbers(low: float, high: float, about: int) -> Iterator[float]:
    """Yield round numbers between two bounds, at most a few more than `about`."""
    least = (high - low) / about
    power = 10 ** math.floor(math.log10(least))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least * 0.99)
    for number in range(math.ceil(low / step), math.floor(high / step) + 1):
        yield number * step


def _dates(start: datetime, end: datetime) -> list[tuple[float, str]]:
    """Return round times from `start` to `end`, in seconds and in words."""
    first, last = start.timestamp(), end.timestamp()
    for step in _STEPS:
        if (last - first) / step <= _MOST_DATES:
            numbers = range(math.ceil((first - _MONDAY) / step), int((last - _MONDAY) // step) + 1)
            form = "%m-%d %H:%M" if step < _DAY else "%Y-%m-%d"
            times = [float(number * step + _MONDAY) for number in numbers]
            return [(time, f"{datetime.fromtimestamp(time, UTC):{form}}") for time in times]
    months = range(start.year * 12 + start.month, end.year * 12 + end.month)
    step = next((one for one in _MONTHS if len(months) / one <= _MOST_DATES), _MONTHS[-1])
    named = [(month // 12, month % 12 + 1) for month in months if month % step == 0]
    return [
        (datetime(year, month, 1, tzinfo=UTC).timestamp(), f"{year}-{month:02}")
        for year, month in named
    ]
