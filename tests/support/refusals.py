"""What a command says when it refuses its options."""

from collections.abc import Callable
from typing import Any

import pytest


def refusal(
    read: Callable[[list[str]], Any], words: str, capsys: pytest.CaptureFixture[str]
) -> tuple[object, str]:
    """Return the status and the sentence, on one line, with which options are refused."""
    with pytest.raises(SystemExit) as ended:
        read(words.split())
    return ended.value.code, " ".join(capsys.readouterr().err.split())
