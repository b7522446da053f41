import pytest

from flows.display.terminal import remark, show_lines
from tasks.common.tables import Column, Table


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


def test_rows_that_do_not_count_are_grey_with_a_note_below_the_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    show_lines(Table("run", rows=[["first"], ["other*"]], quiet={1}, notes=["* other reviews"]))
    lines = [line for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert ["\x1b[2m" in line for line in lines[-3:]] == [False, True, True]
    assert "* other reviews" in lines[-1]


def test_a_narrow_terminal_has_several_long_columns_below_the_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    why = "the accuracy is more than 0.0100 below that of the linear baseline"
    columns = ("event", Column("who", is_long=True), Column("why", is_long=True))
    for width, is_below in (("80", True), ("120", False)):
        monkeypatch.setenv("COLUMNS", width)
        show_lines(Table(*columns, rows=[["1", "me", why]]))
        assert (f"1: me: {why}" in capsys.readouterr().out) == is_below
