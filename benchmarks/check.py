"""`make bench-check BASE=REV`: fails where the current tree is slower, larger or less accurate than REV.

    python -m benchmarks.check REV [--bench REGEX]

Both revisions run this tree's suite, in turn, on one thread; processor and wall time. `decision.py` has the rule.
Exit status: 0 without a regression, 1 with one or with a benchmark that no longer runs. What REV cannot run is new: it
is named and skipped.
"""

import argparse
import re
import signal
import sys

from benchmarks.decision import PAIRS, PAIRS_AGAIN, Comparison, compare, worse
from benchmarks.revisions import ROOT, Broken, Revision, worktree

SAMPLE = 0.04  # seconds a sample, so that the clock and the request do not count
SLOWEST = 60.0  # a pair of calls that takes longer, in all its repeats, is measured in the least number of pairs
LEAST_PAIRS = 6


class Pair:
    """The workers of both trees; `renew` replaces them by fresh processes."""

    def __init__(self, roots):
        self.roots, self.workers = roots, []
        self.renew()

    def renew(self):
        self.close()
        base, new = self.roots
        self.workers = [Revision(base, lenient=True), Revision(new)]

    def close(self):
        for each in self.workers:
            each.close()


def times(pair, pairs):
    """Comparison of what is set up in both: now the one first and now the other."""
    base, new = pair.workers
    for each in pair.workers:
        each.ask("run", number=1)  # warms up
    once = base.ask("run", number=1)["cpu"]
    number = max(1, round(SAMPLE / max(once, 1e-6)))
    if once * 2 * pairs > SLOWEST:
        pairs = LEAST_PAIRS
    found = {base: [], new: []}
    for index in range(pairs):
        for each in (base, new) if index % 2 else (new, base):
            found[each].append(each.ask("run", number=number))
    cpu, wall = (
        compare(*([each[clock] for each in found[which]] for which in (base, new))) for clock in ("cpu", "wall")
    )
    return wall if wall.suspect and not cpu.suspect else cpu  # what waits takes no processor time


def values(pair, pairs):
    """The same of a `track_` whose value has noise."""
    base, new = pair.workers
    found = [(base.ask("value")["value"], new.ask("value")["value"]) for _ in range(pairs)]
    return compare([one for one, _ in found], [other for _, other in found])


def single(pair, slack):
    """A value without noise: once each. The interval is the ratio itself."""
    old, now = (each.ask("value")["value"] for each in pair.workers)
    ratio = now / old if old else (1.0 if now == old else float("inf"))
    return Comparison(old, now, ratio, ratio, ratio), worse(old, now, slack)


def measured(pair, about, pairs):
    """What is set up, compared, and whether that is suspect."""
    if about["type"] == "time":
        found = times(pair, pairs)
    elif about["noisy"]:
        found = values(pair, LEAST_PAIRS)
    else:
        return single(pair, about["slack"])
    return found, found.suspect


def case(pair, name, index, about):
    """Of one case: ("same" or "worse", comparison), ("new" or "broken", reason), or ("skipped", "")."""
    for pairs in (PAIRS, PAIRS_AGAIN):
        # the most memory of a process is that of all it has done
        if pairs == PAIRS_AGAIN or about["type"] == "peakmemory":
            pair.renew()
        base, new = pair.workers
        try:
            if new.ask("setup", name=name, case=index)["skipped"]:
                return "skipped", ""
            if base.ask("setup", name=name, case=index)["skipped"]:
                return "new", "skipped there"
            found, suspect = measured(pair, about, pairs)
            for each in pair.workers:
                each.ask("teardown")
        except Broken as error:
            return ("new" if error.where is base else "broken"), str(error)
        if not suspect:
            return "same", found
    return "worse", found


def line(title, found):
    return f"{title:<95}{found.base:>11.4g}{found.new:>11.4g}{found.ratio:>8.3f}  [{found.low:.3f}, {found.high:.3f}]"


def run(pair, pattern):
    """Print a table; the names that regressed or broke, and those that are new."""
    listed = pair.workers[1].benchmarks
    bad, fresh = [], []
    print(f"{'seconds, MiB or the unit of the benchmark':<95}{'base':>11}{'now':>11}{'ratio':>8}  95% interval")
    for name, about in listed.items():
        for index, words in enumerate(about["cases"]):
            title = f"{name}({words})" if words else name
            if not pattern.search(title):
                continue
            if name in pair.workers[0].benchmarks:
                verdict, found = case(pair, name, index, about)
            else:
                verdict, found = "new", "its module does not import there"
            if verdict in ("same", "worse"):
                print(line(title, found) + ("  WORSE" if verdict == "worse" else ""), flush=True)
            if verdict == "worse":
                bad.append(f"{title}: {found.ratio:.2f} times")
            elif verdict == "broken":
                bad.append(f"{title}: {found}")
            elif verdict == "new":
                fresh.append(f"{title}: {found}")
            if verdict in ("new", "broken"):
                pair.renew()  # whatever it left half done
    return bad, fresh


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("base", help="the revision to compare with")
    parser.add_argument("--bench", default="", help="only benchmarks whose name and parameters match")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the checkout and the workers go away then too
    with worktree(asked.base) as base:
        pair = Pair((base, ROOT))
        try:
            bad, fresh = run(pair, re.compile(asked.bench))
        finally:
            pair.close()
    for title, names in ((f"new since {asked.base}, skipped", fresh), ("REGRESSED OR BROKEN", bad)):
        if names:
            print(f"\n{title}:\n  " + "\n  ".join(names))
    print(f"\n{len(bad)} regressions")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
