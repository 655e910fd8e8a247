"""The contenders of `plaplace.compare.rivals` on its small cases, in one process, a group a case.

    make rivals        # or: pytest benchmarks/rivals --benchmark-timer=time.process_time

A rival for which all points take too long is timed on as many as fit 0.1 s; `scale` is what brings that to all points.
"""

import functools

import pytest
import torch

from plaplace.compare.rivals.cases import CASES, problem
from plaplace.compare.rivals.contest import exact_contest
from plaplace.compare.rivals.estimators import JOBS, estimator_contest
from plaplace.compare.rivals.measure import QUICK
from plaplace.compare.rivals.sizing import sized

ROUNDS, LEAST, BUDGET = 7, 0.005, 0.1  # seconds


@functools.cache
def contest(slug):
    return (
        exact_contest(problem(CASES[slug], "typical"), quick=True) if slug in CASES else estimator_contest(JOBS[slug])
    )


def contenders(slug):
    return {f"{each.name} {each.quantity}".strip(): each for each in contest(slug).contenders}


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("slug", "name"), [(slug, name) for slug in QUICK for name in contenders(slug)])
def test_contender(benchmark, slug, name):
    contender = contenders(slug)[name]
    if contender.obstacle:
        pytest.skip(contender.obstacle)
    x, work = contest(slug).x, contender.make()
    rows, seconds = len(x), None
    if contender.role == "rival":
        found = sized(work, x, BUDGET)
        rows, seconds = found.rows, found.seconds
    else:
        seconds = sized(lambda points: work(x), x[:1], BUDGET).seconds
    benchmark.group = slug
    benchmark.extra_info.update(
        contender=contender.name,
        role=contender.role,
        quantity=contender.quantity,
        version=contender.version,
        points=len(x),
        scale=len(x) / rows,
    )
    benchmark.pedantic(
        work, args=(x[:rows],), rounds=ROUNDS, iterations=max(1, round(LEAST / max(seconds, 1e-7))), warmup_rounds=1
    )
