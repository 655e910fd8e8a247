"""What was found out about somebody else's implementation: one clause on one case, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "Judgement"]

Judgement = Literal["holds", "fails", "note"]


@dataclass(frozen=True)
class Finding:
    """One clause of the contract on one case.

    Attributes:
        clause: what is demanded, a word or two.
        case: on what it was tried.
        verdict: "holds", "fails", or "note": something a user should know that the contract does not demand.
        sentence: what was seen, with its numbers.
    """

    clause: str
    case: str
    verdict: Judgement
    sentence: str
