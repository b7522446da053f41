import pytest

from flows.display.terminal import remark, show_lines
from tasks.common.tables import Table


def test_what_looks_like_markup_stays_text_and_nothing_steers_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = "gpu:x: a [bold]path[/] of \x1b[31m"
    remark(text)
    show_lines(text, Table(text, rows=[[text]]))
    shown = capsys.readouterr()
    expected = "gpu:x: a [bold]path[/] of �[31m"
    assert shown.err == f"{expected}\n"
    assert [line.strip() for line in shown.out.splitlines() if "gpu" in line] == [expected] * 3
