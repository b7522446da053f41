from flows.markdown_parts import markdown_list, markdown_table


def test_a_table_has_a_line_for_each_row_whatever_the_cells_hold() -> None:
    table = markdown_table(["a", "b"], [["one | two\nthree", "*x* <b> `y` a_b \\"]])
    assert table.splitlines() == [
        "| a | b |",
        "| --- | --- |",
        r"| one \| two three | \*x\* \<b> \`y\` a\_b \\ |",
    ]


def test_a_list_has_a_line_for_each_item() -> None:
    assert markdown_list(["one\ntwo", "a_b"]) == "- one two\n- a\\_b"
