"""The files under a folder, in an order that does not depend on the file system."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

from plaplace.scan.sources.bounds import printable

__all__ = ["Others", "Walk", "suffix"]

_MAX_KINDS = 1000
_SHOWN = 10


def suffix(name: bytes) -> str:
    """What follows the last dot of a file's name, in lower case, with the dot; "" without one.

    >>> suffix(b"a.tar.GZ"), suffix(b".hidden"), suffix(b"README")
    ('.gz', '', '')
    """
    return printable(os.path.splitext(name)[1].lower())


class Walk:
    """Iterates over (directory, names of its files), the directory relative to the root and ending in "/", "" itself.

    By name: first a directory's files, then its directories. Only one directory's files are held. Links to files are
    files (whether they lead anywhere or not), links to directories are not followed.

    Attributes:
        notes: what was left aside; complete when the iteration is.
    """

    def __init__(self, root: bytes) -> None:
        self.root = root
        self.notes: list[str] = []

    def __iter__(self) -> Iterator[tuple[bytes, list[bytes]]]:
        waiting, links, closed = [b""], 0, 0
        shown: list[str] = []
        while waiting:
            directory = waiting.pop()
            files, directories = [], []
            try:
                with os.scandir(os.path.join(self.root, directory)) as found:
                    for each in found:
                        if each.is_dir(follow_symlinks=False):
                            directories.append(directory + each.name + b"/")
                        elif each.is_symlink() and os.path.isdir(each.path):
                            links += 1
                        else:
                            files.append(each.name)
            except OSError as error:
                closed += 1
                shown += (
                    [f"{printable(directory) or 'the folder itself'} ({error.strerror})"] if closed <= _SHOWN else []
                )
            yield directory, sorted(files)
            waiting.extend(sorted(directories, reverse=True))
        self.notes = [f"{links} links to directories were not followed"] if links else []
        more = ", ..." if closed > _SHOWN else ""
        self.notes += [f"{closed} directories could not be read: {', '.join(shown)}{more}"] if closed else []


class Others:
    """Counts kinds of things, of which there may be too many to hold: `str` is the most frequent with their numbers."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.total = 0

    def add(self, kind: str) -> None:
        known = kind in self.counts or len(self.counts) < _MAX_KINDS
        self.counts[kind if known else "others"] += 1
        self.total += 1

    def __str__(self) -> str:
        most = sorted(self.counts.items(), key=lambda each: (-each[1], each[0]))
        shown = ", ".join(f"{kind or 'without a suffix'} {count}" for kind, count in most[:_SHOWN])
        return shown + (", ..." if len(most) > _SHOWN else "")
