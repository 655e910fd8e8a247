"""Directions: their geometry, their distribution, and the standard errors made from them."""

import math

import pytest
import torch

from plaplace.directions import KINDS, PAIRED, draw, haar_frames, split_evenly, summarise


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("m", "dimension"), [(2, 1), (6, 1), (64, 2), (10, 3), (24, 8), (40, 64)])
def test_directions_have_length_one_and_sizes_that_add_up(kind, m, dimension):
    drawn = draw(kind, m, dimension, generator())
    assert drawn.vectors.shape == (m, dimension)
    assert drawn.vectors.dtype == torch.float64
    torch.testing.assert_close(drawn.vectors.norm(dim=1), torch.ones(m).double(), atol=1e-14, rtol=0)
    assert sum(drawn.sizes) * (2 if kind in PAIRED else 1) == m
    assert drawn.paired == (kind in PAIRED)
    assert max(drawn.sizes) - min(drawn.sizes) <= 1


@pytest.mark.parametrize("kind", sorted(PAIRED))
def test_pairs_are_opposite(kind):
    vectors = draw(kind, 20, 7, generator()).vectors
    assert torch.equal(vectors[0::2], -vectors[1::2])


@pytest.mark.parametrize(("kind", "m"), [("frame", 36), ("orthonormal", 18)])
def test_each_frame_is_orthonormal_and_frames_differ(kind, m):
    drawn = draw(kind, m, 8, generator())
    assert drawn.sizes == (6, 6, 6)  # 18 axes in as few frames of at most 8 as it takes, evenly
    axes = drawn.vectors[0::2] if drawn.paired else drawn.vectors
    for frame in axes.split(drawn.sizes):
        torch.testing.assert_close(frame @ frame.T, torch.eye(6).double(), atol=1e-14, rtol=0)
    assert (axes[:6] @ axes[6:12].T).abs().max() > 0.1


def test_the_fewest_even_frames_or_smaller_ones_on_request():
    assert draw("frame", 64, 2, generator()).sizes == (2,) * 16
    assert draw("frame", 64, 8, generator(), most=4).sizes == (4,) * 8
    assert draw("sobol", 64, 8, generator()).sizes == (8,) * 8
    assert split_evenly(7, 3) == (3, 2, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_every_single_direction_is_uniform(kind):
    """E n = 0, E nn' = I/D and E n_1^4 = 3/(D(D+2)) for the first and the last direction; 5 sigma each."""
    seeds = range(600 if kind == "sobol" else 3000)
    draws = torch.stack([draw(kind, 6, 3, generator(seed)).vectors for seed in seeds])
    for n in (draws[:, 0], draws[:, 5]):
        outer = n[:, :, None] * n[:, None]
        for sample, mean in ((n, 0.0), (outer, torch.eye(3).double() / 3), (n[:, 0] ** 4, 3 / 15)):
            assert ((sample.mean(0) - mean).abs() <= 5 * sample.std(0) / math.sqrt(len(n))).all()


def test_frames_are_haar_and_not_the_raw_qr():
    """LAPACK's QR alone leaves a fixed sign on the diagonal of R: its first column has a mean far from 0."""
    first = torch.stack([haar_frames((3,), 3, generator(seed))[0] for seed in range(2000)])
    assert (first.mean(0).abs() < 5 / math.sqrt(3 * 2000)).all()


def test_equispaced_sets_on_the_circle_integrate_low_harmonics_exactly():
    drawn = draw("sobol", 64, 2, generator())
    angle = torch.atan2(drawn.vectors[:, 1], drawn.vectors[:, 0]).reshape(8, 8)
    for k in range(1, 8):
        assert (torch.cos(k * angle).mean(1).abs() < 1e-14).all()


def test_the_lowest_and_highest_number_of_the_engine_have_a_quantile(monkeypatch):
    """It draws multiples of 2^-30 in [0, 1); 0 itself has the quantile -inf."""
    ends = torch.tensor([[0.0, 0.5, 0.25], [1 - 2.0**-30, 0.5, 0.75]], dtype=torch.float64)
    monkeypatch.setattr("plaplace.directions.SobolEngine.draw", lambda self, m, dtype: ends[:m])
    vectors = draw("sobol", 4, 3, generator()).vectors
    assert vectors.isfinite().all()
    assert vectors[0, 0] < -0.9
    assert vectors[1, 0] > 0.9


def test_low_discrepancy_beats_independent_directions_in_four_dimensions():
    def rms(kind):
        means = [(draw(kind, 128, 4, generator(s)).vectors[:, 0] * 2).exp().mean() for s in range(60)]
        return torch.stack(means).std()

    assert rms("sobol") < 0.6 * rms("iid")


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_is_all_that_matters(kind):
    assert torch.equal(draw(kind, 12, 5, generator(3)).vectors, draw(kind, 12, 5, generator(3)).vectors)
    assert not torch.equal(draw(kind, 12, 5, generator(3)).vectors, draw(kind, 12, 5, generator(4)).vectors)


def test_without_a_generator_torch_seeds_the_directions():
    torch.manual_seed(5)
    first = draw("frame", 8, 3).vectors
    torch.manual_seed(5)
    assert torch.equal(first, draw("frame", 8, 3).vectors)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("frames", 8, 3), r"directions = 'frames' was given; accepted are 'iid', .*'sobol'"),
        (("iid", 0, 3), r"num_directions = 0 was given; at least 1"),
        (("frame", 7, 3), r"num_directions = 7 was given; directions = 'frame' come in pairs"),
        (("antithetic", 7, 3), r"num_directions = 7 was given"),
        (("iid", 8, 0), r"dimension = 0 was given"),
        (("frame", 8, 3, None, 0), r"most = 0 was given"),
        (("sobol", 8, 21202), r"D = 21202 was given with directions = 'sobol'; it reaches D = 21201"),
    ],
)
def test_bad_input_is_a_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        draw(*arguments)


def test_equal_blocks_give_the_usual_standard_error():
    values = torch.randn(4, 12, 3, generator=generator()).double()
    got = summarise(values, (3, 3, 3, 3))
    blocks = values.reshape(4, 4, 3, 3).mean(2)
    torch.testing.assert_close(got.mean, values.mean(1))
    torch.testing.assert_close(got.standard_error, blocks.std(1) / 2)
    assert got.degrees_of_freedom == 3


def test_uneven_blocks_weigh_by_size():
    values = torch.tensor([[1.0, 1.0, 4.0]])
    got = summarise(values, (2, 1))
    assert got.mean.item() == 2.0
    # 2/1 [ (2/3 (1-2))^2 + (1/3 (4-2))^2 ]
    assert got.standard_error.item() == pytest.approx(math.sqrt(2 * 8 / 9), rel=1e-6)


@pytest.mark.parametrize("m", [2, 5, 9])
def test_the_finite_population_error_is_exact_for_a_linear_field(m):
    """Mean of the variance estimate = variance of the mean over 4,000 frames, to 5 sigma of the former (3% here)."""
    d = 10
    j = torch.diag(torch.arange(d).double()) + torch.ones(d, d).double() / 3
    rows = haar_frames((m,) * 4000, d, generator()).reshape(4000, m, d)
    forms = ((rows @ j) * rows).sum(-1)
    got = summarise(forms, (m,), population=d)
    assert got.degrees_of_freedom == m - 1
    ratio = (got.standard_error**2).mean() / got.mean.var()
    assert abs(ratio - 1) < 0.2
    naive = summarise(forms, (1,) * m).standard_error.square().mean() / got.mean.var()
    assert naive == pytest.approx(ratio.item() / (1 - m / d), rel=1e-9)


def test_a_whole_frame_has_no_error_and_one_sample_has_no_known_one():
    whole = summarise(torch.randn(3, 5), (5,), population=5)
    assert (whole.standard_error == 0).all()
    assert whole.degrees_of_freedom == math.inf
    assert "not what curvature adds" in whole.covers
    for population in (None, 5):
        one = summarise(torch.randn(3, 1), (1,), population=population)
        assert (one.standard_error == math.inf).all()
        assert one.degrees_of_freedom == 0
        assert "no spread" in one.covers


def test_nan_stays_in_its_row_of_the_summary():
    values = torch.ones(2, 4)
    values[1, 2] = math.nan
    for sizes, population in (((1,) * 4, None), ((4,), 4), ((4,), 8), ((2, 2), None)):
        got = summarise(values, sizes, population)
        assert got.mean[0] == 1
        assert got.standard_error[0] == 0
        assert got.mean[1].isnan()
        assert got.standard_error[1].isnan()
    assert summarise(values[:, :1], (1,)).standard_error[0] == math.inf


def test_frames_of_unequal_sizes_are_different_frames():
    rows = haar_frames((3, 2), 3, generator())
    assert float((rows[:2] - rows[3:]).abs().max()) > 0.1
    assert float((rows[3:] @ rows[3:].mT - torch.eye(2)).abs().max()) < 1e-12
