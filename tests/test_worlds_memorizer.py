"""The exact memorizer, and what every world shares: training in parts, copies, near duplicates."""

import math

import pytest
import torch

from plaplace import memorization, networks
from plaplace.memorization.worlds import WORLDS
from plaplace.memorization.worlds.memorizer import exact_model, memorizing_mixture
from plaplace.memorization.worlds.pictures import near_duplicates
from plaplace.memorization.worlds.population import draws, population
from plaplace.memorization.worlds.training import along, copied, copies, ratios
from tests.small_networks import generator, normals, small


def auc(scores, bed):
    member = torch.tensor([group == "member" for group in bed.groups])
    above, below = scores[member][:, None], scores[~member][None]
    return float((above > below).double().mean() + (above == below).double().mean() / 2)


def test_the_memorizer_is_the_mixture_it_says():
    points = draws(0, 3)[0]
    q = memorizing_mixture(points, 0.3, 0.16)
    x = points + 0.1
    peak = torch.stack(
        [math.log(1 / 3) - ((x - y) ** 2).sum(1) / 0.32 - 4 * math.log(2 * math.pi * 0.16) for y in points]
    )
    wanted = (0.7 * population().log_prob(x).exp() + 0.3 * peak.logsumexp(0).exp()).log()
    torch.testing.assert_close(q.log_prob(x), wanted)


def test_its_score_has_the_hessian_as_its_derivative():
    q = memorizing_mixture(draws(0, 5)[0], 0.01, 0.16)
    model = exact_model(q)
    x = draws(1, 4)[0].requires_grad_()
    level = model.levels.at(sigma=0.3)
    score = model.score(x, level)
    noised = q.noised(1.0, 0.3)
    torch.testing.assert_close(score.detach(), noised.score(x.detach()))
    v = torch.randn(4, 8, generator=generator(2), dtype=torch.float64)
    (product,) = torch.autograd.grad(score, x, v)
    torch.testing.assert_close(product, torch.einsum("bij,bj->bi", noised.hessian(x.detach()), v))


def test_exact_values_are_those_of_the_level_and_inward():
    bed = next(WORLDS["memorizer"].build(3, quick=True))
    q = memorizing_mixture(bed.training, 0.003, 0.16).noised(bed.level.alpha, bed.level.sigma)
    torch.testing.assert_close(bed.exact["exact_1"], -q.p_laplacian(bed.images, 1.0))
    # peaks of the same weight that are higher the fewer there are: 32 points, not 512
    assert auc(bed.exact["exact_2"], bed) > 0.99
    # a whole +- frame at this radius is the ball mean of the operator, but for R^2
    probes = memorization.probe(bed.model, bed.images, bed.level, 16, generator())
    assert auc(memorization.statistics["flux_2"](probes), bed) > 0.99


@pytest.mark.slow
def test_the_anchors_come_out():
    """ANCHORS: exact 1- and 2-Laplacian 1.000, 3-Laplacian 0.663, log-density 0.660, -|s| 0.975, over its seed."""
    bed = next(WORLDS["memorizer"].build(0))
    wanted = {"exact_1": 1.0, "exact_2": 1.0, "exact_3": 0.663, "exact_log_density": 0.660, "exact_score_norm": 0.975}
    for name, value in wanted.items():
        # 512 against 1,024: a standard error of at most 0.016 an AUC
        assert auc(bed.exact[name], bed) == pytest.approx(value, abs=0.05), name
    hard = next(WORLDS["memorizer-hard"].build(0))
    assert auc(hard.exact["exact_1"], hard) < 0.97


def test_checkpoints_are_those_of_one_training():
    points = normals(20, generator())
    steps, seen = (3, 5), []
    run = networks.start(points, small("edm-mlp", num_steps=5), seed=4)
    found = list(along(run, steps, lambda done, total: seen.append((done, total))))
    assert [step for step, _, _ in found] == [3, 5] and seen == [(3, 5), (5, 5)]
    for step, network, model in found:
        # decay is over num_steps, so the shorter training is the longer one stopped
        other = networks.start(points, small("edm-mlp", num_steps=5), seed=4)
        networks.advance(other, lambda run, step=step: run.step >= step)
        x, sigma = points[:4], model.levels.spread(3)[1]
        torch.testing.assert_close(model.score(x, sigma), networks.finish(other)[0].score(x, sigma.sigma).detach())
        assert all(not parameter.requires_grad for parameter in network.parameters())
    assert all(parameter.requires_grad for parameter in run.network.parameters())


def test_copies_are_nearer_than_a_third():
    training = torch.tensor([[0.0], [4.0], [10.0]])
    samples = torch.tensor([[0.9], [1.1], [4.0], [7.0]])
    torch.testing.assert_close(ratios(samples, training), torch.tensor([0.9 / 3.1, 1.1 / 2.9, 0.0, 1.0]).double())
    assert copies(samples, training).tolist() == [True, False, True, False]
    assert copied(samples, training) == 0.5


def test_near_duplicates_are_near_and_are_not_the_images():
    images = torch.rand(9, 1, 6, 6, generator=generator()) * 1.4 - 1
    near = near_duplicates(images, generator())
    assert torch.equal(near[0::3, ..., 1:], images[0::3, ..., :-1])
    torch.testing.assert_close(near[1::3], (images[1::3] + 0.3).clamp(-1, 1))
    noisy = near[2::3]
    # 108 numbers: a standard deviation to 7%, 3 of them
    assert float((noisy - images[2::3])[noisy.abs() < 1].std()) == pytest.approx(0.2, rel=0.25)
    assert not any(torch.equal(each, image) for each in near for image in images)
