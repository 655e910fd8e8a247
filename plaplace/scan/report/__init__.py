"""`report.html` of a scan: one file that opens from disk, made of a `Findings` and of nothing else.

answer       the headline, the verdicts, what to do next      charts    distributions and calibration, as SVG
calibration  whether the p-values behave                      gallery   the highest ranked as pictures
rows         the tables                                       cost      what it took, what more would take
numbers      numbers for people, text that stays text         page      the templates, put together
"""

from __future__ import annotations

from pathlib import Path

from plaplace.scan.findings import Findings

__all__ = ["write"]


def write(findings: Findings, path: str | Path) -> Path:
    """Write the page; its path. The same findings give the same bytes.

    Raises:
        FileNotFoundError: the folder does not exist.
    """
    from plaplace.scan.report.page import render

    target = Path(path)
    # a name that is not UTF-8 shows its bytes instead of failing
    target.write_text(render(findings), "utf-8", errors="backslashreplace", newline="\n")
    return target
