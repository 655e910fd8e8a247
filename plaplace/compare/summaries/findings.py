"""What a section found, in a sentence, and whether a stated promise holds."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Finding"]


@dataclass(frozen=True)
class Finding:
    """One sentence of the report's summary.

    Attributes:
        text: the sentence, Markdown.
        met: whether the promise it speaks of holds in these tables; None where it speaks of none.
    """

    text: str
    met: bool | None = None

    @property
    def mark(self) -> str:
        """A word before a sentence that speaks of a promise."""
        return {True: "Holds.", False: "Does not hold.", None: ""}[self.met]
