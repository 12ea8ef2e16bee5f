"""Seeded damage to bytes: what a bad disk, a broken transfer, an editor or somebody hostile does to a file.

Every mutant is a function of the content and of the generator that is passed in, so that a case is known by its number.
"""

from collections.abc import Callable

import numpy as np

#: Most bytes of a mutant beyond its original: large enough for long fields, too small to be slow for its size alone.
GROWTH = 70_000

#: Integers at which counters, lengths and signs turn over.
INTEGERS = (0, 1, -1, 2, 127, 128, 255, 256, 32767, -32768, 65535, 2**31 - 1, -(2**31), 2**32 - 1, 2**63 - 1, -(2**63))

#: What to put where a text has a word or a number.
TOKENS = (
    "", " ", "nan", "NaN", "inf", "-Infinity", "null", "None", "true", "0", "-1", "-0.0", "1e308", "1e-320", "1e999",
    "9" * 400, "99999999999999999999", "0x10", "1_000", "1.5.2", "١٢٣", "é", "桜島", "\U0001f30b", "\u202e", "\ufeff",
    "\x00", "\x1b[31m", "\ud7ff", "../../etc/passwd", "./../x", "/dev/null", "%s%n", "{}", "[]", "[[", '"', "'", "<",
    ">", "&amp;", "<!--", "]]>", ",", ";", "\t", "\r\n", "\n\n", "=", "#", "$", ":", "+", "1900-01-00",
    "2024-02-30T25:61:61Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "2262-04-12T00:00:00Z",
    "a" * 3000, "A." * 200,
)  # fmt: skip

_WORD = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-:")


def _flip(content: bytearray, rng: np.random.Generator) -> None:
    """One to eight bits, anywhere."""
    for place in rng.integers(0, len(content), rng.integers(1, 9)):
        content[place] ^= 1 << int(rng.integers(8))


def _replace(content: bytearray, rng: np.random.Generator) -> None:
    """A run of one to sixteen bytes by others: random, all zeros or all ones."""
    place, size = int(rng.integers(len(content))), int(rng.integers(1, 17))
    fills = (rng.bytes(size), bytes(size), b"\xff" * size)
    stop = min(place + size, len(content))
    content[place:stop] = fills[rng.integers(len(fills))][: stop - place]


def _truncate(content: bytearray, rng: np.random.Generator) -> None:
    """The end lost, as when a disk is full: mostly much of it, sometimes a few bytes."""
    lost = int(rng.integers(1, len(content) + 1)) if rng.random() < 0.7 else int(rng.integers(1, 16))
    del content[max(0, len(content) - lost) :]


def _slice(content: bytearray, rng: np.random.Generator) -> tuple[int, int]:
    first = int(rng.integers(len(content)))
    return first, min(len(content), first + int(2 ** rng.uniform(0, 12)))


def _duplicate(content: bytearray, rng: np.random.Generator) -> None:
    """A slice again, there or elsewhere."""
    first, stop = _slice(content, rng)
    place = stop if rng.random() < 0.5 else int(rng.integers(len(content)))
    content[place:place] = content[first:stop]


def _delete(content: bytearray, rng: np.random.Generator) -> None:
    """A slice lost."""
    first, stop = _slice(content, rng)
    del content[first:stop]


def _insert(content: bytearray, rng: np.random.Generator) -> None:
    """Bytes that were never there."""
    place = int(rng.integers(len(content) + 1))
    content[place:place] = rng.bytes(int(2 ** rng.uniform(0, 9)))


def _integer(content: bytearray, rng: np.random.Generator) -> None:
    """A binary number of 1 to 8 bytes, in either order, written over what is there."""
    width = int(2 ** rng.integers(0, 4))
    value = INTEGERS[rng.integers(len(INTEGERS))] % (1 << 8 * width)
    place = int(rng.integers(max(1, len(content) - width + 1)))
    content[place : place + width] = value.to_bytes(width, "big" if rng.random() < 0.5 else "little")


def _token(content: bytearray, rng: np.random.Generator) -> None:
    """The word around a place exchanged for one of `TOKENS`."""
    first = stop = int(rng.integers(len(content)))
    while first > 0 and content[first - 1] in _WORD:
        first -= 1
    while stop < len(content) and content[stop] in _WORD:
        stop += 1
    content[first:stop] = TOKENS[rng.integers(len(TOKENS))].encode("utf-8", "surrogatepass")


def _exchange(content: bytearray, rng: np.random.Generator) -> None:
    """Two lines exchanged, or one written over another."""
    lines = bytes(content).splitlines(keepends=True)
    one, other = rng.integers(len(lines), size=2)
    lines[one], lines[other] = lines[other], lines[one] if rng.random() < 0.5 else lines[other]
    content[:] = b"".join(lines)


Mutation = Callable[[bytearray, np.random.Generator], None]

BINARY: tuple[Mutation, ...] = (_flip, _replace, _truncate, _duplicate, _delete, _insert, _integer)
TEXT: tuple[Mutation, ...] = (_flip, _truncate, _duplicate, _delete, _insert, _token, _token, _token, _exchange)


def mutant(content: bytes, rng: np.random.Generator, text: bool) -> bytes:
    """Damage a content.

    Parameters
    ----------
    content
        A valid file.
    rng
        Decides what happens, and where.
    text
        Take the mutations of texts, which know words and lines.

    Returns
    -------
    bytes
        After one to four mutations, most often one: a file with many faults shows only the first of them.
    """
    made, kinds = bytearray(content), TEXT if text else BINARY
    for _ in range(int(rng.choice([1, 2, 3, 4], p=[0.6, 0.2, 0.1, 0.1]))):
        if made:
            kinds[rng.integers(len(kinds))](made, rng)
    return bytes(made[: len(content) + GROWTH])
