"""All findings about one implementation, as a table, as JSON and as an exit code."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from plaplace.verify.finding import Finding

__all__ = ["Verdict"]

_SHOWN = 2  # failures of one clause in the text; JSON and HTML have all
_WIDTH = 96  # columns of text, beside the clause


@dataclass(frozen=True)
class Verdict:
    """The judgement.

    Attributes:
        name: what was judged.
        kind: a key of `plaplace.verify.KINDS`.
        findings: in the order in which they matter: what is wrong in words first, then the clauses.
        settings: how it was asked.
        versions: of plaplace, torch and Python.
        seconds: it took.
    """

    name: str
    kind: str
    findings: tuple[Finding, ...]
    settings: dict[str, Any]
    versions: dict[str, str]
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether every clause of the contract holds."""
        return not self.failed

    @property
    def failed(self) -> tuple[Finding, ...]:
        """The findings that fail."""
        return tuple(each for each in self.findings if each.verdict == "fails")

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong, a sentence a fault: the diagnoses where there are any, else the failed clauses."""
        diagnosed = [each for each in self.failed if each.clause == "diagnosis"]
        others = [each for each in self.failed if each.clause not in ("diagnosis", "values", "certified values")]
        return tuple(dict.fromkeys(each.sentence for each in [*diagnosed, *others] or self.failed))

    def __str__(self) -> str:
        """A line a clause (scenes that hold are counted together), then the answer."""
        lines = [f"{self.name}, judged as {self.kind}", ""]
        for mark, clause, text in self.rows():
            lines += [
                f"{mark:5}  {clause:17}  {line}" if i == 0 else " " * 26 + line for i, line in enumerate(_wrap(text))
            ]
        number = len({each.clause for each in self.findings})
        answer = f"the contract holds: {number} clauses"
        if not self.holds:
            answer = f"{len(self.faults)} {'fault' if len(self.faults) == 1 else 'faults'}"
        return "\n".join([*lines, "", f"{answer} ({self.seconds:.0f} s)"])

    def rows(self) -> list[tuple[str, str, str]]:
        """(mark, clause, sentence): findings of a clause with the same verdict in one row where they hold."""
        out: list[tuple[str, str, str]] = []
        for clause in dict.fromkeys(each.clause for each in self.findings):
            mine = [each for each in self.findings if each.clause == clause]
            failed = [each for each in mine if each.verdict == "fails"]
            shown = failed if clause == "diagnosis" else failed[:_SHOWN]
            for each in shown:
                where = "" if each.case == "all scenes" else f"{each.case}: "
                out.append(("FAIL", clause, f"{where}{each.sentence}"))
            if len(failed) > len(shown):
                out.append(("FAIL", clause, f"and in {len(failed) - len(shown)} more cases"))
            for mark, verdict in (("ok", "holds"), ("note", "note")):
                rest = [each for each in mine if each.verdict == verdict]
                if len(rest) == 1:
                    out.append((mark, clause, rest[0].sentence))
                elif rest:
                    out.append((mark, clause, f"{len(rest)} cases, the last: {rest[-1].case}: {rest[-1].sentence}"))
        return out

    def to_json(self) -> str:
        """Everything, as JSON text; the same input and versions give the same but for `seconds`."""
        content = {"holds": self.holds, "faults": self.faults} | asdict(self)
        return json.dumps(content, indent=2, default=str) + "\n"


def _wrap(text: str) -> list[str]:
    import textwrap

    return textwrap.wrap(text, _WIDTH, break_long_words=False) or [""]
