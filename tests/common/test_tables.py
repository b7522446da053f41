from tasks.common.tables import Table, markdown


def test_a_table_has_a_line_for_each_row_whatever_the_cells_hold() -> None:
    table = Table("a", "b", rows=[["one | two\nthree", "*x* <b> `y` a_b \\"]], title="It")
    assert markdown("# A", table, ["one\ntwo", "a_b"]).splitlines() == [
        "# A",
        "",
        "## It",
        "",
        "| a | b |",
        "| --- | --- |",
        r"| one \| two three | \*x\* \<b> \`y\` a\_b \\ |",
        "",
        "- one two",
        r"- a\_b",
    ]
