"""The page of an artifacts folder: all its runs over time, and who was champion when."""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from urllib.parse import quote

from tasks.common.errors import PipelineError
from tasks.common.formatting import interval_text, score, short_id, when
from tasks.common.records import Record
from tasks.common.tables import Column, Table, number
from tasks.evaluation.significance import PairedTest, difference_text
from tasks.reports.html import render
from tasks.reports.timeline import SHAPES, Change, Judged, Timeline, draw_timeline
from tasks.runs.find import FoundRuns, Run, UnreadableRun
from tasks.runs.names import read_naming_of
from tasks.runs.read import REPORT, read_checked, reading_runs

_COLOURS = 3
_LOOKS = _COLOURS * len(SHAPES)
_CHALLENGER, _CHAMPION = 0, 2
"""Their looks in the chart of a replay."""


class ChampionEvent(Record):
    """What was decided of a run: promoted, refused or rolled back (to it), and why.

    `test` is that of the run against `former_champion`, if there was one.
    """

    kind: str
    when: str
    run_id: str
    why: str
    former_champion: str | None = None
    test: PairedTest | None = None


class _Listed(Record):
    """A run, with how many reviews it learned from, and the number of its test set.

    `series` tells apart what scores depend on by source and protocol.
    """

    run: Run
    name: str
    tags: tuple[str, ...]
    created: datetime
    training_reviews: int
    test_set: int
    series: tuple[str, str]

    @property
    def run_id(self) -> str:
        return self.run.manifest.run_id

    @property
    def as_of(self) -> date | None:
        return self.run.manifest.source.as_of

    @property
    def link(self) -> str:
        return f"runs/{quote(os.fsencode(self.run.folder.name))}/{REPORT}"

    @property
    def accuracy(self) -> str:
        judged = self.run.manifest.score
        bounds = interval_text(judged.accuracy_low, judged.accuracy_high)
        return f"{score(judged.accuracy)} ({bounds})"


class _Replayed(Record):
    """What was decided as of a day: both models learned from what was known then."""

    day: date
    challenger: _Listed
    champion: _Listed
    event: ChampionEvent
    test: PairedTest
    accuracies: tuple[float, float]


def runs_page(found: FoundRuns, events: Sequence[ChampionEvent], faults: Sequence[str]) -> str:
    """Return one HTML page that needs no other file and asks for nothing outside.

    `events` are in the order of time. What cannot be read is named and stops nothing; `faults` are
    further such sentences. Links lead from beside the folder `runs` to the reports in it.
    """
    runs, damaged = _listed(found)
    changes = [event for event in events if event.kind != "refused"]
    champion = changes[-1].run_id if changes else None
    series = list(dict.fromkeys(run.series for run in reversed(runs)))
    now = datetime.now(UTC)
    replayed = _replayed(runs, events)
    drawn = sorted((run for run in runs if run.created <= now), key=lambda run: run.created)
    return render(
        "runs.html.jinja",
        title=f"{len(runs):,} {'run' if len(runs) == 1 else 'runs'}",
        champion=next((run for run in runs if run.run_id == champion), None),
        champion_id=champion,
        since=when(changes[-1].when) if changes else None,
        chart=_chart(drawn, changes, series),
        series=[
            {"text": f"{source}, {protocol} protocol", "look": place % _LOOKS}
            | {"is_hollow": protocol == "tutorial"}
            for place, (source, protocol) in enumerate(series)
        ],
        replay=_replay_chart(replayed),
        replay_looks=(_CHALLENGER, _CHAMPION),
        replay_table=_replay_table(replayed),
        replay_links=[one.challenger.link for one in reversed(replayed)],
        left_out=[short_id(run.run_id) for run in runs if run.created > now],
        table=_table(runs, events, champion),
        links=[run.link for run in runs],
        faults=[*faults, *(folder.reason for folder in damaged)],
    )


def _listed(found: FoundRuns) -> tuple[list[_Listed], list[UnreadableRun]]:
    """Return what the page says of each run, newest first, and what cannot be read."""
    listed: list[_Listed] = []
    damaged, numbers = list(found.unreadable), dict[str, int]()
    for run in reversed(found.runs):
        manifest, naming = run.manifest, read_naming_of(run.folder)
        try:
            with reading_runs(run):
                one = _Listed(
                    run=run,
                    name=naming.name,
                    tags=naming.tags,
                    created=datetime.fromisoformat(manifest.created),
                    training_reviews=read_checked(run, "data_report.json")["train"]["reviews"],
                    test_set=numbers.setdefault(manifest.fingerprints["test"], len(numbers) + 1),
                    series=(manifest.score.source_label, manifest.score.protocol),
                )
        except (PipelineError, OSError) as error:
            damaged.append(UnreadableRun(folder=run.folder, reason=str(error)))
        else:
            listed.insert(0, one)
    return listed, damaged


def _chart(
    runs: Sequence[_Listed],
    changes: Sequence[ChampionEvent],
    series: Sequence[tuple[str, str]],
) -> Timeline | None:
    if not runs:
        return None
    scores = {run.run_id: run.run.manifest.score.accuracy for run in runs}
    first, last = runs[0].created, runs[-1].created
    ranges = []
    for source, protocol in series:
        found = [scores[run.run_id] for run in runs if run.series == (source, protocol)]
        if found:
            ranges.append(f"{source}, {protocol} protocol, {min(found):.4f} to {max(found):.4f}")
    text = (
        f"{len(runs):,} runs from {first:%Y-%m-%d} to {last:%Y-%m-%d}, with test accuracies of"
        f" {'; '.join(ranges)}. Changes of the champion: {len(changes)}. The table below has all"
        " numbers."
    )
    judged = [_judged(run, series.index(run.series) % _LOOKS) for run in runs]
    made = [
        Change(
            when=datetime.fromisoformat(event.when),
            accuracy=scores.get(event.run_id),
            is_rollback=event.kind == "rolled back",
            label=f"{when(event.when)} {_what(event)} {short_id(event.run_id)}",
        )
        for event in changes
    ]
    return draw_timeline(judged, made, "Test accuracy by time, and the champion's", text)


def _judged(run: _Listed, look: int) -> Judged:
    judged = run.run.manifest.score
    return Judged(
        when=run.created,
        accuracy=judged.accuracy,
        low=judged.accuracy_low,
        high=judged.accuracy_high,
        training_reviews=run.training_reviews,
        test_reviews=judged.test_reviews,
        group=f"{run.test_set} {run.series}",
        look=look,
        is_hollow=judged.protocol == "tutorial",
        label=f"{short_id(run.run_id)} {run.name}".strip()
        + f", {when(run.run.manifest.created)}: {run.accuracy},"
        f" {judged.protocol} protocol, {judged.source_label}, test set {run.test_set}"
        f" ({judged.test_reviews:,} reviews), {run.training_reviews:,} training reviews",
        link=run.link,
    )


def _replayed(runs: Sequence[_Listed], events: Sequence[ChampionEvent]) -> list[_Replayed]:
    """Return the last comparison as of each day, in the order of the days."""
    listed = {run.run_id: run for run in runs}
    found: dict[date, _Replayed] = {}
    for event in events:
        challenger, champion = listed.get(event.run_id), listed.get(event.former_champion or "")
        if challenger is None or champion is None or champion.as_of is None:
            continue
        day = challenger.as_of
        if day and event.test and event.test.accuracies:
            found[day] = _Replayed(
                day=day,
                challenger=challenger,
                champion=champion,
                event=event,
                test=event.test,
                accuracies=event.test.accuracies,
            )
    return [found[day] for day in sorted(found)]


def _replay_chart(replayed: Sequence[_Replayed]) -> Timeline | None:
    if not replayed:
        return None
    drawn: list[Judged] = []
    for one in replayed:
        ours, theirs = one.accuracies
        interval = theirs + one.test.difference_low, theirs + one.test.difference_high
        sides = (
            ("champion", one.champion, _CHAMPION, theirs, (theirs, theirs)),
            ("challenger", one.challenger, _CHALLENGER, ours, interval),
        )
        for side, run, look, accuracy, (low, high) in sides:
            drawn.append(
                Judged(
                    when=_midnight(one.day),
                    accuracy=accuracy,
                    low=low,
                    high=high,
                    training_reviews=run.training_reviews,
                    test_reviews=one.test.reviews,
                    group=side,
                    look=look,
                    is_hollow=False,
                    label=f"as of {one.day} the {side} {short_id(run.run_id)}: {score(accuracy)} on"
                    f" {one.test.reviews:,} unseen reviews, {run.training_reviews:,} training"
                    " reviews",
                    link=run.link,
                )
            )
    changes = [
        Change(_midnight(one.day), None, is_rollback=False, label=f"promoted as of {one.day}")
        for one in replayed
        if one.event.kind == "promoted"
    ]
    text = (
        f"{len(replayed):,} comparisons as of {replayed[0].day} to {replayed[-1].day}, of which"
        f" {len(changes):,} promoted the challenger. The table below has all numbers."
    )
    title = "Champion and challenger on the same unseen reviews, by day"
    return draw_timeline(drawn, changes, title, text, name="replay", defines_shapes=False)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _replay_table(replayed: Sequence[_Replayed]) -> Table:
    return Table(
        "as of",
        number("challenger"),
        number("champion"),
        number("difference (95 %)"),
        number("unseen reviews"),
        "decision",
        "challenger's run",
        "champion's run",
        rows=(
            [
                str(one.day),
                *map(score, one.accuracies),
                difference_text(one.test),
                f"{one.test.reviews:,}",
                one.event.kind,
                short_id(one.challenger.run_id),
                short_id(one.champion.run_id),
            ]
            for one in reversed(replayed)
        ),
        title="Champion and challenger as of each day, the last one first",
    )


def _what(event: ChampionEvent) -> str:
    return "rolled back to" if event.kind == "rolled back" else event.kind


def _table(runs: Sequence[_Listed], events: Sequence[ChampionEvent], champion: str | None) -> Table:
    decided: dict[str, list[str]] = {}
    for event in events:
        why = f": {event.why}" if event.why else ""
        decided.setdefault(event.run_id, []).append(f"{_what(event)} {when(event.when)}{why}")
    return Table(
        "run",
        number("when (UTC)"),
        Column("name", is_long=True),
        Column("decision", is_long=True),
        "judged",
        number("accuracy (95 %)"),
        number("test reviews"),
        number("trained on"),
        number("baseline"),
        rows=(_cells(run, decided, champion) for run in runs),
        title="All runs, newest first",
    ).without_empty_columns()


def _cells(run: _Listed, decided: Mapping[str, Sequence[str]], champion: str | None) -> list[str]:
    manifest, run_id = run.run.manifest, run.run_id
    decisions = [*(["champion"] if run_id == champion else []), *decided.get(run_id, ())]
    return [
        short_id(run_id),
        when(manifest.created),
        " ".join([run.name, *(f"#{tag}" for tag in run.tags)]),
        "; ".join(decisions),
        ",\N{NO-BREAK SPACE}".join(run.series),
        run.accuracy,
        f"{manifest.score.test_reviews:,} (set {run.test_set})",
        f"{run.training_reviews:,}",
        f"{score(manifest.baseline.accuracy)}{manifest.baseline.sample_mark}",
    ]
