"""Plant the leaks that flatter a score, and measure what each brings and what the pipeline does.

Start it from the project's folder with `python -m benchmarks.leak_court`. The plain side is
scikit-learn's TF-IDF and logistic regression on packaged reviews, as many scripts have it.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

import cyclopts
import numpy as np
import pyarrow as pa
from cyclopts import Parameter
from pyarrow import csv
from rich.console import Console
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier

from benchmarks.paired import scratch_folder, write_result
from tasks.common.artifact_store import ArtifactStore
from tasks.common.errors import BadDataError, InvalidConfigError
from tasks.common.formatting import signed
from tasks.common.tables import Table, markdown
from tasks.config.promotion import PromotionConfig, require_promotable
from tasks.config.training import DataConfig, ProtocolConfig, SourceConfig
from tasks.data.fetch import fetch_reviews
from tasks.data.load import load_reviews
from tasks.data.review_files import read_column
from tasks.data.sources.readers import official_train
from tasks.data.split import validation_mask
from tasks.evaluation.alpha_spending import next_look
from tasks.evaluation.baselines import train_baseline
from tasks.evaluation.metrics import expected_calibration_error, reliability
from tasks.reports.verdict import MANY_IDS
from tasks.training.calibration import fitted_temperature
from tasks.training.plan import TrainingPlan

Outcome = Literal["prevented", "refused", "found"]

Texts = Sequence[str] | np.ndarray

_OF_AUTHOR = 16
"""Reviews of each author in half of a case."""

_HONEST, _DESCRIBED = ProtocolConfig(), {"source": "files", "form": "files"}


@dataclass(frozen=True)
class Verdict:
    """What the pipeline did with a leak: how it ended, why, and what the leak brings a script.

    The gain is in accuracy where no other unit is named, the mean over repetitions of the case.
    """

    leak: str
    outcome: Outcome
    how: str
    gain: float
    unit: str = ""


@dataclass(frozen=True)
class Case:
    """Where a leak is planted: n texts with labels, half of them to learn from, and a folder."""

    texts: np.ndarray
    labels: np.ndarray
    folder: Path
    random: np.random.Generator

    @property
    def half(self) -> int:
        """How many of the reviews a script learns from: the first ones."""
        return len(self.texts) // 2

    def write(self, name: str, texts: Texts, labels: np.ndarray, **more: Any) -> Path:  # noqa: ANN401 - columns
        """Write a file of reviews with `more` columns, and return its path."""
        path = self.folder / f"{name}.csv"
        names = [("neg", "pos")[label] for label in labels]
        csv.write_csv(pa.table({"text": list(texts), "label": names} | more), path)
        return path

    def load(self, train: Path, test: Path | None = None, **options: Any) -> Path:  # noqa: ANN401 - of the source
        """Load files by the pipeline's own step, and return the folder of what it leaves."""
        source = SourceConfig(source="files", train_file=train, test_file=test, **options)
        folder = self.folder / f"loaded{len(list(self.folder.iterdir()))}"
        folder.mkdir()
        files = fetch_reviews(source, ArtifactStore(self.folder / "store"))
        load_reviews(files, DataConfig(), folder)
        return folder

    def baseline(self, loaded: Path) -> dict[str, Any]:
        """Return the metrics of the linear baseline on loaded files."""
        files = loaded / "train.parquet", loaded / "test.parquet"
        train_baseline(*files, _HONEST, _DESCRIBED, loaded, vocabulary=loaded / "vocabulary.json")
        found: dict[str, Any] = json.loads((loaded / "baseline_metrics.json").read_bytes())
        return found


def probabilities(texts: Texts, labels: np.ndarray, judged: Texts) -> np.ndarray:
    """Return the plain script's probabilities of `judged`."""
    weigh = TfidfVectorizer().fit(texts)
    model = LogisticRegression(max_iter=1000).fit(weigh.transform(texts), labels)
    return np.asarray(model.predict_proba(weigh.transform(judged))[:, 1])


def plain_accuracy(texts: Texts, labels: np.ndarray, judged: Texts, truth: np.ndarray) -> float:
    """Return the accuracy of the plain script."""
    return float(np.mean((probabilities(texts, labels, judged) > 0.5) == truth))


def vocabulary_of_test_texts(case: Case) -> Verdict:
    """Learn words, their weights and vectors from the test texts too."""
    half, texts, labels = case.half, case.texts, case.labels
    accuracies = []
    for known in (texts[:half], texts):
        weigh = TfidfVectorizer().fit(known)
        vectors = TruncatedSVD(100, random_state=0).fit(weigh.transform(known))
        rows = [vectors.transform(weigh.transform(part)) for part in (texts[:half], texts[half:])]
        model = LogisticRegression(max_iter=1000).fit(rows[0], labels[:half])
        accuracies.append(float(model.score(rows[1], labels[half:])))
    train = case.write("train", texts[:half], labels[:half])
    words = [
        (
            case.load(train, case.write("test", judged, labels[half:])) / "vocabulary.json"
        ).read_bytes()
        for judged in (
            texts[half:],
            [f"{text} anewword{row % 9}" for row, text in enumerate(texts[half:])],
        )
    ]
    assert words[0] == words[1]
    how = "other test texts give the same vocabulary.json, byte for byte; no vectors are learned"
    return Verdict(
        "test texts in vocabulary or vectors", "prevented", how, accuracies[1] - accuracies[0]
    )


def duplicates(case: Case) -> Verdict:
    """Have a tenth of the test reviews among the training reviews."""
    half, texts, labels = case.half, case.texts, case.labels
    tenth = slice(half, half + half // 10)
    more, of_more = np.append(texts[:half], texts[tenth]), np.append(labels[:half], labels[tenth])
    judged = texts[half:], labels[half:]
    gain = plain_accuracy(more, of_more, *judged) - plain_accuracy(
        texts[:half], labels[:half], *judged
    )
    try:
        case.load(case.write("train", more, of_more), case.write("test", *judged))
    except BadDataError as error:
        assert "test reviews occur in training" in str(error)  # noqa: PT017 - no test
    else:
        raise AssertionError("duplicates were taken")
    loaded = case.load(case.write("both", np.repeat(texts, 2), np.repeat(labels, 2)))
    parts = [
        set(read_column(loaded / f"{name}.parquet", "text_hash").tolist())
        for name in ("train", "test")
    ]
    assert not parts[0] & parts[1]
    how = "two files: more than --max-overlap is refused; one file: equal texts share one part"
    return Verdict("duplicates across the parts", "refused", how, gain)


def groups(case: Case) -> Verdict:
    """Split the reviews of authors who sign, and who mostly like or dislike."""
    likes = case.random.random(case.half // _OF_AUTHOR) < 0.5
    authors = case.random.integers(len(likes), size=len(case.texts))
    labels = np.where(
        case.random.random(len(authors)) < 0.9, likes[authors], ~likes[authors]
    ).astype(int)
    by_label = [list(case.texts[case.labels == label]) for label in (0, 1)]
    texts = np.array(
        [
            f"{by_label[label].pop() if by_label[label] else 'fine'} writer{author}"
            for label, author in zip(labels, authors, strict=True)
        ]
    )
    known = authors % 2 == 0
    drawn = case.random.random(len(authors)) < known.mean()
    accuracies = [
        plain_accuracy(texts[part], labels[part], texts[~part], labels[~part])
        for part in (known, drawn)
    ]
    file = case.write("grouped", texts, labels, author=[f"a{one}" for one in authors])
    loaded = case.load(file, group_column="author")
    units = {
        name: set(read_column(loaded / f"{name}.parquet", "unit").tolist())
        for name in ("train", "test")
    }
    learned, given = (read_column(loaded / "train.parquet", name) for name in ("unit", "label"))
    chosen = validation_mask(learned, given, _HONEST)
    assert not units["train"] & units["test"]
    assert not set(learned[chosen].tolist()) & set(learned[~chosen].tolist())
    how = "--group-column author: no author is in two of training, validation and test"
    return Verdict("groups split", "prevented", how, accuracies[1] - accuracies[0])


def _numbers(case: Case) -> Any:  # noqa: ANN401 - a sparse matrix
    """Return the texts as numbers, weighed by those of the half to learn from."""
    return TfidfVectorizer().fit(case.texts[: case.half]).transform(case.texts)


def _others(case: Case, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of the other half in two parts: to choose by, and to judge by."""
    order = np.random.default_rng(seed).permutation(len(case.texts) - case.half) + case.half
    return order[::2], order[1::2]


def epochs(case: Case) -> Verdict:
    """Keep the epoch that is the best one on the test reviews."""
    gains, rows = [], _numbers(case)
    for seed in range(20):
        choosing, judging = _others(case, seed)
        model = SGDClassifier(loss="log_loss", alpha=1e-6, random_state=seed)
        scores = []
        for _ in range(20):
            model.partial_fit(rows[: case.half], case.labels[: case.half], [0, 1])
            scores.append(
                [model.score(rows[part], case.labels[part]) for part in (choosing, judging)]
            )
        of_epoch = np.array(scores)
        gains.append(of_epoch[:, 1].max() - of_epoch[of_epoch[:, 0].argmax(), 1])
    try:
        require_promotable(PromotionConfig(), ProtocolConfig(protocol="tutorial"))
    except InvalidConfigError:
        how = (
            "validation reviews choose the epoch; a model of the tutorial protocol says that its"
            " score flatters it, and cannot be promoted"
        )
        return Verdict("epoch chosen on the test set", "prevented", how, float(np.mean(gains)))
    raise AssertionError("a model that was chosen on the test reviews could be promoted")


def thresholds(case: Case) -> Verdict:
    """Cut the probabilities where the test reviews are judged best."""
    gains, rows, labels = [], _numbers(case), case.labels
    model = LogisticRegression(max_iter=1000).fit(rows[: case.half], labels[: case.half])
    said = model.predict_proba(rows)[:, 1]
    for seed in range(20):
        parts, best = _others(case, seed), []
        for part in parts:
            cuts = np.sort(said[part])[::5]
            right = [np.mean((said[part] > cut) == labels[part]) for cut in cuts]
            best.append(cuts[int(np.argmax(right))])
        judging = parts[1]
        honest, greedy = (np.mean((said[judging] > cut) == labels[judging]) for cut in best)
        gains.append(greedy - honest)
    how = "the cut is 0.5, or by --cost the best one of the validation reviews"
    return Verdict("threshold chosen on the test set", "prevented", how, float(np.mean(gains)))


def temperatures(case: Case) -> Verdict:
    """Fit the temperature on the test reviews."""
    gains, rows, labels = [], _numbers(case), case.labels
    model = LogisticRegression(C=10, max_iter=1000).fit(rows[: case.half], labels[: case.half])
    logits = model.decision_function(rows)
    for seed in range(20):
        parts = _others(case, seed)
        judging = parts[1]
        found = (fitted_temperature(logits[part], labels[part]) for part in parts)
        errors = [_calibration_error(logits[judging] / one, labels[judging]) for one in found]
        gains.append(errors[0] - errors[1])
    assert not [field.name for field in fields(TrainingPlan) if "test" in field.name]
    how = "it is fitted in training, which is given no test reviews"
    return Verdict(
        "temperature chosen on the test set",
        "prevented",
        how,
        float(np.mean(gains)),
        " calibration error",
    )


def _calibration_error(logits: np.ndarray, labels: np.ndarray) -> float:
    given = 1 / (1 + np.exp(-logits))
    return expected_calibration_error(reliability(given, labels))


def cleaned_labels(case: Case) -> Verdict:
    """Drop the test reviews whose labels look wrong to a model of the same kind."""
    half, texts = case.half, case.texts
    wrong = case.random.random(len(texts)) < 0.05
    labels = np.where(wrong, 1 - case.labels, case.labels)
    said = probabilities(texts[:half], labels[:half], texts[half:])
    others = np.arange(half, len(texts))
    doubts = np.zeros(half)
    for fold in range(5):
        held = others[fold::5]
        rest = np.setdiff1d(others, held)
        doubts[held - half] = np.abs(
            probabilities(texts[rest], labels[rest], texts[held]) - labels[held]
        )
    correct = (said > 0.5) == labels[half:]
    file = case.write("noisy", texts, labels)
    row = int(read_column(case.load(file) / "test.parquet", "review_id")[0])
    fixes = case.folder / "fixes.csv"
    fixes.write_text(f"row,label,fix\n{row},{('neg', 'pos')[labels[row]]},drop\n")
    try:
        case.load(file, label_fixes=fixes)
    except BadDataError as error:
        assert f"row {row} is a test review" in str(error)  # noqa: PT017 - no test
    else:
        raise AssertionError("a test review was dropped")
    how = "--label-fixes refuses each test review, and label-errors looks at no test review"
    gain = float(correct[doubts < 0.8].mean() - correct.mean())
    return Verdict("cleaned test labels", "refused", how, gain)


def seeds(case: Case) -> Verdict:
    """Report the best of ten seeds."""
    rows, (_, judging) = _numbers(case), _others(case, 0)
    scores = []
    for seed in range(10):
        model = SGDClassifier(loss="log_loss", alpha=1e-6, max_iter=5, tol=None, random_state=seed)
        model.fit(rows[: case.half], case.labels[: case.half])
        scores.append(model.score(rows[judging], case.labels[judging]))
    pairs = [(f"seed {seed}", "champion") for seed in range(10)]
    levels = [
        next_look(0.05, pairs[:number], pair).adjusted_level for number, pair in enumerate(pairs)
    ]
    assert sum(levels) <= 0.05
    how = "seeds reports the mean and its interval; ten challenges of a champion share one level"
    return Verdict(
        "seed chosen on the test set", "prevented", how, max(scores) - float(np.mean(scores))
    )


def later_rows(case: Case) -> Verdict:
    """Learn from rows of a time when people had begun to write otherwise."""
    half, labels = case.half, case.labels
    code = np.where(case.random.random(len(labels)) < 0.9, labels, 1 - labels)
    texts = np.array(
        [f"{text} {('crisp', 'brisk')[one]}" for text, one in zip(case.texts, code, strict=True)]
    )
    old, new = case.texts[: half // 2], slice(half // 2, half)
    judged = texts[half:], labels[half:]
    honest = plain_accuracy(old, labels[: half // 2], *judged)
    both = plain_accuracy([*old, *texts[new]], labels[:half], *judged)
    days = [f"2026-0{1 + (row >= half // 2)}-05" for row in range(half)]
    known, every = [*old, *texts[new]], labels[:half]
    asked: dict[str, Any] = {"time_column": "day", "as_of": "2026-01-31"}
    files = {
        "all": case.write("all", known, every, day=days),
        "early": case.write("early", old, every[: half // 2], day=days[: half // 2]),
    }
    loaded = [case.load(file, **asked) for file in files.values()]
    for name in ("train", "test"):
        hashes = [
            np.sort(read_column(folder / f"{name}.parquet", "text_hash")) for folder in loaded
        ]
        assert np.array_equal(hashes[0], hashes[1])
    how = "--as-of reads the table as it was: the same parts as of a table without the later rows"
    return Verdict("rows after the date", "prevented", how, both - honest)


def row_order(case: Case) -> Verdict:
    """Take the last fifth of a table that is sorted by its labels."""
    order = np.argsort(case.labels, kind="stable")
    last = order[-len(order) // 5 :]
    always = float(max(np.mean(case.labels[last] == label) for label in (0, 1)))
    parts = []
    for name, rows in (("sorted", order), ("mixed", case.random.permutation(order))):
        loaded = case.load(case.write(name, case.texts[rows], case.labels[rows]))
        parts.append(np.sort(read_column(loaded / "test.parquet", "text_hash")))
    assert np.array_equal(parts[0], parts[1])
    how = (
        "a review's part depends on its words alone: sorted or mixed, the test reviews are the same"
    )
    return Verdict("row order that tells the label", "prevented", how, always - 0.5)


def id_as_text(case: Case) -> Verdict:
    """Name the column of ids as that of the texts, where ids begin with the name of a file."""
    ids = [f"{('neg', 'pos')[label]}_{row:05d}" for row, label in enumerate(case.labels)]
    found = case.baseline(case.load(case.write("ids", ids, case.labels)))
    assert found["share_of_ids"] > 0.9
    how = "the terminal and the report ask whether this is the column of texts"
    return Verdict(
        "an id column as text", "found", how, found["accuracy"] - found["majority_share"]
    )


def label_in_text(case: Case) -> Verdict:
    """Leave the label's name in four of five texts."""
    named = case.random.random(len(case.texts)) < 0.8
    texts = [
        f"{text} {('neg', 'pos')[label]}" if has else text
        for text, label, has in zip(case.texts, case.labels, named, strict=True)
    ]
    telling = case.baseline(case.load(case.write("named", texts, case.labels)))["telling"]
    assert {one["word"] for one in telling["words"]} == {"neg", "pos"}
    how = "both words are named, with what a linear model scores without them"
    return Verdict(
        "the label's name in the text",
        "found",
        how,
        telling["accuracy"] - telling["accuracy_without"],
    )


def false_alarms(case: Case, runs: int, rows: int) -> int:
    """Return in how many clean runs, each of `rows` reviews, something is refused or found."""
    alarms = 0
    for run in range(runs):
        chosen = np.random.default_rng(run).choice(len(case.texts), rows, replace=False)
        file = case.write(f"clean{run}", case.texts[chosen], case.labels[chosen])
        try:
            found = case.baseline(case.load(file))
        except BadDataError:
            alarms += 1
        else:
            alarms += found["telling"] is not None or found["share_of_ids"] > MANY_IDS
    return alarms


CASES = (
    vocabulary_of_test_texts,
    duplicates,
    groups,
    epochs,
    thresholds,
    temperatures,
    seeds,
    later_rows,
    cleaned_labels,
    row_order,
    id_as_text,
    label_in_text,
)


def packaged_texts(rows: int, scratch: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return packaged reviews and their labels, in an order that does not tell."""
    packaged = fetch_reviews(SourceConfig(source="packaged"), ArtifactStore(scratch / "store"))
    (path,) = packaged.paths.values()
    table = official_train(path)
    first = {text: row for row, text in enumerate(table["text"].to_pylist())}
    chosen = np.random.default_rng(0).permutation(sorted(first.values()))[:rows]
    taken = table.take(pa.array(chosen))
    return np.array(taken["text"].to_pylist(), object), taken["label"].to_numpy().astype(int)


def main(
    *,
    rows: int = 8_000,
    clean_runs: int = 100,
    clean_rows: int = 1_000,
    json_out: Annotated[Path | None, Parameter(name="--json")] = None,
) -> None:
    """Plant each leak in packaged reviews, and count the false alarms of clean runs.

    Args:
        rows: Reviews of a case; half of them are learned from.
        clean_runs: Runs without a leak.
        clean_rows: Reviews of each.
        json_out: File to write all verdicts to.
    """
    console = Console(highlight=False, soft_wrap=True)
    with scratch_folder() as scratch:
        texts, labels = packaged_texts(rows, scratch)
        verdicts = []
        for number, plant in enumerate(CASES):
            folder = scratch / plant.__name__
            folder.mkdir()
            verdicts.append(plant(Case(texts, labels, folder, np.random.default_rng(number))))
        (scratch / "clean").mkdir()
        clean = Case(texts, labels, scratch / "clean", np.random.default_rng(0))
        alarms = false_alarms(clean, clean_runs, clean_rows)
    rows_of = [
        (one.leak, f"{signed(one.gain)}{one.unit}", one.outcome, one.how) for one in verdicts
    ]
    table = Table("leak", "brings", "outcome", "how", rows=rows_of)
    console.print(markdown(table))
    console.print(f"false alarms in {clean_runs} clean runs of {clean_rows:,} reviews: {alarms}")
    if json_out is not None:
        write_result(
            json_out, {"verdicts": [asdict(one) for one in verdicts], "false_alarms": alarms}
        )


if __name__ == "__main__":
    cyclopts.run(main)
