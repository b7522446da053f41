"""Predictions as a table: what a terminal of some width shows of them."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from tasks.inference.open_model import open_predictor
from tasks.inference.output import PredictionTable
from tests.support.made_models import make_model_run
from tests.support.made_runs import changed_json

NAMES = ("complaint about delivery", "praise", "question about an invoice")


@pytest.mark.parametrize(("width", "shown"), [(200, 30), (120, 30), (80, 18), (40, 12)])
def test_labels_have_as_much_room_as_they_need_and_a_text_leaves(
    tmp_path: Path, width: int, shown: int
) -> None:
    run = make_model_run(tmp_path, classes=3)
    changed_json(run, "data_report.json", {"label_names": NAMES})
    predictor = replace(open_predictor(tmp_path), abstain=0.9)
    texts = ["a fine film " * 20, "dull"]
    table = PredictionTable(predictor.longest_answers, width)
    predicted = predictor.predict(texts)
    head, *lines = table.head, *table.lines(predicted, pa.array(texts), 0)
    assert head.index("probability") == 10 + shown + 2
    for line, answer in zip(lines, predicted["answer"].to_pylist(), strict=True):
        cell = line[10 : 10 + shown].rstrip()
        assert cell == answer if len(answer) <= shown else cell == answer[: shown - 1] + "…"
        assert width < 120 or len(line.rstrip("\n")) <= width


def test_short_labels_leave_the_room_to_the_text(tmp_path: Path) -> None:
    make_model_run(tmp_path)
    table = PredictionTable(open_predictor(tmp_path).longest_answers, 120)
    assert table.head.index("probability") == 24
