"""How what a run says of itself is written for people, in the terminal and on pages."""

import json
import re
from datetime import datetime

_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+(?=@)")

_SMALLEST_SHOWN_P = 0.0001


def short_id(run_id: str) -> str:
    """Return the last part of a run id, which names a run among others."""
    return run_id.rpartition("-")[2]


def when(created: str) -> str:
    """Return a time stamp to the minute."""
    return f"{datetime.fromisoformat(created):%Y-%m-%d %H:%M}"


def printable(text: str) -> str:
    """Return a text without the characters that would steer a terminal, but for new lines."""
    return "".join(
        one if one.isprintable() or one == "\n" else " " if one.isspace() else "�" for one in text
    )


def without_credentials(text: str) -> str:
    """Return a text in which no address names a user or a password."""
    return _CREDENTIALS.sub("***", text)


def share(value: float) -> str:
    """Return a share as a percentage with one decimal."""
    return f"{100 * value:.1f} %"


def score(value: float) -> str:
    """Return a score with four decimals."""
    return f"{value:.4f}"


def interval_text(low: float, high: float) -> str:
    """Return the bounds of an interval."""
    return f"{low:.4f} to {high:.4f}"


def signed(difference: float, digits: int = 4) -> str:
    """Return a difference with its sign, `+` for one that rounds to zero."""
    return f"{difference:+z.{digits}f}"


def signed_points(difference: float) -> str:
    """Return a difference of shares in percentage points, with its sign."""
    return signed(100 * difference, digits=2)


def p_text(p_value: float) -> str:
    """Return a p value to two digits, no smaller than is worth telling apart."""
    return f"< {_SMALLEST_SHOWN_P}" if p_value < _SMALLEST_SHOWN_P else f"{p_value:.2g}"


def number_text(number: float | None) -> str:
    """Return a metric or its bound to four digits, nothing where there is none."""
    return "" if number is None else f"{number:.4g}"


def shortened(text: str, most: int = 120) -> str:
    """Return a text on one line, of at most so many characters and an ellipsis."""
    plain = " ".join(text.split())
    return plain if len(plain) <= most else f"{plain[:most]}…"


def json_text(value: object) -> str:
    """Return a value as one line of JSON."""
    return json.dumps(value, ensure_ascii=False)
