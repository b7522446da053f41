from flows.markdown_table import markdown_table


def test_a_table_has_a_line_for_each_row_whatever_the_cells_hold() -> None:
    table = markdown_table(["a", "b"], [["one | two\nthree", "*x* <b> `y` a_b \\"]])
    assert table.splitlines() == [
        "| a | b |",
        "| --- | --- |",
        r"| one \| two three | \*x\* \<b> \`y\` a\_b \\ |",
    ]
