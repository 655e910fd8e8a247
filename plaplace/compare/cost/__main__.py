"""`python -m plaplace.compare.cost`: what things cost on this machine, alone, and its report."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from plaplace.compare import cost, report
from plaplace.compare.provenance import collect, run_id, write_provenance
from plaplace.compare.rivals.measure import measure as measure_rivals
from plaplace.compare.timing import one_thread


def main(arguments: list[str] | None = None) -> int:
    """Measure, write the tables and the report; 0."""
    parser = argparse.ArgumentParser("python -m plaplace.compare.cost", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for tables and report")
    parser.add_argument("--quick", action="store_true", help="a few sizes: under a minute")
    parser.add_argument("--rivals", action="store_true", help="rivals too: about half an hour in full")
    options = parser.parse_args(arguments)

    def show(stage: str, done: int, total: int) -> None:
        print(f"\r{stage}: {done} of {total}", end="" if done < total else "\n", file=sys.stderr, flush=True)

    options.out.mkdir(parents=True, exist_ok=True)
    with one_thread():
        provenance = collect(quick=options.quick)
        provenance["command"] = provenance["command"].replace("__main__.py", "python -m plaplace.compare.cost")
        write_provenance(options.out, provenance | {"run_id": run_id(provenance)})
        cost.measure(options.out, options.quick, show)
        if options.rivals:
            measure_rivals(options.out, options.quick, show)
    print(report.write(options.out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
