"""An ablation for people: the rows of its table, and its sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flows.markdown_parts import markdown_list, markdown_table
from tasks.ablation import tokens_name, words_name
from tasks.html_page import image_uri
from tasks.run_text import interval_text

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.ablation_report import AblationReport, VariantResult
    from tasks.paired_difference import PairedDifference

COLUMNS = [
    "tokens",
    "words",
    "network",
    "95 %",
    "points more (95 %)",
    "valid.",
    "TF-IDF",
    "Bayes",
]


def ablation_rows(report: AblationReport) -> list[list[str]]:
    """Return a row of accuracies for each variant, and one of the controls that see all."""
    whole = ["all", "all", "", "", "", ""]
    return [
        *(_cells(result) for result in report.results),
        [*whole, *(f"{control.accuracy:.4f}" for control in report.whole_controls)],
    ]


def ablation_sentences(report: AblationReport) -> list[str]:
    """Return what the figures are, and what they are not for."""
    seeds = len(report.results[0].runs)
    tutorial = report.config.protocol.protocol == "tutorial"
    return [
        f"Test accuracy by {seeds} seed{'s' if seeds > 1 else ''},"
        f" {report.config.protocol.protocol} protocol, on {report.test_reviews:,} test reviews of"
        f" the source {report.source}.",
        "95 %: where the accuracy may lie on other test reviews of the same kind.",
        "Points more: accuracy less that of the config, the first row, in percentage points, review"
        " by review and by the same seeds; the interval is over test reviews, and says nothing of"
        " other seeds.",
        "TF-IDF and Bayes: the linear controls on the same tokens and words of the same reviews,"
        " and on all. Where they lose as the network does, the cut loses information; where they do"
        " not, the network does not use it.",
        "Valid.: accuracy of the epoch that was chosen, on"
        + (" the test reviews themselves." if tutorial else " reviews set apart from training."),
        "Nothing is chosen here, and the test accuracies are for reading: who chooses a text form"
        " by them has chosen on the test reviews. Choose by the validation, and then look once.",
    ]


def ablation_markdown(report: AblationReport, picture: Path) -> str:
    """Return the report for Prefect's UI, with its figure inside."""
    runs = [
        [
            tokens_name(result.text),
            words_name(result.text),
            str(run.seed),
            f"{run.accuracy:.4f}",
            run.run_id,
        ]
        for result in report.results
        for run in result.runs
    ]
    parts = [
        "# Ablation of the text form",
        markdown_list(ablation_sentences(report)),
        markdown_table(COLUMNS, ablation_rows(report)),
        f'<img alt="Accuracy by tokens and words" src="{image_uri(picture)}">',
        "## Runs",
        markdown_table(["tokens", "words", "seed", "test accuracy", "run"], runs),
    ]
    return "\n\n".join(parts) + "\n"


def _points(difference: PairedDifference) -> str:
    mean, low, high = (
        f"{100 * part:+.2f}" for part in (difference.mean, difference.low, difference.high)
    )
    return f"{mean} ({low} to {high})"


def _cells(result: VariantResult) -> list[str]:
    over = result.network.over_seeds
    spread = "" if over.deviation is None else f" ± {over.deviation:.4f}"
    return [
        tokens_name(result.text),
        words_name(result.text),
        f"{over.mean:.4f}{spread}",
        interval_text(*result.network.over_reviews),
        "" if result.over_reviews is None else _points(result.over_reviews),
        f"{result.validation_accuracy:.4f}",
        *(f"{control.accuracy:.4f}" for control in result.controls),
    ]
