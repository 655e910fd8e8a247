"""What is taken from files that nobody vouches for: how much of it, and what becomes of what cannot be read.

An entry that cannot become an image keeps the reason in its place, after a NUL byte, which no other place begins with.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any, TypeVar

from plaplace.scan.item import Entry, Item

__all__ = ["MAX_IMAGE_BYTES", "again", "caption_of", "check_bytes", "failed", "item_of", "label_of", "printable"]

T = TypeVar("T")
MAX_IMAGE_BYTES = 256_000_000  # of one image as it is stored
MAX_CAPTION = 100_000  # characters
MAX_NAME = 4096  # characters
_MAX_REASON = 600  # characters: the texts of other libraries' errors are not bounded
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}(\.0*)?")


def printable(name: str | bytes) -> str:
    r"""A name as one printable line of UTF-8, at most 4,096 characters.

    What is not printable is escaped as in Python's strings. A longer name is cut and ends in its SHA-256.

    >>> printable(b"caf\xc3\xa9/a\xff\n.png") == "café/a\\xff\\n.png"
    True
    """
    text = name.decode("utf-8", "backslashreplace") if isinstance(name, bytes) else name
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    if len(text) > MAX_NAME:
        whole = name if isinstance(name, bytes) else name.encode("utf-8", "backslashreplace")
        text = f"{text[: MAX_NAME - 65]}~{hashlib.sha256(whole).hexdigest()}"
    return text


def caption_of(value: Any) -> str | None:
    """A caption as it was written; None for none and for an empty one.

    Raises:
        ValueError: not a text, not UTF-8, or too long.
    """
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ValueError(f"a caption of type {type(value).__name__} was given; accepted are texts")
    if len(value) > MAX_CAPTION:
        raise ValueError(f"a caption of {len(value)} characters was given; accepted are at most {MAX_CAPTION}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"the caption {value[:40]!a} was given; accepted is UTF-8") from error
    return value


def label_of(value: Any) -> int | None:
    """A label as a whole number; None for none and for an empty one.

    >>> label_of("3"), label_of(3.0), label_of("")
    (3, 3, None)

    Raises:
        ValueError: a class name, or any other thing that is no whole number of at most 18 digits.
    """
    if value is None or value == "":
        return None
    number = int(value) if isinstance(value, float) and value.is_integer() else value
    text = str(number).strip() if type(number) in (int, str) and len(str(number)[:64]) < 64 else ""
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"the label {str(value)[:40]!a} was given; accepted are whole numbers, not names of classes")
    return int(text.partition(".")[0])


def check_bytes(count: int) -> None:
    """Raises a ValueError for an image stored in more bytes than are read."""
    if count > MAX_IMAGE_BYTES:
        raise ValueError(f"{count} bytes were given for one image; accepted are at most {MAX_IMAGE_BYTES}")


def failed(key: str, reason: str | Exception) -> Entry:
    """An entry of what is known to be no image."""
    return Entry(key, b"\0" + _sentence(reason).encode())


def again(read: Callable[[], T]) -> T:
    """What `read` gives. An OSError may be a passing one: what raises it is tried once more."""
    try:
        return read()
    except OSError:
        return read()


def item_of(entry: Entry, read: Callable[[Entry], Item]) -> Item:
    """What `read` gives, or the reason why it gives nothing; see `again`."""
    if entry.place.startswith(b"\0"):
        return _nothing(entry, entry.place[1:].decode())
    try:
        return again(lambda: read(entry))
    except (OSError, ValueError) as error:
        return _nothing(entry, error)


def _nothing(entry: Entry, reason: str | Exception) -> Item:
    return Item(entry.key, None, entry.caption, entry.label, _sentence(reason))


def _sentence(reason: str | Exception) -> str:
    if isinstance(reason, OSError) and reason.strerror:
        reason = reason.strerror  # without the name, which the key tells, and the machine's path
    text = printable(str(reason).replace("\n", " "))
    return text if len(text) <= _MAX_REASON else f"{text[: _MAX_REASON - 3]}..."
