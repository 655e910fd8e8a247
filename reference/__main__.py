"""Write the tables again, byte for byte: `python -m reference` from the root of the repository.

`python -m reference coincident ball_means` writes those tables only, and leaves the others as they are.
"""

from __future__ import annotations

import json
import sys
import time

import flint
import mpmath

from reference import export, families, tables
from reference.ball_cases import ball_cases
from reference.ball_rows import BALL_COLUMNS, ball_lines


def main(chosen: list[str]) -> None:
    """Pointwise tables by family, the ball means, the list of cases, `versions.json`, and what the package carries of
    them; progress on stderr."""
    start = time.monotonic()
    cases = [families.build(name) for name in families.NAMES]
    slugs = list(dict.fromkeys(tables.slug(case.family) for case in cases))
    known = [*slugs, "ball_means"]
    for name in chosen:
        if name not in known:
            raise SystemExit(f"table {name!r} was given; accepted are {', '.join(known)}")
    for family in slugs:
        lines = []
        for case in cases:
            if tables.slug(case.family) == family and family in (chosen or known):
                lines += [entry.cells() for entry in tables.make_case(case)]
                print(f"{time.monotonic() - start:6.1f} s  {case.name}", file=sys.stderr)
        if lines:
            tables.write(f"{family}.csv", tables.VALUE_COLUMNS, lines)
    if "ball_means" in (chosen or known):
        balls = []
        for each in ball_cases():
            balls += ball_lines(each)
            print(f"{time.monotonic() - start:6.1f} s  {each.case.name}", file=sys.stderr)
        tables.write("ball_means.csv", BALL_COLUMNS, balls)
    for old in tables.FOLDER.glob("*.csv"):
        if old.stem not in (*known, "cases"):
            old.unlink()
    tables.write("cases.csv", tables.CASE_COLUMNS, (tables.describe(case) for case in cases))
    made_with = {
        "python-flint": flint.__version__,
        "FLINT": flint.__FLINT_VERSION__,
        "mpmath": mpmath.__version__,
        "rows": sum(1 for name in known for _ in tables.read(f"{name}.csv")),
        "sha256": tables.checksums(),
    }
    with (tables.FOLDER / "versions.json").open("w", encoding="utf-8", newline="") as file:
        file.write(json.dumps(made_with, indent=2) + "\n")
    export.write()


if __name__ == "__main__":
    main(sys.argv[1:])
