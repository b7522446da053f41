"""Damage as a disk or a cable does it."""

from collections.abc import Iterator


def flipped(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield a content with each of its bits flipped, one at a time, and the number of the bit."""
    damaged = bytearray(content)
    for place in range(len(content)):
        for bit in range(8):
            damaged[place] ^= 1 << bit
            yield 8 * place + bit, bytes(damaged)
            damaged[place] ^= 1 << bit


def with_flipped_bit(content: bytes, place: int) -> bytes:
    """Return a content with a bit of the byte at `place` flipped."""
    damaged = bytearray(content)
    damaged[place] ^= 1
    return bytes(damaged)
