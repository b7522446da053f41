"""Command line of the champion: promote a run, go back, say who it is and who was."""

import sys
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from cyclopts import Parameter

from flows.cli.help import PROMOTION, RunName, command_app
from flows.display import promotion_tables
from flows.display.runs_page import renew_runs_page
from flows.display.terminal import EXIT_FAILED, Options, answer, remark
from flows.orchestration.process import require_prefect, server_may_be_configured
from tasks.common.artifact_store import ArtifactStore
from tasks.common.device import select_accelerator
from tasks.common.errors import PipelineError
from tasks.config.promotion import PromotionConfig
from tasks.registry.champion import ChampionStore
from tasks.registry.events import PromotionEvent
from tasks.registry.promote import promote, rollback, who_am_i
from tasks.runs.find import find_run

app = command_app(
    "promote.py",
    "Promote a run to champion if it passes all gates, or go back to an earlier champion."
    " RUN is a run folder, a run id, the start or the last part of one, a run's name, or `latest`."
    " The exit status is 1 where a run is refused.",
)


@Parameter(name="*")
@dataclass(frozen=True)
class Author:
    """Who asks for a change, and why; kept in the log."""

    reason: Annotated[str, Parameter(help="Why, for the log.")] = ""
    who: Annotated[str | None, Parameter(help="Who asks; USER@HOST by default.")] = None


@app.command(name="promote")
def promote_command(
    run: RunName,
    /,
    *,
    gates: Annotated[PromotionConfig, Parameter(name="*", group=PROMOTION)] = PromotionConfig(),
    without_comparison: Annotated[
        bool,
        Parameter(
            help="Promote also where the champion cannot be compared: it is lost, or cannot read"
            " the challenger's reviews. A champion that can be compared is.",
            negative=(),
        ),
    ] = False,
    accelerator: Annotated[
        str,
        Parameter(help="Where the latency is measured if Keras computes: auto, cpu, gpu or gpu:N."),
    ] = "auto",
    author: Author = Author(),
    options: Options = Options(),
) -> None:
    """Make RUN the champion if it passes all gates; else say which ones it fails."""
    from tasks.registry.ask_model import ask_model

    device = select_accelerator(accelerator)
    event = promote(
        options.artifacts,
        find_run(options.artifacts, run),
        gates,
        partial(ask_model, artifacts=ArtifactStore(options.artifacts), device=device),
        who=author.who or who_am_i(),
        reason=author.reason,
        without_comparison=without_comparison,
    )
    _answer_decision(event, options)
    if event.kind == "refused":
        sys.exit(EXIT_FAILED)


@app.command(name="rollback")
def rollback_command(
    *,
    to: Annotated[
        str | None, Parameter(help="A run that was champion; the one before by default.")
    ] = None,
    author: Author = Author(),
    options: Options = Options(),
) -> None:
    """Make the former champion, or an earlier one, the champion again."""
    event = rollback(options.artifacts, to, who=author.who or who_am_i(), reason=author.reason)
    _answer_decision(event, options)


@app.command
def champion(*, options: Options = Options()) -> None:
    """Say which run is the champion."""
    found = ChampionStore(options.artifacts).champion()
    shown = {"champion": found.model_dump() if found else None}
    answer(shown, [promotion_tables.champion_line(found)], options)


@app.command
def history(*, options: Options = Options()) -> None:
    """List all promotions, refusals and rollbacks, newest first."""
    events = ChampionStore(options.artifacts).events()
    shown = {"events": [event.model_dump(mode="json") for event in events]}
    table = promotion_tables.history_table(events) if events else "nothing was promoted yet"
    answer(shown, [table], options)


def _answer_decision(event: PromotionEvent, options: Options) -> None:
    answer(event, promotion_tables.decision(event), options)
    sys.stdout.flush()
    renew_runs_page(options.artifacts)
    if not server_may_be_configured():
        return
    try:
        require_prefect()
    except PipelineError as error:
        remark(f"the decision stands, but Prefect's UI does not show it: {error}")
        return
    from flows.orchestration.publish_champion import publish_champion

    publish_champion(ChampionStore(options.artifacts).events())
