"""Predict texts with this bundle: `python predict.py "A lovely film"`.

It needs NumPy and ONNX Runtime where there is a `model.onnx`, also `tokenizers` where the tokens
are subwords; else TensorFlow. No file is opened before its hash in `bundle.json` is checked.
"""

import hashlib
import json
import os
import re
import sys
import unicodedata
from pathlib import Path

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
    others = sorted(present - {*listed, "bundle.json", "bundle.sha256"})
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
            start, no_character = self.how["word_start"], "\ufffd"
            self.encoder.normalizer = tokenizers.normalizers.Replace(start, no_character)
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


def by_onnx(texts: list[str]) -> list[tuple[str, float]]:
    """Return the label and its probability of each text."""
    import numpy as np
    import onnxruntime

    tokenizer = Tokenizer()
    session = onnxruntime.InferenceSession(str(FOLDER / "model.onnx"))
    name = session.get_inputs()[0].name
    rows = np.array([tokenizer.row(text) for text in texts], np.int32)
    given = session.run(None, {name: rows})[0]
    each = np.concatenate([1 - given, given], axis=1) if given.shape[1] == 1 else given
    names, cut = tokenizer.how["label_names"], tokenizer.how["cut"]
    said = each.argmax(axis=1) if cut is None else (each[:, 1] > cut).astype(int)
    return [(names[label], float(row[label])) for label, row in zip(said, each, strict=True)]


def by_tensorflow(texts: list[str]) -> list[tuple[str, float]]:
    """Return the label and its probability of each text."""
    import tensorflow as tf

    predict = tf.saved_model.load(str(FOLDER / "saved_model")).signatures["serving_default"]
    answer = predict(text=tf.constant(texts, tf.string))
    pairs = zip(answer["label"].numpy(), answer["probability"].numpy(), strict=True)
    return [(label.decode(), float(probability)) for label, probability in pairs]


def main() -> None:
    """Print label and probability of each text of the command line."""
    check_files()
    texts = sys.argv[1:] or sys.stdin.read().splitlines()
    predict = by_onnx if (FOLDER / "model.onnx").exists() else by_tensorflow
    for label, probability in predict(texts) if texts else []:
        print(f"{label}\t{probability:.6f}")


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main()
