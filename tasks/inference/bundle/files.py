"""The files of a bundle: one model with all that is needed to use it elsewhere."""

from pathlib import Path
from typing import Literal

from tasks.common.errors import BadDataError
from tasks.common.hashed_files import FileList
from tasks.common.records import Record
from tasks.config.training import TextConfig
from tasks.data.text.subwords import NO_CHARACTER, WORD_START
from tasks.data.text.tokenizer import BLANKS

BUNDLE, BUNDLE_SHA256 = "bundle.json", "bundle.sha256"
MODEL, WORD_INDEX, PREPROCESSING = "model.keras", "word_index.json", "preprocessing.json"
NGRAMS = "ngrams.npz"
SAVED_MODEL, ONNX, LITERT = "saved_model", "model.onnx", "model.tflite"
LOADER, CARD = "predict.py", "model_card.md"


class BundlePreprocessing(Record):
    """How a text becomes numbers, in words and numbers for whoever rebuilds it.

    `separators` is a regular expression (RE2); what it matches, and the space, separates words.
    Where the tokens are not words, texts are first brought to NFKC, and what `blanks` matches
    becomes one space, none at either end. `word_start` stands for the space before a subword, and
    `no_character` for that sign where a text has it. Where there is a `cut`, the second label is
    the answer above it, else the likeliest one is.
    """

    lower_case: Literal["each code point by itself"] = "each code point by itself"
    separators: str
    blanks: str = BLANKS
    word_start: str = WORD_START
    no_character: str = NO_CHARACTER
    pad_id: int
    start_id: int
    unknown_id: int
    first_word_id: int
    text: TextConfig
    label_names: tuple[str, ...]
    cut: float | None = None


class Quantized(Record):
    """What it costs that a number of the network has 16 bits, measured on the run's test reviews.

    So many of the `reviews` have another answer, and no probability differs by more.
    """

    reviews: int
    other_answers: int
    largest_difference: float

    @property
    def sentence(self) -> str:
        """What was measured, for people."""
        return (
            f"{self.other_answers:,} of the answers to {self.reviews:,} test reviews differ from"
            f" those of the exact model, probabilities by up to {self.largest_difference:.2g}"
        )


class BundleManifest(FileList):
    """What a bundle was made from, and the hash and size of each of its files.

    A bundle that is `quantized` holds no form of the model but `NGRAMS`.
    """

    NAME, HASH_NAME, VERSION, AGAIN = BUNDLE, BUNDLE_SHA256, 1, "export it again"
    UNLISTED = ("__pycache__/predict.*.pyc",)  # of whoever imports the loader

    schema_version: int = VERSION
    run_id: str
    versions: dict[str, str]
    quantized: Quantized | None = None

    @property
    def model_files(self) -> tuple[str, ...]:
        """The files that the answers follow from."""
        return (NGRAMS if self.quantized else MODEL, WORD_INDEX, PREPROCESSING)


def parse_bundle_manifest(content: bytes, place: Path) -> BundleManifest:
    """Return the list of files of a bundle; raise a BadDataError where it cannot be used."""
    manifest = BundleManifest.parse(content, place / BUNDLE)
    missing = [name for name in manifest.model_files if name not in manifest.files]
    if missing:
        raise BadDataError(f"{place} has no {', '.join(missing)}; export it again")
    return manifest
