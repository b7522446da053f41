"""The step before a training: compare its reviews with the champion's, show it, perhaps stop."""

import logging

from prefect import task
from prefect.artifacts import create_markdown_artifact

from tasks.cache.runner import TASK_OPTIONS, StepRunner, in_state
from tasks.common.artifact_store import ArtifactStore, StepOutput
from tasks.common.formatting import number_text, p_text
from tasks.common.tables import Column, Table, markdown
from tasks.config.drift import DriftConfig
from tasks.drift.report import DriftMeasure, DriftReport, require_no_alarm

_LOG = logging.getLogger(__name__)


@task(
    name="check-drift",
    task_run_name="check drift, {drift.action} beyond the bounds",
    **TASK_OPTIONS,
)
def _compare(store: ArtifactStore, loaded: StepOutput, drift: DriftConfig) -> DriftReport:
    """Compare with the champion's training reviews; the task run's state reports an alarm."""
    from tasks.drift.check import check_drift

    report = check_drift(store, loaded, drift)
    name = "Drifted" if report.alarms else "Completed"
    return in_state(name, report.headline, report)


def require_no_drift(run: StepRunner, loaded: StepOutput, drift: DriftConfig) -> DriftReport:
    """Compare the training reviews with the champion's, publish what was found, and return it."""
    report = run.fresh(_compare, loaded, drift)
    for alarm in report.alarms:
        _LOG.warning("drift: %s", alarm)
    if not report.alarms:
        _LOG.info("drift: %s", report.headline)
    create_markdown_artifact(
        drift_markdown(report, drift), key="drift", description=report.headline
    )
    require_no_alarm(report, drift)
    return report


def drift_markdown(report: DriftReport, drift: DriftConfig) -> str:
    """Return what came of the comparison, with a table of all measures."""
    ending = "the run ends before it trains" if drift.action == "stop" else "the run continues"
    headline = f"{report.headline}."
    if report.alarms:
        headline += f" The action is {drift.action}: {ending}."
    parts: list[str | Table] = [f"# {'Drift' if report.alarms else 'No drift'}", headline]
    if report.measures:
        columns = ["measure", "", "champion", "new", "value", "bound", "p"]
        long = Column("statistic", is_long=True)
        parts.append(Table(*columns, long, rows=map(_row, report.measures)))
        parts.append(
            f"The {report.new_reviews:,} of {report.reviews:,} training reviews that are new to the"
            f" champion {report.champion} against its own; the unknown words against its test"
            " reviews. A measure alarms where its value is above the bound and p is at most"
            f" {drift.level:g}."
        )
    return markdown(*parts)


def _row(measure: DriftMeasure) -> list[str]:
    values = (measure.champion, measure.new, measure.value, measure.bound)
    return [
        measure.name,
        "✗ drifted" if measure.drifted else "✓",
        *map(number_text, values),
        p_text(measure.p_value),
        measure.statistic,
    ]
