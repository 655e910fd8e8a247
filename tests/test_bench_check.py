"""`make bench-check` on workers that answer from a script, and the real worker on the real suite."""

import re
from types import SimpleNamespace

import pytest

from benchmarks import check
from benchmarks.revisions import ROOT, Broken, Revision

TIME = {"type": "time", "cases": ["a", "b"], "noisy": False, "slack": 0.0}
TRACK = {"type": "track", "cases": [""], "noisy": False, "slack": 0.0}


class Scripted:
    """A revision whose calls take that long; "wall" adds to the wall time, "raises" to nothing."""

    def __init__(self, suite, cpu=0.1, wall=0.0, value=1.0, skipped=False, raises=False):
        self.benchmarks = suite
        self.answers = SimpleNamespace(cpu=cpu, wall=wall, value=value, skipped=skipped, raises=raises)

    def ask(self, do, **rest):
        said = self.answers
        if do == "setup":
            return {"skipped": said.skipped}
        if do in ("run", "value") and said.raises:
            raise Broken("ValueError: no", self)
        return {"run": {"cpu": said.cpu, "wall": said.cpu + said.wall}, "value": {"value": said.value}}.get(do, {})


class Fixed(check.Pair):
    def __init__(self, base, new):
        self.workers, self.renewals = [base, new], 0

    def renew(self):
        self.renewals += 1


def run(suite, base, new, known=None):
    pair = Fixed(Scripted(suite if known is None else known, **base), Scripted(suite, **new))
    return (*check.run(pair, re.compile("")), pair.renewals)


@pytest.mark.parametrize("new", [{"cpu": 0.13}, {"wall": 0.05}])
def test_slower_is_found_in_either_clock_after_a_second_look(new):
    bad, fresh, renewals = run({"m.B.time_x": TIME}, {}, new)
    assert len(bad) == 2 and not fresh and renewals == 2
    assert bad[0].startswith("m.B.time_x(a): 1.")


@pytest.mark.parametrize("new", [{}, {"cpu": 0.108}, {"cpu": 0.05}])
def test_as_fast_is_not(new):
    assert run({"m.B.time_x": TIME}, {}, new) == ([], [], 0)


def test_a_larger_error_is_found_and_slack_forgives():
    assert run({"m.track_e": TRACK}, {"value": 0.01}, {"value": 0.02})[0] == ["m.track_e: 2.00 times"]
    assert run({"m.track_e": TRACK | {"slack": 0.1}}, {"value": 0.01}, {"value": 0.02})[0] == []


def test_what_the_base_cannot_run_is_new_and_what_this_tree_cannot_is_broken():
    suite = {"m.track_e": TRACK}
    assert run(suite, {"raises": True}, {}) == ([], ["m.track_e: ValueError: no"], 1)
    assert run(suite, {"skipped": True}, {})[1] == ["m.track_e: skipped there"]
    assert run(suite, {}, {}, known={})[1] == ["m.track_e: its module does not import there"]
    assert run(suite, {}, {"raises": True})[0] == ["m.track_e: ValueError: no"]
    assert run(suite, {}, {"skipped": True})[:2] == ([], [])


@pytest.mark.slow
def test_the_worker_runs_every_kind_of_the_suite():
    pytest.importorskip("asv_runner", reason="the suite is asv's; pip install -e '.[bench]'")
    worker = Revision(ROOT)
    try:
        assert {"floors", "mixtures", "estimators", "accuracy"} <= {each.split(".")[0] for each in worker.benchmarks}
        name = "floors.Floor.time_call"
        cases = worker.benchmarks[name]["cases"]
        assert worker.ask("setup", name=name, case=cases.index("float64, cpu")) == {"skipped": False}
        assert 0 < worker.ask("run", number=10)["wall"] < 1
        assert worker.ask("setup", name=name, case=cases.index("float64, cuda")) == {"skipped": True}
        name = "accuracy.Certified.track_relative_error"
        worker.ask("setup", name=name, case=worker.benchmarks[name]["cases"].index("one dominating"))
        assert 0 < worker.ask("value")["value"] <= 1  # the promise
        assert worker.benchmarks[name]["slack"] == 0.1
        with pytest.raises(Broken, match="KeyError"):
            worker.ask("setup", name="m.time_none", case=0)
    finally:
        worker.close()


@pytest.mark.slow
def test_a_worker_of_another_tree_says_so(tmp_path):
    pytest.importorskip("asv_runner", reason="the suite is asv's; pip install -e '.[bench]'")
    with pytest.raises(Broken, match="not that of"):
        Revision(tmp_path)  # no package there: the installed one would be measured unnoticed
