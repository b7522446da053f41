"""What the texts of a run are read by, before any of them is read."""

from importlib.metadata import PackageNotFoundError, version
from typing import Self

from tasks.common.errors import MissingExtraError
from tasks.common.records import Record
from tasks.config.training import RESERVED_IDS, TextConfig, TokenizerName


class Tokenization(Record):
    """What the tokens are, and for subwords how many are learned, by which version of a library."""

    tokenizer: TokenizerName = "words"
    pieces: int | None = None
    library: str | None = None

    @classmethod
    def of(cls, text: TextConfig) -> Self:
        """Return that of a config; a MissingExtraError says that its library is not installed."""
        if text.tokenizer != "subwords":
            return cls(tokenizer=text.tokenizer)
        try:
            library = version("tokenizers")
        except PackageNotFoundError:
            raise MissingExtraError("subwords") from None
        pieces = text.num_words - RESERVED_IDS
        return cls(tokenizer="subwords", pieces=pieces, library=f"tokenizers {library}")


BY_WORDS = Tokenization()
