"""The words of a text in the colours of what they add to the answer."""

from collections.abc import Sequence
from typing import Any

from rich.text import Text

from tasks.common.formatting import printable

_STRONG, _WEAK = 0.5, 0.15
"""Shares of the strongest word from which on a word is bold, and has a colour at all."""


def coloured_words(words: Sequence[dict[str, Any]], between: str) -> Text:
    """Return words of an explanation: green for the answer, red against it, bold where strong."""
    most = max((abs(one["contribution"]) for one in words), default=0.0) or 1.0
    text = Text()
    for number, one in enumerate(words):
        share = one["contribution"] / most
        colour = "green" if share > 0 else "red"
        strength = "bold " if abs(share) >= _STRONG else ""
        style = f"{strength}{colour}" if abs(share) >= _WEAK else ""
        text.append(between if number else "").append(printable(one["word"]), style)
    return text
