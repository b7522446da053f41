"""Predict texts with this bundle: `python predict.py "A lovely film"`.

`--abstain 0.9` adds a third column: the label, or `unsure` where another one may be true too. It
needs NumPy alone where there is an `ngrams.npz`, ONNX Runtime too where there is a `model.onnx`,
also `tokenizers` where the tokens are subwords; else TensorFlow. No file is opened before its hash
in `bundle.json` is checked.
"""

import argparse
import hashlib
import json
import math
import os
import re
import sys
import unicodedata
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parent
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def check_files() -> None:
    """End the process where a file is missing, changed or not in the list."""
    listed = json.loads((FOLDER / "bundle.json").read_bytes())["files"]
    for name, record in listed.items():
        file = FOLDER / name
        if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != record["sha256"]:
            sys.exit(f"error: {name} is not as it was exported; get the bundle again")
    present = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()}
    compiled = re.compile(r"__pycache__/predict\.[^/]*\.pyc")  # of whoever imports this file
    known = {*listed, "bundle.json", "bundle.sha256", *filter(compiled.fullmatch, present)}
    others = sorted(present - known)
    if others:
        sys.exit(f"error: {', '.join(others)} is not part of the bundle; remove it")


def lower_case(text: str) -> str:
    """Return the lower case of each code point by itself."""
    return "".join(character.lower()[0] for character in text)


class Tokenizer:
    """Makes token ids of texts as the training did."""

    def __init__(self) -> None:
        """Read how."""
        self.how = json.loads((FOLDER / "preprocessing.json").read_bytes())
        self.text = self.how["text"]
        index = json.loads((FOLDER / "word_index.json").read_bytes())
        is_words = self.text["tokenizer"] == "words"
        ranks = index if is_words else index["ranks"]
        first = self.how["first_word_id"] - 1
        self.ids = {word: first + rank for word, rank in ranks.items()}
        self.encoder = None
        if self.text["tokenizer"] == "subwords":
            import tokenizers

            split = tokenizers.pre_tokenizers
            known = self.ids | {" ": self.how["unknown_id"]}
            merges = [tuple(pair) for pair in index["merges"]]
            model = tokenizers.models.BPE(known, merges, unk_token=" ")  # noqa: S106
            self.encoder = tokenizers.Tokenizer(model)
            start, none = self.how["word_start"], self.how["no_character"]
            self.encoder.normalizer = tokenizers.normalizers.Replace(start, none)
            self.encoder.pre_tokenizer = split.Sequence(
                [split.Metaspace(start, "always"), split.Punctuation("isolated")]
            )

    def tokens(self, text: str) -> list[int]:
        """Return the ids of all tokens of a text."""
        if self.text["tokenizer"] == "words":
            spaced = re.sub(self.how["separators"], " ", lower_case(text))
            found = [word for word in spaced.split(" ") if word]
        else:
            composed = lower_case(unicodedata.normalize("NFKC", text))
            spaced = re.sub(self.how["blanks"], " ", composed).strip(" ")
            if self.encoder is not None:
                return list(self.encoder.encode(spaced).ids)
            found = list(spaced)
        return [self.ids.get(word, self.how["unknown_id"]) for word in found]

    def row(self, text: str) -> list[int]:
        """Return the ids of a text, cut and filled to the length that the network takes."""
        unknown, maxlen, words = self.how["unknown_id"], self.text["maxlen"], self.text["num_words"]
        known = (token if token < words else unknown for token in self.tokens(text))
        ids = [self.how["start_id"], *known]
        if len(ids) > maxlen:
            kept = {"pre": 0, "middle": self.text["head"], "post": maxlen}
            first = kept[self.text["truncating"]]
            ids = ids[:first] + ids[len(ids) - (maxlen - first) :]
        fill = [self.how["pad_id"]] * (maxlen - len(ids))
        return fill + ids if self.text["padding"] == "pre" else ids + fill


def by_onnx(texts: list[str]) -> np.ndarray:
    """Return what the network gives of each text, float32 of shape (n, numbers)."""
    import onnxruntime

    tokenizer = Tokenizer()
    session = onnxruntime.InferenceSession(str(FOLDER / "model.onnx"))
    name = session.get_inputs()[0].name
    rows = np.array([tokenizer.row(text) for text in texts], np.int32)
    return session.run(None, {name: rows})[0]


def spread(hashes: np.ndarray, bits: int) -> np.ndarray:
    """Return 30 bits of products, the high ones folded into the low ones."""
    positive = hashes & np.uint32((1 << 30) - 1)
    return positive ^ positive >> np.uint32(bits)


def ngram_codes(ids: np.ndarray, longest: int, buckets: int, first_word: int) -> np.ndarray:
    """Return bucket, then fingerprint, of each n-gram in an int64, 0 for one with no word.

    Of uint32 ids of shape (maxlen,), those of one word first.
    """
    codes = []
    for words in range(1, longest + 1):
        count = len(ids) - words + 1
        mixed, whole = np.full(count, words, np.uint32), np.ones(count, bool)
        for word in range(words):
            window = ids[word : word + count]
            mixed = spread((mixed ^ window) * np.uint32(739_982_445), 15)
            whole &= window >= first_word
        bucket = spread(mixed * np.uint32(695_872_825), 12) % np.uint32(buckets - 1) + 1
        mark = spread(mixed * np.uint32(1_540_483_477), 13) & np.uint32((1 << 24) - 1)
        codes.append((bucket.astype(np.int64) << 24 | mark) * whole)
    return np.concatenate(codes)


def by_ngrams(texts: list[str]) -> np.ndarray:
    """Return what the network gives of each text, float64 of shape (n, numbers)."""
    tokenizer = Tokenizer()
    with np.load(FOLDER / "ngrams.npz") as file:
        held = {name: file[name] for name in file.files}
    buckets, longest = int(held["buckets"]), int(held["longest"])
    filled = np.flatnonzero(np.unpackbits(held["filled"]).view(bool))
    logits = []
    for text in texts:
        ids = np.array(tokenizer.row(text), np.uint32)
        codes = ngram_codes(ids, longest, buckets, tokenizer.how["first_word_id"])
        place = np.searchsorted(filled[1:], codes >> 24, side="right")  # 0 is all that is none
        marks = held["fingerprints"][place] @ np.array([1, 1 << 8, 1 << 16])
        codes[filled[place] << 24 | marks != codes] = 0
        starts = np.concatenate([np.arange(len(ids) - words) for words in range(longest)])
        total = 0.0
        for table, last in enumerate(held["last_tokens"]):
            is_last = starts >= len(ids) - last
            known = np.unique(place[is_last & (codes > 0)])  # each n-gram counts once
            total += held["added"][known, table].sum(axis=0, dtype=float)
            total += (is_last.sum() - len(known)) * held["added"][0, table].astype(float)
        logits.append(total @ held["kernel"] + held["bias"])
    all_logits = np.array(logits)
    if all_logits.shape[1] == 1:
        all_logits = np.hstack([np.zeros_like(all_logits), all_logits])
    powers = np.exp(all_logits - all_logits.max(axis=1, keepdims=True))
    given = powers / powers.sum(axis=1, keepdims=True)
    return given[:, 1:] if given.shape[1] == 2 else given  # noqa: PLR2004 - one number tells two


def by_tensorflow(texts: list[str]) -> np.ndarray:
    """Return what the network gives of each text, float32 of shape (n, numbers)."""
    import tensorflow as tf

    predict = tf.saved_model.load(str(FOLDER / "saved_model")).signatures["serving_default"]
    return predict(text=tf.constant(texts, tf.string))["probabilities"].numpy()


def of_each(given: np.ndarray) -> np.ndarray:
    """Return the probability of each label; of two labels a network gives the second one's."""
    return np.concatenate([1 - given, given], axis=1) if given.shape[1] == 1 else given


def threshold(level: float) -> float:
    """Return how far from 1 a probability may be at this level; end where it is unknown."""
    known = json.loads((FOLDER / "abstention.json").read_bytes())
    if known["why_not"] is not None:
        sys.exit(f"error: --abstain {level:g}: {known['why_not']}; leave it out")
    thresholds = known["thresholds"]  # for each thousandth of a level from 0.5 on
    place = math.ceil(round(level * 1000, 6)) - 500 if 0 <= level <= 1 else -1
    if not 0 <= place < len(thresholds):
        sys.exit(
            f"error: --abstain {level:g}: must be from 0.5 to {(499 + len(thresholds)) / 1000:g},"
            f" which {known['reviews']:,} validation reviews allow"
        )
    return thresholds[place]


def predicted(given: np.ndarray, most: float | None) -> list[tuple[str, ...]]:
    """Return label and probability of each text, and the answer where there is a threshold."""
    how = json.loads((FOLDER / "preprocessing.json").read_bytes())
    names, cut, each = how["label_names"], how["cut"], of_each(given)
    likeliest = each.argmax(axis=1)
    said = likeliest if cut is None else (each[:, 1] > cut).astype(int)
    pairs = [(names[label], f"{row[label]:.6f}") for label, row in zip(said, each, strict=True)]
    if most is None:
        return pairs
    may_be = 1 - of_each(given.astype(np.float64)) <= most
    may_be[np.arange(len(likeliest)), likeliest] = True
    sets = ([names[label] for label in np.flatnonzero(row)] for row in may_be)
    return [(*pair, answer(one, len(names))) for pair, one in zip(pairs, sets, strict=True)]


def answer(labels: list[str], known: int) -> str:
    """Return the label that alone may be true, else "unsure", of many with those that may be."""
    if len(labels) == 1:
        return labels[0]
    return "unsure" if known == 2 else f"unsure: {' or '.join(labels)}"  # noqa: PLR2004 - all


def main() -> None:
    """Print what is said of each text of the command line, else of each line of the input."""
    parser = argparse.ArgumentParser(description="Print label and probability of each text.")
    parser.add_argument("texts", nargs="*", help="texts, else the lines of the standard input")
    parser.add_argument(
        "--abstain",
        type=float,
        metavar="LEVEL",
        help="add the answer: the label, or 'unsure' where another one may be true, at this level",
    )
    asked = parser.parse_args()
    check_files()
    most = None if asked.abstain is None else threshold(asked.abstain)
    texts = asked.texts or sys.stdin.read().splitlines()
    forms = {"ngrams.npz": by_ngrams, "model.onnx": by_onnx, "": by_tensorflow}
    ask = next(ask for name, ask in forms.items() if (FOLDER / name).exists())
    for row in predicted(ask(texts), most) if texts else []:
        print("\t".join(row))


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main()
