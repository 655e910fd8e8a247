"""The algebra of the p-Laplacian: values by hand, critical points, overflow, errors."""

import math

import pytest
import torch

from plaplace import operators

DOUBLE = torch.float64


def tensor(*values):
    return torch.tensor(values, dtype=DOUBLE)


@pytest.mark.parametrize(("p", "want"), [(1.0, -1.5), (2.0, -8.0), (3.0, -26.0), (math.inf, -5.0)])
def test_by_hand(p, want):
    """|s| = 2, n'Hn = -5, tr_T H = -3: 2^(p-2) (-5 (p-1) - 3)."""
    assert operators.p_laplacian(tensor(2.0), tensor(-5.0), tensor(-3.0), p).item() == want


@pytest.mark.parametrize(
    ("p", "want"), [(1.0, math.nan), (1.999, math.nan), (2.0, -3.0), (2.001, 0.0), (4.0, 0.0), (math.inf, math.nan)]
)
def test_critical_points(p, want):
    """s = 0: nothing for p < 2, tr H for p = 2, 0 above; the normalised infinity-Laplacian has no normal."""
    got = operators.p_laplacian(tensor(0.0), tensor(0.0), tensor(-3.0), p).item()
    assert got == want or (math.isnan(got) and math.isnan(want))


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, math.inf])
def test_regularised_is_finite_at_critical_points(p):
    """eps^(p-2) tr H, and 0 for the normalised p = inf."""
    got = operators.p_laplacian(tensor(0.0), tensor(0.0), tensor(-3.0), p, eps=0.5).item()
    assert got == pytest.approx(0.0 if math.isinf(p) else -3.0 * 0.5 ** (p - 2), rel=1e-14)


@pytest.mark.parametrize(("norm", "p", "bracket"), [(1e200, 3.5, 1e-150), (1e-200, 3.5, 1e150), (1e-150, 10.0, 1e300)])
def test_the_power_may_leave_the_range_when_the_product_does_not(norm, p, bracket):
    """Against logarithms: their product of up to 700 costs up to 700 roundings."""
    got = operators.p_laplacian(tensor(norm), tensor(0.0), tensor(-bracket), p).item()
    log10 = (p - 2) * math.log10(norm) + math.log10(bracket)
    if log10 < -307:
        assert got == 0.0 or abs(got) < 1e-300
    else:
        assert got == pytest.approx(-(10**log10), rel=1e-12)


def test_density_form():
    """Delta_p u + (p-1)|s|^p, and n'Hn + |s|^2 for p = inf."""
    norm, normal, tangential = tensor(2.0), tensor(-5.0), tensor(-3.0)
    for p in (1.0, 1.5, 2.0, 3.0):
        plain = operators.p_laplacian(norm, normal, tangential, p)
        got = operators.p_laplacian(norm, normal, tangential, p, of="density")
        assert got.item() == pytest.approx((plain + (p - 1) * norm**p).item(), rel=1e-14)
    assert operators.p_laplacian(norm, normal, tangential, math.inf, of="density").item() == -1.0


def test_norm_and_normal_at_the_ends_of_the_range():
    scores = torch.tensor([[3e300, 4e300], [3e-300, 4e-300], [0.0, 0.0], [3e-320, 4e-320]], dtype=DOUBLE)
    norm, normal = operators.unit_normal(scores)
    assert norm[0].item() == pytest.approx(5e300, rel=1e-15)
    assert norm[1].item() == pytest.approx(5e-300, rel=1e-15)
    assert norm[2].item() == 0.0
    assert normal[:2].flatten().tolist() == pytest.approx([0.6, 0.8, 0.6, 0.8], rel=1e-14)
    assert normal[2].tolist() == [0.0, 0.0]
    assert normal[3].tolist() == pytest.approx([0.6, 0.8], rel=1e-3)  # subnormal: four digits are there


def test_a_nan_score_stays_in_its_row():
    norm, normal = operators.unit_normal(torch.tensor([[math.nan, 1.0], [3.0, 4.0]]))
    assert math.isnan(norm[0]) and norm[1] == 5.0
    assert normal[1].tolist() == pytest.approx([0.6, 0.8])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"p": 0.5}, "p = 0.5 was given"),
        ({"p": [2.0, math.nan]}, "p = nan was given"),
        ({"p": []}, "empty sequence"),
        ({"p": 2.0, "eps": -1.0}, "eps = -1.0 was given"),
        ({"p": 2.0, "of": "score"}, "of = 'score' was given; accepted are 'log_density' and 'density'"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message.replace("[", r"\[")):
        operators.p_laplacian(tensor(1.0), tensor(1.0), tensor(1.0), **arguments)
