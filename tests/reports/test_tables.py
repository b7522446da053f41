from tasks.reports.tables import heat_cells


def test_a_map_of_confusions_is_for_more_labels_than_a_table_can_show() -> None:
    found = [[0] * 13 for _ in range(13)]
    found[2][2], found[2][5] = 3, 1
    names = [f"<{number}>" for number in range(13)]
    assert heat_cells({"confusion": found}, names) == [
        (2, 2, "<2>, judged <2>: 3", 0.75**0.5),
        (2, 5, "<2>, judged <5>: 1", 0.5),
    ]
    assert heat_cells({"confusion": [[1]] * 12}, names[:12]) == []
