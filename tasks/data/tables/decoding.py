"""Lines of text from bytes: UTF-8, UTF-16 with its mark, or an encoding that the user names."""

import codecs
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import charset_normalizer

from tasks.common.errors import BadDataError, HintedError

LONGEST_TEXT = 1 << 24
"""Bytes that a text may have; a longer one is a fault of its row."""

NOT_UTF8 = "the text is not valid UTF-8"

_LONGEST_LINE = 2 * LONGEST_TEXT
_SAMPLE_BYTES = 1 << 16
_ASCII = 127
_UNDECODED = re.compile("[\udc80-\udcff]")
_NEVER_UNMARKED = ["utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le", "utf_7"]

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def encoding_of(head: bytes, wanted: str | None) -> str:
    """Return the encoding of a content that begins with the bytes `head`.

    It is what is `wanted`; else its mark tells, and without one it is UTF-8. Where that cannot be
    so, a BadDataError names the likely one.
    """
    if wanted is not None:
        return _known(wanted)
    for mark, encoding in _MARKS.items():
        if head.startswith(mark):
            return encoding
    lines = head.splitlines(keepends=True)[: -1 if len(head) > _SAMPLE_BYTES // 2 else None]
    undecoded = [number for number, line in enumerate(lines, start=1) if not _is_utf8(line)]
    # One alone is a fault of its row.
    if len(undecoded) > 1 and len(undecoded) > sum(not line.isascii() for line in lines) / 2:
        raise HintedError(f"line {undecoded[0]} is not UTF-8", likely(head))
    return "utf-8"


def _known(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError:
        raise BadDataError(
            f"--encoding {name}: there is no such encoding; examples are cp1252, cp949, gb18030"
        ) from None


def likely(content: bytes) -> str:
    """Return the end of a sentence that says which encoding a content is likely to have."""
    telling = b"\n".join(line for line in content.splitlines() if not line.isascii())
    found = charset_normalizer.from_bytes(telling, cp_exclusion=_NEVER_UNMARKED).best()
    name = found.encoding if found else "utf_8"
    # A few letters with marks tell little; in Latin script most are of this encoding.
    if sum(byte > _ASCII for byte in telling) < len(telling) / 4 and not (
        found and found.coherence
    ):
        name = "cp1252"
    if name in ("utf_8", "ascii"):
        return "; name its encoding by --encoding"
    return f"; it is likely {name}: if so, add --encoding {name}"


def likely_of_lines(content: io.BufferedReader) -> str:
    """Return the same of a content that was seen to have bytes that are not UTF-8."""
    while lines := content.readlines(_SAMPLE_BYTES):
        if not all(map(_is_utf8, lines)):
            return likely(b"".join(lines))
    return ""


def _is_utf8(line: bytes) -> bool:
    return not has_undecoded(line.decode("utf-8", "surrogateescape"))


def has_undecoded(text: str) -> bool:
    """Return whether a text has bytes that are not UTF-8, which stand in it as lone surrogates."""
    return _UNDECODED.search(text) is not None


@contextmanager
def decoded(content: io.BufferedReader, encoding: str) -> Iterator[io.TextIOWrapper]:
    """Yield the text of a content, with its line ends as they stand: LF, CR LF or CR.

    A lone byte that is not UTF-8 becomes a lone surrogate, by which its row is found. A
    BadDataError says that the bytes are of another encoding than was named.
    """
    errors = "surrogateescape" if encoding.startswith("utf-8") else "strict"
    text = io.TextIOWrapper(content, encoding, errors, newline="")
    try:
        yield text
    except UnicodeDecodeError as error:
        raise BadDataError(
            f"is not {encoding} ({error.reason}); name its encoding by --encoding"
        ) from None
    finally:
        with suppress(ValueError):  # the file is closed already
            text.detach()


def lines_of(content: io.BufferedReader, encoding: str) -> Iterator[str]:
    """Yield the lines with their ends, read as `decoded`; one that is far too long is cut."""
    with decoded(content, encoding) as text:
        while line := text.readline(_LONGEST_LINE):
            if len(line) == _LONGEST_LINE and line[-1] not in "\r\n":
                while (rest := text.readline(_LONGEST_LINE)) and rest[-1] not in "\r\n":
                    pass
                line += "\n"
            yield line
