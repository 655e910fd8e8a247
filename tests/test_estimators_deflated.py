"""XTrace on all probes but one, by products of small matrices and by a factorisation of its own."""

import pytest
import torch

from plaplace.estimators import _deflated as deflated
from plaplace.estimators._deflated import _Seen
from tests.estimator_cases import generator

D, N = 20, 8


def matrices(kind):
    g = generator(0)
    wide, tall = torch.randn(30, D, D, generator=g).double(), torch.randn(30, D, N - 1, generator=g).double()
    return {
        "random": wide,
        "flat": 1e-3 * wide - torch.eye(D).double(),
        "decay": torch.diag_embed(3.0 ** -torch.arange(D).double()) + 1e-6 * wide,
        "rank below the probes": tall @ tall.mT,
        "zero": 0 * wide,
        "some of low rank": torch.cat([wide[:15], tall[15:] @ tall[15:].mT]),
    }[kind]


@pytest.mark.parametrize("number", [2, 3, N])
@pytest.mark.parametrize("kind", ["random", "flat", "decay", "rank below the probes", "zero", "some of low rank"])
def test_probes_left_out_in_closed_form_are_probes_left_out(monkeypatch, kind, number):
    """To 1e-6 of |A|: a squared sine of 1e-8 leaves 8 digits of a plane, of which the sum over n samples takes some."""
    a = matrices(kind)
    probes = torch.randint(0, 2, (number, D), generator=generator(number)).double() * 2 - 1

    def apply(v):
        return (a @ v.expand(len(a), *v.shape[-2:]).mT).mT

    got = deflated.xtrace(apply, probes)
    monkeypatch.setattr(_Seen, "all_without", lambda seen: (seen.plain * 0, seen.plain[:, 0] == seen.plain[:, 0]))
    want = deflated.xtrace(apply, probes)
    size = a.flatten(1).norm(dim=1)[:, None]
    assert ((got - want).abs() <= 1e-6 * size).all()
