"""Retrain each week on a table that grows, and count what is decided, and how often wrongly.

Start it from the project's folder with `python -m benchmarks.weekly_case`.
"""

import gc
import itertools
import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from statistics import mean
from typing import Annotated, Any

import cyclopts
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp
from cyclopts import Parameter
from pyarrow import csv
from rich.console import Console
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from benchmarks.made_reviews import made_up_words
from benchmarks.paired import run_child, scratch_folder, write_result
from flows.cli import app as commands
from flows.cli import retrain
from tasks.common.formatting import signed
from tasks.common.records import Record
from tasks.common.tables import Table, markdown, number
from tasks.config.promotion import PromotionConfig
from tasks.config.training import DataConfig
from tasks.data.split import chosen_part
from tasks.data.text.vocabulary import hashes_of
from tasks.evaluation.alpha_spending import next_look
from tasks.evaluation.significance import paired_test
from tasks.inference.open_model import model_of_run
from tasks.inference.predictor import prepare_texts
from tasks.model.answers import answers
from tasks.model.network import keras_network
from tasks.registry.champion import ChampionStore
from tasks.registry.events import PromotionEvent, current_champion
from tasks.runs.find import find_run

VOCABULARY, TELLING, STRENGTH = 3_000, 600, 0.8
"""Distinct words; those that tell the label, half of them before a shift and half from it on; and
how much more often than by chance one of them stands in the texts of its label."""

_COMMONEST = 20
"""Words that tell nothing."""

_LOG_MEAN, _LOG_SPREAD = 3.6, 0.4
"""Of the lengths: mean and standard deviation of their logarithms."""

_SHORTEST, _LONGEST = 10, 64

FRESH = 10_000
"""Reviews before and after a shift by which the true accuracy of a model is measured."""

OPTIONS = (
    "--recipe=ngrams",
    "--ngram-words=1",
    "--ngram-buckets=16384",
    f"--num-words={VOCABULARY}",
    f"--maxlen={_LONGEST}",
    "--batch-size=32",
    "--epochs=2",
    "--no-check-drift",
    "--promote",
    # The champion alone decides.
    "--floor=0",
    "--baseline-margin=0.99",
    "--largest-calibration-error=1",
)

OUTCOMES = ("promoted", "worse", "not clearly better", "better, refused", "not compared")

# A machine that does other work too loses most of its time to threads that wait for each other.
_ONE_CORE = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "OMP_NUM_THREADS": "1"}


class Decided(Record):
    """What was decided in a week, on how many unseen reviews at which level, and what is true.

    `difference` is by how much the challenger's true accuracy on reviews such as those of that
    week's table exceeds the champion's; None where no test compared them, as in the first week.
    """

    outcome: str
    unseen: int | None
    level: float | None
    difference: float | None


class Series(Record):
    """The decisions of one seed, and accuracies on fresh reviews such as those of the last week.

    `before` is that of the champion when the shift comes, `after` that in the end, and `best` that
    of the best of all models.
    """

    seed: int
    shift: int | None
    weeks: tuple[Decided, ...]
    before: float
    after: float
    best: float


def made_reviews(rows: int, *, shifted: bool, random: np.random.Generator) -> pa.Table:
    """Return texts, and labels 0 or 1; where `shifted`, other words tell the label."""
    words = made_up_words(VOCABULARY)
    places = np.random.default_rng(0).permutation(np.arange(_COMMONEST, VOCABULARY))
    towards = np.zeros(VOCABULARY)  # label 1, or 0 where it is negative
    towards[places[int(shifted) : TELLING : 2]] = np.tile([1, -1], TELLING // 4)
    given = random.lognormal(_LOG_MEAN, _LOG_SPREAD, rows)
    lengths = np.clip(given, _SHORTEST, _LONGEST).astype(np.int64)
    labels = random.integers(0, 2, rows)
    drawn = np.empty(lengths.sum(), np.int64)
    for label, sign in enumerate((-1, 1)):
        shares = (1 + STRENGTH * sign * towards) / np.arange(3, 3 + VOCABULARY)
        is_its = np.repeat(labels, lengths) == label
        drawn[is_its] = random.choice(VOCABULARY, int(is_its.sum()), p=shares / shares.sum())
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    texts = pc.binary_join(pa.ListArray.from_arrays(offsets, words.take(pa.array(drawn))), " ")
    return pa.table({"text": texts, "label": labels})


def write_weeks(path: Path, weeks: int, rows: int, shift: int | None, seed: int) -> None:
    """Write `rows` reviews of each week as CSV; from week `shift` on other words tell the label.

    The weeks before a shift are the same with it and without.
    """
    made = [
        reviews_of_week(week, rows, shift, seed).append_column(
            "written", [[str(_day(week))] * rows]
        )
        for week in range(1, weeks + 1)
    ]
    csv.write_csv(pa.concat_tables(made), path)


def reviews_of_week(week: int, rows: int, shift: int | None, seed: int) -> pa.Table:
    """Return the reviews that a week brings."""
    random = np.random.default_rng([seed, week])
    return made_reviews(rows, shifted=is_shifted(week, shift), random=random)


def fresh_reviews(seed: int) -> list[pa.Table]:
    """Return reviews that no table holds: such as before a shift, and such as after it."""
    random = np.random.default_rng([seed, 0])
    return [made_reviews(FRESH, shifted=shifted, random=random) for shifted in (False, True)]


def is_shifted(week: int, shift: int | None) -> bool:
    """Tell whether the reviews of a week are such as those after the shift."""
    return shift is not None and week >= shift


def _day(week: int) -> date:
    return date(2026, 1, 5) + timedelta(weeks=week - 1)


def outcome_of(event: PromotionEvent) -> str:
    """Return which of the outcomes a decision is."""
    if event.kind == "promoted":
        return "promoted"
    if event.test is None or event.look is None:
        return "not compared"
    if event.test.p_value > event.look.adjusted_level:
        return "not clearly better"
    return "worse" if event.test.difference < 0 else "better, refused"


def judged_series(
    events: Sequence[PromotionEvent],
    accuracies: Mapping[str, Sequence[float]],
    shift: int | None,
    seed: int,
) -> Series:
    """Return what came of a series: of an event a week, and of the accuracies of each run's model.

    There are two, on fresh reviews such as those before a shift, and such as those after it.
    """
    decided = []
    for week, event in enumerate(events, start=1):
        difference = None
        if event.test is not None and event.former_champion is not None:
            ours, theirs = accuracies[event.run_id], accuracies[event.former_champion]
            new = sum(is_shifted(one, shift) for one in range(1, week + 1)) / week
            difference = (1 - new) * (ours[0] - theirs[0]) + new * (ours[1] - theirs[1])
        decided.append(
            Decided(
                outcome=outcome_of(event),
                unseen=event.test.reviews if event.test else None,
                level=event.look.adjusted_level if event.look else None,
                difference=difference,
            )
        )
    kind = int(is_shifted(len(events), shift))
    champions = current_champion(events[: (shift or 2) - 1]), current_champion(events)
    before, after = (accuracies[one.run_id][kind] if one else 0.5 for one in champions)
    best = max(found[kind] for found in accuracies.values())
    return Series(
        seed=seed, shift=shift, weeks=tuple(decided), before=before, after=after, best=best
    )


def run_series(folder: Path, weeks: int, rows: int, shift: int, seed: int) -> list[Series]:
    """Retrain on tables as of each week, without a shift and with one; return what was decided.

    The weeks before the shift are the same, so that they are run once.
    """
    common, shifted = folder / "without", folder / "with"
    for case, begins in ((common, None), (shifted, shift)):
        case.mkdir()
        write_weeks(case / "reviews.csv", weeks, rows, begins, seed)
    for week in range(1, shift):
        _retrain(common, week, seed)
    shutil.copytree(common / "artifacts", shifted / "artifacts")
    for case, week in itertools.product((common, shifted), range(shift, weeks + 1)):
        _retrain(case, week, seed)
    return [_series(common, None, seed), _series(shifted, shift, seed)]


def _retrain(folder: Path, week: int, seed: int) -> None:
    files = f"--train-file={folder / 'reviews.csv'}", f"--artifacts={folder / 'artifacts'}"
    then = "--time-column=written", f"--as-of={_day(week)}"
    # What is imported is left out of the collections after each step.
    gc.collect()
    gc.freeze()
    commands.main(retrain.app, [*files, *then, *OPTIONS, f"--seed={seed}"])


def _series(folder: Path, shift: int | None, seed: int) -> Series:
    artifacts = folder / "artifacts"
    events = ChampionStore(artifacts).events()
    fresh = fresh_reviews(seed)
    accuracies = {event.run_id: _accuracies(artifacts, event.run_id, fresh) for event in events}
    return judged_series(events, accuracies, shift, seed)


def _accuracies(artifacts: Path, run_id: str, fresh: Sequence[pa.Table]) -> list[float]:
    model = model_of_run(find_run(artifacts, run_id))
    network = keras_network(model.file, FRESH)
    found = []
    for reviews in fresh:
        texts = reviews["text"].combine_chunks()
        said = answers(network(prepare_texts(texts, model.vocabulary, model.text).tokens))
        found.append(float(np.mean(said == reviews["label"].to_numpy())))
    return found


def rule_series(weeks: int, rows: int, shift: int | None, seed: int) -> Series:
    """Return what the same rules decide of logistic regressions on words, which take no time.

    Parts, test and level are those of the project; the models are not, and nothing is recorded.
    """
    words = CountVectorizer(vocabulary=made_up_words(VOCABULARY).to_pylist(), binary=True)
    events: list[PromotionEvent] = []
    models, accuracies = dict[str, LogisticRegression](), dict[str, list[float]]()
    fresh = fresh_reviews(seed)
    fresh_counts = [words.transform(reviews["text"].to_pylist()) for reviews in fresh]
    counts, tables = [], []
    for week in range(1, weeks + 1):
        made = reviews_of_week(week, rows, shift, seed)
        tables.append(made)
        counts.append(words.transform(made["text"].to_pylist()))
        known, labels = (
            sp.vstack(counts, format="csr"),
            pa.concat_tables(tables)["label"].to_numpy(),
        )
        texts = pa.concat_tables(tables)["text"].to_pylist()
        units = hashes_of(text.encode() for text in texts)
        is_test = chosen_part(units, labels, DataConfig().test_fraction, 0, "test set")
        name = str(week)
        models[name] = LogisticRegression(max_iter=1000).fit(known[~is_test], labels[~is_test])
        accuracies[name] = [
            float(models[name].score(those, reviews["label"].to_numpy()))
            for those, reviews in zip(fresh_counts, fresh, strict=True)
        ]
        champion = current_champion(events)
        against: dict[str, Any] = {"former_champion": None}
        promoted = champion is None
        if champion is not None:
            ours, theirs = (
                models[one].predict(known[is_test]) == labels[is_test]
                for one in (name, champion.run_id)
            )
            test = paired_test(ours, theirs)
            look = next_look(PromotionConfig().level, (), (name, champion.run_id))
            promoted = test.difference > 0 and test.p_value <= look.adjusted_level
            against = {"former_champion": champion.run_id, "test": test, "look": look}
        events.append(
            PromotionEvent(
                number=week,
                kind="promoted" if promoted else "refused",
                **dict.fromkeys(("when", "who", "reason", "manifest_sha256"), ""),
                **dict.fromkeys(("run_id", "model", "test_fingerprint"), name),
                **against,
            )
        )
    return judged_series(events, accuracies, shift, seed)


def tables_of(found: Sequence[Series]) -> list[Table]:
    """Return a table of the weeks for each case, and one of what was wrong."""
    cases = {
        "Without a shift": [one for one in found if one.shift is None],
        "With a shift": [one for one in found if one.shift is not None],
    }
    summary = Table(
        "",
        number("comparisons"),
        number("false worse"),
        number("by the level at most"),
        number("false better"),
        number("accuracy before"),
        number("in the end"),
        number("best of all models"),
        number("better in the end"),
        rows=[_summary(name, series) for name, series in cases.items()],
        title="What was wrong, and the champions on fresh reviews such as those of the last week",
    )
    return [*(_weekly_table(name, series) for name, series in cases.items()), summary]


def _weekly_table(name: str, found: Sequence[Series]) -> Table:
    rows = []
    for week, decided in enumerate(zip(*(one.weeks for one in found), strict=True), start=1):
        outcomes = Counter(one.outcome for one in decided)
        unseen = [one.unseen for one in decided if one.unseen is not None]
        gaps = [one.difference for one in decided if one.difference is not None]
        rows.append(
            [
                f"{week}, shift" if week == found[0].shift else str(week),
                *(str(outcomes[outcome]) for outcome in OUTCOMES),
                f"{mean(unseen):,.0f}" if unseen else "",
                signed(mean(gaps)) if gaps else "",
            ]
        )
    return Table(
        "week",
        *map(number, OUTCOMES),
        number("unseen reviews"),
        number("true difference"),
        rows=rows,
        title=f"{name}: decisions on {len(found)} seeds",
    )


def _summary(name: str, found: Sequence[Series]) -> list[str]:
    compared = [one for series in found for one in series.weeks if one.level is not None]
    true = [(one.outcome, one.difference or 0) for one in compared]
    worse = sum(outcome == "worse" and gap >= 0 for outcome, gap in true)
    better = sum(outcome in ("promoted", "better, refused") and gap <= 0 for outcome, gap in true)
    return [
        name,
        str(len(compared)),
        str(worse),
        # A two-sided test errs on either side with half of its level at most.
        f"{sum((one.level or 0) / 2 for one in compared):.1f}",
        str(better),
        *(
            f"{mean(getattr(one, what) for one in found):.4f}"
            for what in ("before", "after", "best")
        ),
        f"{sum(one.after > one.before for one in found)} of {len(found)}",
    ]


app = cyclopts.App(name="weekly_case", help="Decisions of a weekly retraining on a growing table.")


@app.command(name="series")
def print_series(folder: Path, *, weeks: int, rows: int, shift: int, seed: int) -> None:
    """Run the series of one seed in this process; the last line is what was decided.

    Args:
        folder: An empty folder to write to.
        weeks: Weeks of each series.
        rows: Reviews that each week brings.
        shift: Week from which on other words tell the label, in the second series.
        seed: Of reviews and training.
    """
    made = run_series(folder, weeks, rows, shift, seed)
    sys.stdout.write(json.dumps([one.model_dump() for one in made]) + "\n")


@app.command(name="rule")
def print_rule(*, seeds: int = 20, weeks: int = 8, rows: int = 1_500, shift: int = 5) -> None:
    """Do the same with logistic regressions in this process, without any run: for many seeds.

    Args:
        seeds: How many, from 0 on.
        weeks: Weeks of each series.
        rows: Reviews that each week brings.
        shift: Week from which on other words tell the label.
    """
    cases = itertools.product(range(seeds), (None, shift))
    found = [rule_series(weeks, rows, begins, seed) for seed, begins in cases]
    sys.stdout.write(markdown(*tables_of(found)))


@app.default
def main(
    *,
    seeds: int = 20,
    weeks: int = 8,
    rows: int = 1_500,
    shift: int = 5,
    json_out: Annotated[Path | None, Parameter(name="--json")] = None,
) -> None:
    """Retrain for some weeks without and with a shift, each seed in a process of its own.

    Args:
        seeds: How many, from 0 on.
        weeks: Weeks of each series.
        rows: Reviews that each week brings.
        shift: Week from which on other words tell the label.
        json_out: File to write all decisions to; seeds that it holds already are not run again.
    """
    found: list[Series] = []
    if json_out is not None and json_out.exists():
        kept = json.loads(json_out.read_bytes())["series"]
        found = [Series.model_validate(one) for one in kept]
    console = Console(highlight=False, stderr=True)
    sizes = [f"--weeks={weeks}", f"--rows={rows}", f"--shift={shift}"]
    for seed in sorted({*range(seeds)} - {one.seed for one in found}):
        with scratch_folder() as scratch:
            command = [sys.executable, "-m", "benchmarks.weekly_case", "series", str(scratch)]
            child = run_child([*command, *sizes, f"--seed={seed}"], os.environ | _ONE_CORE)
        found += [Series.model_validate(one) for one in json.loads(child.output.splitlines()[-1])]
        console.print(f"seed {seed}: {child.seconds:.0f} s, {child.cpu_seconds:.0f} s of processor")
        if json_out is not None:
            write_result(json_out, {"series": [one.model_dump() for one in found]})
    sys.stdout.write(markdown(*tables_of(found)))


if __name__ == "__main__":
    app()
