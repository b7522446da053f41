import pytest

from flows.display.run_markdown import report_markdown
from tasks.evaluation.significance import SliceScore
from tasks.reports.verdict import run_verdict
from tasks.run_summary import RunSummary
from tasks.runs.manifest import read_manifest

pytestmark = pytest.mark.usefixtures("prefect_server")

SLICE = {"by": "shop", "reviews": 1210, "accuracy_low": 0.7, "accuracy_high": 0.8, "rest": 0.9}


def test_the_slices_that_are_worse_stand_in_a_table_or_a_sentence_says_that_none_is(
    done: RunSummary,
) -> None:
    manifest = read_manifest(done.folder)
    verdict = run_verdict(done.folder, manifest)
    far, near = (
        SliceScore.model_validate(
            SLICE | {"name": name, "accuracy": 0.75, "p_value": p_value, "is_worse": p_value < 0.05}
        )
        for name, p_value in (("far", 0.0012), ("near", 0.4))
    )
    pages = [
        report_markdown(done.folder, manifest.model_copy(update={"slices": of}), verdict, [])
        for of in ((near, far), (near,), ())
    ]
    assert "⚠ Slices of the test reviews that are worse than the rest: 1 of 2." in pages[0]
    row = "| shop | far | 1,210 | 0.7500 | 0.7000 to 0.8000 | 0.9000 | worse, p 0.0012 |"
    assert row in pages[0]
    assert "| near |" not in pages[0]
    assert "##" not in pages[0]
    assert "Slices of the test reviews that are worse than the rest: none of 1." in pages[1]
    assert "slices of the test reviews" not in pages[2].lower()
