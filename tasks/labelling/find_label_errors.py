"""Find the training labels that are likely wrong, and write them as a table to correct."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.common.artifact_store import ArtifactStore
from tasks.common.atomic_files import require_new, write_csv
from tasks.common.errors import BadDataError
from tasks.common.formatting import shortened
from tasks.common.tables import Column, Table, number
from tasks.config.commands import spelled
from tasks.config.experiments import LabelErrorsConfig
from tasks.config.training import TrainingConfig
from tasks.data.fetch import fetch_reviews
from tasks.data.load import load_reviews
from tasks.data.sources.label_fixes import COLUMNS, DROP, fixes_by_row
from tasks.data.sources.source_files import SourceFiles
from tasks.data.tables.fields import ReadOptions
from tasks.data.tables.rows import texts_of_rows
from tasks.data.text.tokenization import Tokenization
from tasks.data.text.vocabulary import Vocabulary
from tasks.labelling.label_errors import bayes_judge, doubted_labels, out_of_fold, together
from tasks.labelling.network_judge import NetworkJudge

_SHOWN = 10


def found_label_errors(
    config: TrainingConfig,
    artifacts: Path,
    search: LabelErrorsConfig,
    say: Callable[[str], None],
) -> Table:
    """Write the most doubtful training labels as CSV, and return the first ones as a table.

    `say` is told before what takes minutes.
    The columns are row, label, suggested, probability (of the label), fix and text. The fixes that
    the reviews were read with come along, below or as the fix of a row that is doubted all the
    same, so that the table takes their place. Test reviews are not looked at. A BadDataError says
    that the reviews cannot be read, or that a label has too few; a file that is there already is
    not written over, since it may hold a person's corrections.
    """
    require_new(search.output)
    with ArtifactStore(artifacts).in_use() as store, store.workspace() as folder:
        files = fetch_reviews(config.source, store)
        facts = load_reviews(files, config.data, folder, Tokenization.of(config.text))
        names, train = facts["label_names"], folder / "train.parquet"
        assert isinstance(names, list)
        reviews = pq.read_table(train, columns=["review_id", "label", "length"])
        labels = reviews["label"].to_numpy()
        tokenizer = config.text.tokenizer
        probabilities = out_of_fold(train, names, search.folds, bayes_judge(tokenizer))
        judges = "naive Bayes"
        if search.judges == "both":
            say(
                f"{search.folds} networks are trained to judge {len(labels):,} labels, which takes"
                " some 4 minutes of processor time for 25,000 long reviews;"
                " --judges naive_bayes goes without."
            )
            try:
                network = NetworkJudge(facts, tokenizer, folder)
                found = out_of_fold(train, names, search.folds, network)
                probabilities = together(probabilities, found)
                judges += " and the n-gram network"
            except BadDataError:  # naive Bayes needs no validation reviews
                judges += " alone, as there are too few to train the n-gram network"
        doubted = doubted_labels(probabilities, labels, reviews["length"].to_numpy())
        chosen = doubted.rows[: search.rows]
        ids = reviews["review_id"].to_numpy()[chosen]
        earlier = fixes_by_row(config.source.label_fixes) if config.source.label_fixes else {}
        texts = _texts(files, np.union1d(ids, np.fromiter(earlier, int)), train)
    rows, filled = [], []
    for row, label, seems, sure in zip(
        ids.tolist(), labels[chosen], doubted.suggested, doubted.scores, strict=False
    ):
        was, fix = earlier.get(row, (names[label], ""))
        fill = {"nothing": fix, "suggested": names[seems], "drop": DROP}[search.fill]
        rows.append((str(row), was, names[seems], f"{sure:.4f}", texts[row]))
        filled.append((*rows[-1][:-1], fill, texts[row]))
    filled += [
        (str(row), was, "", "", fix, texts.get(row, ""))
        for row, (was, fix) in sorted(earlier.items())
        if row not in ids
    ]
    head = (COLUMNS[0], COLUMNS[1], "suggested", "probability", COLUMNS[2], "text")
    write_csv(search.output, [head, *filled])
    return Table(
        *(number("row"), "label", "suggested", number("probability"), Column("text", width=30)),
        rows=[(*cells, shortened(text)) for *cells, text in rows[:_SHOWN]],
        notes=[
            f"The labels of {len(doubted.rows):,} of {len(labels):,} training reviews are doubted"
            f" by models that have not learned from them: {judges}. Some {doubted.wrong:,} may be"
            " wrong, hard reviews among them.",
            f"The {len(rows):,} most doubtful ones are in {search.output}. Write into its column"
            f" fix what a label should be, or {DROP}; then {spelled('train')}, with the same"
            f" options and --label-fixes {search.output}",
            *(
                [f"It has the {len(earlier):,} fixes of {config.source.label_fixes} too."]
                if earlier
                else []
            ),
        ],
    )


def _texts(files: SourceFiles, ids: np.ndarray, train: Path) -> dict[int, str]:
    """Return texts by their rows: as they stand in the user's file, else their words alone."""
    if files.columns is not None:
        rows, reading = np.sort(ids), ReadOptions(files.encoding, files.delimiter)
        (found,) = texts_of_rows(files.paths["train"], files.columns[:1], reading, rows)
        return dict(zip(rows.tolist(), found, strict=True))
    vocabulary = Vocabulary.read(train.with_name("vocabulary.json"))
    reviews = pq.read_table(train, columns=["review_id", "tokens"])
    reviews = reviews.filter(pc.is_in(reviews["review_id"], pa.array(ids)))
    return {
        row: vocabulary.joined(filter(None, map(vocabulary.word, tokens)))
        for row, tokens in zip(*map(pa.ChunkedArray.to_pylist, reviews.columns), strict=True)
    }
