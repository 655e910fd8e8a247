"""Patterns of file names as shards have them: data-{000..009}.tar."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

__all__ = ["expand"]

_RANGE = re.compile(r"\{([0-9]{1,9})\.\.([0-9]{1,9})\}")
_MAX_FILES = 100_000


def expand(path: Path) -> list[Path]:
    """The files that a pattern names, the last range fastest; the path itself where it is none, or is there.

    >>> [str(each) for each in expand(Path("a-{08..10}.tar"))]
    ['a-08.tar', 'a-09.tar', 'a-10.tar']

    Raises:
        ValueError: a range goes backwards, or there are too many.
    """
    parts = _RANGE.split(str(path))  # text, first, last, text, first, last, ..., text
    if len(parts) == 1 or path.exists():
        return [path]
    choices, count = [], 1
    for first, last in zip(parts[1::3], parts[2::3], strict=True):
        numbers = range(int(first), int(last) + 1)
        count *= len(numbers)
        if not 0 < count <= _MAX_FILES:
            raise ValueError(
                f"{{{first}..{last}}} was given; accepted are ranges upwards, of at most {_MAX_FILES} files"
            )
        width = len(first) if first.startswith("0") or len(first) == len(last) else 1
        choices.append([f"{number:0{width}d}" for number in numbers])
    texts = parts[0::3]
    return [
        Path("".join(itertools.chain.from_iterable(zip(texts, (*chosen, ""), strict=True))))
        for chosen in itertools.product(*choices)
    ]
