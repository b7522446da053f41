"""Command line of finished runs: list, show, name, chart, compare, pin and export them."""

import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators
from rich.console import Console

from flows.cli.help import RunName, command_app
from flows.display import run_tables
from flows.display.run_tables import headline
from flows.display.runs_page import renew_runs_page, write_runs_page
from flows.display.terminal import Options, answer, show_lines
from tasks.common.artifact_store import ArtifactStore
from tasks.common.atomic_files import require_new, write_text
from tasks.common.device import start_tensorflow
from tasks.common.errors import BadDataError, InvalidConfigError, PipelineError
from tasks.config.commands import spelled
from tasks.config.naming import read_naming
from tasks.registry.champion import ChampionStore
from tasks.registry.events import current_champion
from tasks.reports.mlflow import export_mlflow
from tasks.reports.model_card import model_card
from tasks.reports.tensorboard import export_tensorboard
from tasks.runs.compare import compare_runs
from tasks.runs.describe import SortBy, describe_run, differing_settings, list_runs
from tasks.runs.failures import read_failures
from tasks.runs.find import LATEST, Run, UnreadableRun, find_run, find_runs, no_runs
from tasks.runs.names import naming_fault, read_naming_of, write_naming
from tasks.runs.pins import pin_run, pinned_runs, unpin_run
from tasks.runs.read import REPORT, read_checked, read_config, reading_runs

app = command_app(
    "runs",
    "List, show, open, name, chart, compare, pin and export finished runs. RUN is a run folder, a"
    " run id, the start or the last part of one, a run's name, or `latest`.",
)

export = command_app("export", "Export a run for other programs.")

app.command(export)


@app.command(name="list")
def list_command(
    *,
    tag: Annotated[
        tuple[str, ...], Parameter(help="Only runs with this tag; may be repeated.", negative=())
    ] = (),
    since: Annotated[
        datetime | None, Parameter(help="Only runs since this day or time in UTC, as 2026-11-01.")
    ] = None,
    sort: Annotated[
        SortBy, Parameter(help="The newest, most accurate or largest come first.")
    ] = "when",
    limit: Annotated[
        int | None, Parameter(help="At most this many.", validator=validators.Number(gte=1))
    ] = None,
    changed: Annotated[
        bool,
        Parameter(help="Show each setting in which the runs differ from each other.", negative=()),
    ] = False,
    options: Options = Options(),
) -> None:
    """List all runs, newest first: names, recipes, reviews, scores, and what each changes."""
    champion, faults = _champion(options.artifacts)
    pinned = pinned_runs(options.artifacts)
    if since is not None and since.tzinfo is None:
        since = since.replace(tzinfo=UTC)
    every = find_runs(options.artifacts)
    found = list_runs(every, champion, pinned, tags=tag, since=since, sort=sort, limit=limit)
    found = found.model_copy(update={"unreadable": [*found.unreadable, *faults]})
    if not options.json and not found.runs and not found.unreadable:
        show_lines("no run is such" if every.runs else no_runs(options.artifacts))
        return
    settings = differing_settings(found.runs) if changed else None
    answer(found, run_tables.run_list(found, Console().width, settings=settings), options)


@app.command(name="tag")
def tag_command(
    run: RunName,
    /,
    *,
    name: Annotated[str | None, Parameter(help="Another name; '' for none.")] = None,
    tag: Annotated[
        tuple[str, ...], Parameter(help="A further tag; may be repeated.", negative=())
    ] = (),
    remove_tag: Annotated[
        tuple[str, ...], Parameter(help="A tag to take away; may be repeated.", negative=())
    ] = (),
    note: Annotated[str | None, Parameter(help="Another note; '' for none.")] = None,
    options: Options = Options(),
) -> None:
    """Name a finished run, add tags or a note, or take tags away; show what it has then."""
    found = find_run(options.artifacts, run)
    known = read_naming_of(found.folder)
    unknown = [one for one in remove_tag if one not in known.tags]
    if unknown:
        has = ", ".join(map(repr, known.tags)) or "none"
        raise InvalidConfigError(f"remove_tag={unknown[0]!r}: the run's tags are {has}")
    kept = [one for one in known.tags if one not in remove_tag]
    naming = read_naming(
        name=known.name if name is None else name,
        tags=tuple(dict.fromkeys([*kept, *tag])),
        note=known.note if note is None else note,
    )
    if naming != known or naming_fault(found.folder):
        write_naming(found.folder, naming)
        renew_runs_page(options.artifacts)
    said = {"name": naming.name, "tags": ", ".join(naming.tags), "note": naming.note}
    lines = [f"{what}: {text or 'none'}" for what, text in said.items()]
    run_id = found.manifest.run_id
    answer({"run_id": run_id, **naming.model_dump()}, [run_id, *lines], options)


@app.command
def failures(*, options: Options = Options()) -> None:
    """List the runs that failed or crashed, newest first: why, and what to do next."""
    found = read_failures(options.artifacts)
    answer(found, run_tables.failure_list(found), options)


@app.command
def show(run: RunName, /, *, options: Options = Options()) -> None:
    """Show one run: score, baseline, settings, data, device, versions, steps and files."""
    champion, _ = _champion(options.artifacts)
    with _reading(options, run) as (found,):
        described = describe_run(found, champion)
        answer(described, run_tables.run_details(described), options)


@app.command(name="open")
def open_command(run: str = LATEST, /, *, options: Options = Options()) -> None:
    """Open a run's report in the browser, and print where it lies."""
    report = find_run(options.artifacts, run).folder / REPORT
    if not report.is_file():
        raise BadDataError(f"{report}: there is no such file; verify the run's files")
    opened = webbrowser.open(report.absolute().as_uri())
    answer({"report": str(report), "opened": opened}, [str(report)], options)


@app.command
def page(*, options: Options = Options()) -> None:
    """Write one page over all runs, which whatever changes them also makes anew.

    It shows scores over time, the champion, the sizes of the data, and opens each run's report.
    """
    if not ArtifactStore(options.artifacts).runs.exists():
        raise BadDataError(no_runs(options.artifacts))
    written = write_runs_page(options.artifacts)
    answer({"page": str(written)}, [f"wrote {written}"], options)


@app.command
def pin(run: RunName, /, *, options: Options = Options()) -> None:
    """Keep a run whatever its age: maintenance does not remove it."""
    found = find_run(options.artifacts, run)
    pin_run(options.artifacts, found.manifest.run_id)
    _answer_pins(f"{found.manifest.run_id} is pinned", options)


@app.command
def unpin(run: RunName, /, *, options: Options = Options()) -> None:
    """Let maintenance remove a run again when it is old."""
    found = find_run(options.artifacts, run)
    unpin_run(options.artifacts, found.manifest.run_id)
    _answer_pins(f"{found.manifest.run_id} is not pinned", options)


@app.command
def compare(
    run: RunName,
    /,
    *others: Annotated[str, Parameter(help="What is compared with the first run.")],
    html: Annotated[
        Path | None, Parameter(help="Also write one self-contained HTML page, with curves.")
    ] = None,
    rescore: Annotated[
        bool,
        Parameter(help="Also judge all models on test reviews new to each.", negative=()),
    ] = False,
    options: Options = Options(),
) -> None:
    """Compare runs: what differs, their scores, and each further one against the first.

    The tests are paired: both models judge the same test reviews. Runs on other test reviews or
    by another protocol are shown in grey, with the reason, and not tested.
    """
    from tasks.reports.comparison import compare_page

    with _reading(options, run, *others) as runs:
        comparison = compare_runs(runs)
        if rescore:
            from tasks.registry.rescore import judged_together

            common = judged_together(runs, ArtifactStore(options.artifacts))
            comparison = comparison.model_copy(update={"common": common})
        answer(comparison, run_tables.run_comparison(comparison), options)
        if html is not None:
            require_new(html)
            histories = {run.manifest.run_id: read_checked(run, "history.json") for run in runs}
            write_text(html, compare_page(comparison, histories))
            if not options.json:
                show_lines(f"wrote {html}")


@export.command
def tensorboard(run: RunName, logdir: Path, /, *, options: Options = Options()) -> None:
    """Write a run's curves, score and config for `tensorboard --logdir LOGDIR`."""
    with _reading(options, run) as (found,):
        files = export_tensorboard(found, logdir, headline(found.manifest.score))
    _answer_files(found, files, options)


@export.command
def mlflow(
    run: RunName,
    /,
    *,
    tracking_uri: Annotated[str, Parameter(help="MLflow's store, like sqlite:///mlflow.db.")],
    experiment: Annotated[str, Parameter(help="Made where it is missing.")] = "sentiment",
    options: Options = Options(),
) -> None:
    """Copy a run to an MLflow store, unless it is there already."""
    with _reading(options, run) as (found,):
        copy = export_mlflow(found, tracking_uri, experiment, headline(found.manifest.score))
    verb = "copied to" if copy.is_new else "is already in"
    line = f"{copy.run_id} {verb} experiment {experiment} as {copy.mlflow_run_id}"
    answer(copy, [line], options)


@export.command
def bundle(
    run: RunName,
    target: Annotated[Path, Parameter(help="A new folder, or a file that ends in .zip.")],
    /,
    *,
    litert: Annotated[bool, Parameter(help="Add the network for LiteRT.", negative=())] = False,
    small: Annotated[
        bool,
        Parameter(help="Of an n-gram network: a tenth of the size, quantized.", negative=()),
    ] = False,
    options: Options = Options(),
) -> None:
    """Write all that is needed to use a run's model elsewhere, and check that all forms agree.

    The bundle holds the model for Keras, ONNX and TensorFlow (with the tokenizer inside), its
    word index and preprocessing, its model card, and a small script that predicts. With --small it
    holds an n-gram network once, for NumPy, and says how far its answers are from the exact ones.
    """
    with _reading(options, run) as (found,):
        start_tensorflow()  # else its notices are shown
        from tasks.inference.bundle.export import export_bundle

        made = export_bundle(found, target, litert=litert, small=small)
    agree = ", ".join(f"{form} {value:.1g}" for form, value in made.differences.items())
    alone = f"only Keras reads it; ask it with: {spelled('predict')} TEXT --bundle {made.path}"
    if made.quantized:
        proved = f"quantized: {made.quantized.sentence}"
    else:
        proved = f"largest difference of probability to Keras: {agree}" if agree else alone
    lines = [
        f"wrote {made.path}",
        proved,
        f"its hash, to be kept apart from it: {made.sha256}",
    ]
    answer(made, lines, options)


@export.command(name="model-card")
def export_model_card(
    run: RunName, file: Path | None = None, /, *, options: Options = Options()
) -> None:
    """Write a run's model card as Markdown into FILE, or print it."""
    with _reading(options, run) as (found,):
        labels = read_checked(found, "data_report.json")["label_names"]
        metrics = read_checked(found, "metrics.json")
        card = model_card(found.manifest, metrics, read_config(found), labels)
    if file is not None:
        require_new(file)
        write_text(file, card)
        _answer_files(found, [file], options)
    else:
        written = {"run_id": found.manifest.run_id, "model_card": card}
        answer(written, [card.removesuffix("\n")], options)


@contextmanager
def _reading(options: Options, *names: str) -> Iterator[list[Run]]:
    """Yield the runs of these names; that files of theirs are damaged is one sentence."""
    runs = [find_run(options.artifacts, name) for name in names]
    with reading_runs(*runs):
        yield runs


def _champion(artifacts: Path) -> tuple[str | None, list[UnreadableRun]]:
    """Return the id of the champion; a log that cannot be read hides no run."""
    try:
        champion = current_champion(ChampionStore(artifacts).events())
    except PipelineError as error:
        return None, [UnreadableRun(folder=artifacts, reason=str(error))]
    return (champion.run_id if champion else None), []


def _answer_pins(line: str, options: Options) -> None:
    answer({"pinned": pinned_runs(options.artifacts)}, [line], options)


def _answer_files(run: Run, files: Sequence[Path], options: Options) -> None:
    written = {"run_id": run.manifest.run_id, "files": [str(file) for file in files]}
    answer(written, [f"wrote {file}" for file in files], options)
