"""The leaderboard: what people wait for, against a peer that does the same work, in one command.

`make bench` measures, and names what got worse since `benchmarks/leaderboard.json`; with
`ARGS=--keep` it writes that file and `docs/leaderboard.md` anew.
"""

import importlib.util
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import cyclopts
import numpy as np
from cyclopts import Parameter
from keras.src.datasets import imdb
from pyarrow import csv
from rich.console import Console
from scipy import stats

from benchmarks import compare_epochs, compare_inference, plain_ngrams
from benchmarks.make_npz import write_npz
from benchmarks.paired import (
    ROOT,
    Spread,
    ratios,
    run_child,
    scratch_folder,
    turn_order,
    write_result,
)
from tasks.common.artifact_store import ArtifactStore
from tasks.common.atomic_files import write_text
from tasks.config.training import DataConfig, SourceConfig
from tasks.data.fetch import fetch_reviews
from tasks.data.load import load_reviews
from tasks.data.sources.readers import official_train
from tasks.data.sources.source_files import SourceFiles

COMMITTED = ROOT / "benchmarks" / "leaderboard.json"
PAGE = ROOT / "docs" / "leaderboard.md"

OWN_ROWS, TRAINED_ROWS, ASKED = 500, 2000, 1024
EPOCH, EPOCH_JUDGED = 3200, 800

WORSE_P, WORSE_BY = 0.01, 1.1
"""Of ten targets without a change one is named in a check of ten."""


@dataclass(frozen=True)
class Target:
    """What is measured, against which peer, and which ratio of ours to the peer's is the goal.

    `reason` says why the goal is not reached, where that is known. `needs` is a package that does
    not come with the project: without it this is not measured.
    """

    title: str
    peer: str
    goal: float
    reason: str = ""
    needs: str = ""

    @property
    def is_measured(self) -> bool:
        """Whether the peer is installed."""
        return not self.needs or importlib.util.find_spec(self.needs) is not None

    @property
    def pair(self) -> str:
        """What is measured against what."""
        return f"{self.title} against {self.peer}"


_YARDSTICK = "Python that imports NumPy"
_IMPORTS = "most is the import of pydantic, cyclopts and rich"

TARGETS = {
    "cached run": Target(
        "a run of which all is cached",
        "an empty Prefect flow",
        1.1,
        "most is Prefect's start on both sides; ours also proves that no result has changed",
    ),
    "runs": Target("`sentiment runs`", _YARDSTICK, 6.0, _IMPORTS),
    "explain": Target("`sentiment explain latest`", _YARDSTICK, 6.0, _IMPORTS),
    "predict": Target("`sentiment predict TEXT`, `ngrams`", _YARDSTICK, 7.0, _IMPORTS),
    "own csv": Target(
        f"first run on a CSV of {OWN_ROWS} rows, 2 epochs, baselines and report included",
        "the plain Keras script on the same reviews, as a ready file",
        1.0,
        "the temporary server, the imports of Prefect, the baselines and the report",
    ),
    "ngrams csv": Target(
        f"`ngrams` on a CSV of {TRAINED_ROWS:,} rows, first run, baselines and report included",
        "a plain script of scikit-learn: TF-IDF of up to three words, logistic regression",
        2.0,
        "the temporary server, the imports of Prefect and TensorFlow, two baselines and the report",
    ),
    "ngrams fastText csv": Target(
        f"`ngrams` on a CSV of {TRAINED_ROWS:,} rows, first run, baselines and report included",
        "a plain script of fastText: up to two words, 25 epochs",
        2.0,
        "as against scikit-learn",
        needs="fasttext",
    ),
    "epoch": Target(
        "an epoch of `tutorial`",
        "the plain Keras script",
        0.5,
        "0.50 to 0.63 from one measurement to the next, see [training](training_speed.md)",
    ),
    "epoch torch": Target("an epoch of `tutorial`", "PyTorch", 0.5, needs="torch"),
    "epoch floor": Target(
        "an epoch of `tutorial`",
        "its matrix products alone",
        1.5,
        "1.1 without AVX-512; with it products take half the time, and the rest of a step as long",
    ),
    "load": Target(
        "load the packaged reviews from raw texts",
        "Keras's `load_data` of the same reviews as a ready file",
        0.7,
        "the texts are read, checked, counted and written; Keras reads numbers",
    ),
    "tutorial arrays": Target("`tutorial` on padded arrays", "`model.predict`", 0.5),
    "tutorial texts": Target(
        "`tutorial` from texts", "tokenizer + `model.predict`", 0.25, "the LSTMs' arithmetic"
    ),
    "ngrams arrays": Target(
        "`ngrams` on padded arrays",
        "`model.predict`",
        0.1,
        "by less than its noise; half is hashing and looking up, a third sorting and adding up",
    ),
    "ngrams scikit-learn": Target(
        "`ngrams` from texts",
        "the pipeline of scikit-learn on the same texts",
        1.0,
    ),
    "ngrams fastText": Target(
        "`ngrams` from texts", "fastText on the same texts", 1.0, needs="fasttext"
    ),
    "ngrams texts": Target(
        "`ngrams` from texts",
        "tokenizer + `model.predict`",
        0.1,
        "the tokenizer, which both sides have, takes longer than the tenth",
    ),
}

_EMPTY_FLOW = """
from flows.orchestration.process import begin_process
begin_process()
from prefect import flow

@flow
def empty() -> None:
    pass

empty()
"""

_PAGE = """\
# Leaderboard

What people wait for, against a peer that does the same work beside it: the ratio of ours to the
peer's, so that less is better. `make bench` measures it, compares with what is committed, and names
what got worse by more than its noise; `make bench ARGS=--keep` renews this page. It has no lone
times, which say little on another machine.

Commit {commit}, {cores} cores ({processor}), TensorFlow {tensorflow}; medians and ranges of
rounds in each of which both sides take their turn. Predictions are compared by wall time,
all else by processor time; Python's bytecode is {bytecode}. Predictions and loading are of the
packaged reviews; the models learned from 2,000 of them. PyTorch and
fastText do not come with the project: `pip install` with the extra `benchmark`.

| what | against | ratio, median (range) | rounds | goal | verdict |
|---|---|---|---|---|---|
{rows}
"""

_BY_HAND = "\n## Measured apart\n"

_COMMAND = "from flows.cli.sentiment import main; main()"

Command = Sequence[str]


def measure(rounds: int, scratch: Path) -> Iterator[tuple[str, list[float]]]:
    """Yield the name of each target with the ratios of all rounds."""
    artifacts = scratch / "artifacts"
    source = fetch_reviews(SourceConfig(source="packaged"), ArtifactStore(artifacts).open())
    rows, own = scratch / "rows.csv", scratch / "own.csv"
    for file, count in ((rows, TRAINED_ROWS), (own, OWN_ROWS)):
        _write_rows(source.paths["reviews"], file, count)
    learned = plain_ngrams.read(rows)
    linear = {"scikit-learn": plain_ngrams.learned(*learned).predict_proba}
    if TARGETS["ngrams fastText"].is_measured:
        plain_fasttext = importlib.import_module("benchmarks.plain_fasttext")
        linear["fastText"] = plain_fasttext.learned(*learned)
    for recipe, others in (("tutorial", {}), ("ngrams", linear)):
        run_child(_training(rows, artifacts, f"--recipe={recipe}", "--epochs=1"))
        asked = compare_inference.measure(artifacts, "latest", ASKED, rounds, others)["seconds"]
        yield f"{recipe} arrays", ratios(asked["ours"], asked["keras"])
        yield f"{recipe} texts", ratios(asked["ours texts"], asked["keras texts"])
        for peer in others:
            yield f"{recipe} {peer}", ratios(asked["ours texts"], asked[peer])
    yield from _epochs(rounds)
    yield "load", _load(rounds, source, scratch / "all.npz")
    own_source = SourceConfig.model_validate({"source": "files", "train_file": own})
    npz = scratch / "own.npz"
    with tempfile.TemporaryDirectory() as folder:
        load_reviews(
            fetch_reviews(own_source, ArtifactStore(artifacts)), DataConfig(), Path(folder)
        )
        write_npz(Path(folder), npz)

    def command(*words: str) -> Command:
        return [sys.executable, "-c", _COMMAND, *words, f"--artifacts={artifacts}"]

    yardstick = [sys.executable, "-c", "import numpy"]
    empty = [sys.executable, "-c", _EMPTY_FLOW]
    plain = [sys.executable, "benchmarks/plain_keras.py", f"--npz={npz}", f"--out={scratch}"]
    scripts = {"ngrams csv": "plain_ngrams", "ngrams fastText csv": "plain_fasttext"}
    for ours, peers in (
        ([command("runs", "list")] * rounds, {"runs": yardstick}),
        ([command("explain", "latest")] * rounds, {"explain": yardstick}),
        ([command("predict", "A lovely film")] * rounds, {"predict": yardstick}),
        (
            [_training(rows, artifacts, "--recipe=ngrams", "--epochs=1")] * rounds,
            {"cached run": empty},
        ),
        (
            [
                _training(rows, scratch / f"fresh n-grams {turn}", "--recipe=ngrams")
                for turn in range(rounds)
            ],
            {
                name: [sys.executable, "-m", f"benchmarks.{script}", str(rows)]
                for name, script in scripts.items()
                if TARGETS[name].is_measured
            },
        ),
        (
            [_training(own, scratch / f"fresh {turn}", "--epochs=2") for turn in range(rounds)],
            {"own csv": [*plain, "--epochs=2"]},
        ),
    ):
        yield from _children(ours, peers)


def _epochs(rounds: int) -> Iterator[tuple[str, list[float]]]:
    ours, plain = "fast", compare_epochs.PLAIN
    sides = {"epoch": plain, "epoch torch": compare_epochs.TORCH}
    peers = {name: side for name, side in sides.items() if TARGETS[name].is_measured}
    measured = compare_epochs.measure([*peers.values(), ours], rounds, EPOCH, EPOCH_JUDGED)
    seconds = [row["cpu_seconds"] for row in measured[ours]]
    for name, side in peers.items():
        yield name, ratios(seconds, [row["cpu_seconds"] for row in measured[side]])
    floor = compare_epochs.floor_seconds(measured, EPOCH, EPOCH_JUDGED)
    yield "epoch floor", ratios(seconds, floor)


def _training(file: Path, artifacts: Path, *options: str) -> Command:
    script = [sys.executable, "flows/train_flow.py", f"--train-file={file}"]
    return [*script, f"--artifacts={artifacts}", *options]


def _write_rows(reviews: Path, file: Path, count: int) -> None:
    """Write some of the packaged reviews as a user's table, labels in turn as they come."""
    table = official_train(reviews)
    chosen = table.take(np.arange(count) * (table.num_rows // count))
    csv.write_csv(chosen.select(["text", "label"]), file)


def _children(
    ours: Sequence[Command], peers: Mapping[str, Command]
) -> Iterator[tuple[str, list[float]]]:
    """Yield the ratios of processor time to each peer; other work disturbs that least."""
    seconds: dict[str, list[float]] = {side: [] for side in ("ours", *peers)}
    for turn, our in enumerate(ours):
        for side in turn_order(list(seconds), turn):
            seconds[side].append(run_child(peers.get(side, our)).cpu_seconds)
    for name in peers:
        yield name, ratios(seconds["ours"], seconds[name])


def _load(rounds: int, source: SourceFiles, npz: Path) -> list[float]:
    def ours() -> None:
        with tempfile.TemporaryDirectory() as folder:
            load_reviews(source, DataConfig(), Path(folder))
            if not npz.exists():
                write_npz(Path(folder), npz)

    def theirs() -> None:
        imdb.load_data(num_words=10_000)

    ours()
    # By itself `load_data` takes only the one file that it has pinned.
    imdb.get_file = lambda **_: str(npz)
    sides = {"ours": ours, "theirs": theirs}
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    for turn in range(rounds):
        for side in turn_order(list(sides), turn):
            began = time.process_time()
            sides[side]()
            seconds[side].append(time.process_time() - began)
    return ratios(seconds["ours"], seconds["theirs"])


def worse(now: Mapping[str, list[float]], before: Mapping[str, list[float]]) -> list[str]:
    """Return a sentence for each target that got worse by more than its noise.

    That is, its median ratio is larger by `WORSE_BY`, and of the ratios of both measurements those
    of the new one are the larger ones (Mann and Whitney's test, one-sided, at `WORSE_P`): with five
    rounds each, all new ones have to be larger than all old ones.
    """
    sentences = []
    for name in now.keys() & before.keys():
        new, old = Spread.of(now[name]), Spread.of(before[name])
        p = stats.mannwhitneyu(now[name], before[name], alternative="greater").pvalue
        if new.median > WORSE_BY * old.median and p < WORSE_P:
            pair = TARGETS[name].pair if name in TARGETS else name
            sentences.append(f"{pair}: {new.text(2)}, before {old.text(2)} (p = {p:.3f})")
    return sorted(sentences)


def page(measured: Mapping[str, Any]) -> str:
    """Return the page of the docs that shows what `write_result` wrote."""
    machine, source = measured["machine"], measured["source"]
    rows = []
    for name, target in TARGETS.items():
        if name not in measured["ratios"]:
            continue
        spread = Spread.of(measured["ratios"][name])
        verdict = "beaten" if spread.median <= target.goal else f"no: {target.reason}"
        cells = (target.title, target.peer, spread.text(2), len(measured["ratios"][name]))
        rows.append(f"| {' | '.join(map(str, (*cells, target.goal, verdict)))} |")
    return _PAGE.format(
        commit=source["commit"][:7],
        processor=machine["processor"],
        cores=machine["cores"],
        bytecode="cached" if machine["caches_bytecode"] else "compiled anew by each process",
        tensorflow=measured["versions"]["tensorflow"],
        rows="\n".join(rows),
    )


def written_by_hand(page_file: Path) -> str:
    """Return the end of the page, which no measurement renews."""
    _, heading, rest = page_file.read_text(encoding="utf-8").partition(_BY_HAND)
    return heading + rest


def main(
    *,
    rounds: int = 5,
    json_out: Annotated[Path, Parameter(name="--json")] = Path("leaderboard.json"),
    keep: bool = False,
) -> None:
    """Measure all targets, and end with status 1 where one got worse by more than its noise.

    Args:
        rounds: How often each pair is measured; fewer than five prove nothing.
        json_out: File to write all ratios to.
        keep: Write the committed file and the page of the docs instead.
    """
    console = Console(highlight=False, soft_wrap=True)
    before = json.loads(COMMITTED.read_text())["ratios"] if COMMITTED.exists() else {}
    target, found = COMMITTED if keep else json_out, {}
    with scratch_folder() as scratch:
        for name, of_rounds in measure(rounds, scratch):
            found[name] = of_rounds
            console.print(f"{TARGETS[name].pair}: {Spread.of(of_rounds).text(2)}")
            write_result(target, {"ratios": found})
    measured = json.loads(target.read_text())
    console.print(page(measured))
    if keep:
        write_text(PAGE, page(measured) + written_by_hand(PAGE))
        return
    for sentence in (sentences := worse(found, before)):
        console.print(f"worse: {sentence}")
    if sentences:
        sys.exit(1)


if __name__ == "__main__":
    cyclopts.run(main)
