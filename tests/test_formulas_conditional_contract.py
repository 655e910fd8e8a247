"""The statistics of the two branches: cost, each image under its own condition, batches, precision, errors."""

import math

import pytest
import torch

from plaplace import memorization, models, noise
from plaplace.directions import draw
from plaplace.memorization.draws import Draws
from plaplace.memorization.given import Given
from plaplace.memorization.visit import Visit
from tests.conditional_mixtures import AT_NOISE, AT_THE_IMAGE, ask, mixtures, points, value


@pytest.mark.parametrize(
    ("name", "evaluations", "forward"),
    [
        ("wen", 20, 20), ("wen_1", 2, 2), ("wen_image", 20, 20), ("kim_lee_gap", 20, 20), ("asthana_cosine", 2, 2),
        ("asthana", 4, 4), ("jeon", 6, 2), ("jeon_difference", 4, 4), ("jeon_noise", 6, 2), ("kim_lee", 22, 2),
    ],
)  # fmt: skip
@pytest.mark.parametrize("each", [True, False])
def test_cost_and_conditions(name, evaluations, forward, each):
    """What is counted is what the network was asked, and each image meets its own condition."""
    world, x = mixtures(), points(3, 5)
    level, labels = world.levels.at(sigma=0.4), [2, 0, 1]
    found = ask(world, name, x, labels if each else 1, level)
    assert found.num_evaluations.tolist() == [evaluations] * 3
    assert world.rows() == 3 * forward  # a product counts 2 and is no forward pass
    assert found.num_nonfinite.tolist() == [0] * 3
    got = memorization.statistics[name](found)
    assert got.dtype == torch.float64
    for row, label in enumerate(labels if each else [1, 1, 1]):
        torch.testing.assert_close(value(world, name, x[row : row + 1], label, level)[0], got[row], rtol=1e-10, atol=0)


@pytest.mark.parametrize("name", AT_NOISE)
def test_statistics_at_noise_judge_the_condition_alone(name):
    world = mixtures()
    level = world.levels.at(sigma=0.4)
    got = value(world, name, points(3, 5), [1, 1, 0], level)
    assert got[0] == pytest.approx(float(got[1]), rel=1e-12) and abs(float(got[2] / got[0] - 1)) > 1e-3
    other = value(world, name, points(3, 5), [1, 1, 0], level, seed=1)
    assert abs(float(other[0] / got[0] - 1)) > 1e-5  # another z


@pytest.mark.parametrize("name", ["wen", "wen_1", "jeon_noise"])
def test_generation_knows_nothing_of_the_level(name):
    world, x = mixtures(), points(2, 5)
    levels = [world.levels.at(sigma=sigma) for sigma in (0.2, 0.6)]
    found = memorization.profile(world.model, x, levels, 4, torch.Generator().manual_seed(0), [0, 1], statistics=[name])
    first, second = (memorization.statistics[name](each) for each in found)
    torch.testing.assert_close(first, second, rtol=0, atol=0)


@pytest.mark.parametrize("batch_size", [1, 2, 7])
def test_the_same_numbers_whatever_the_batching(batch_size):
    world, x, labels = mixtures(), points(5, 5), [2, 0, 1, 1, 0]
    level = world.levels.at(sigma=0.4)
    names = [*AT_THE_IMAGE, *AT_NOISE]
    whole = ask(world, names, x, labels, level, m=4)
    parts = ask(world, names, x, labels, level, m=4, batch_size=batch_size)
    assert parts.num_evaluations.tolist() == whole.num_evaluations.tolist()
    for name in names:
        statistic = memorization.statistics[name]
        torch.testing.assert_close(statistic(parts), statistic(whole), rtol=1e-11, atol=1e-13, msg=name)


def test_products_cut_into_parts_keep_their_conditions():
    world, x = mixtures(), points(5, 5)
    level, drawn = world.levels.at(sigma=0.4), draw("iid", 3, 5, range(5))
    given = Given.prepare(world.model, [2, 0, 1, 1, 0], 5)
    for vectors in (drawn.vectors[:1].expand(5, 3, 5), drawn.vectors, lambda eps: eps[:, None]):
        visits = [Visit(world.model, level, x, drawn, 1.0, given, None, Draws(5, (0,)), size) for size in (100, 2)]
        whole, parts = (visit.products(x, vectors, "gap") for visit in visits)
        torch.testing.assert_close(parts, whole, rtol=1e-12, atol=1e-14)
        assert visits[0].evaluations == visits[1].evaluations == 2 * (1 + 2 * whole[1].shape[1])


@pytest.mark.parametrize("name", [*AT_THE_IMAGE, *AT_NOISE])
def test_single_precision_is_near(name):
    world, x = mixtures(), points(3, 5)
    level, labels = world.levels.at(sigma=0.4), [2, 0, 1]
    exact = value(world, name, x, labels, level)
    near = value(world, name, x.float(), labels, level)
    assert near.dtype == torch.float64
    torch.testing.assert_close(near, exact, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", [*AT_THE_IMAGE, *AT_NOISE])
def test_without_a_condition_it_is_a_sentence(name):
    world = mixtures()
    with pytest.raises(ValueError, match=f"statistic '{name}' needs a condition; give probe"):
        ask(world, name, points(2, 5), None, 100)


@pytest.mark.parametrize("name", ["wen", "jeon", "kim_lee_gap"])
def test_a_model_without_an_unconditional_branch_is_a_sentence(name):
    conditions = models.Labels(3, name="labels")
    model = models.from_score(lambda x, t, labels: -x, (5,), models.SigmaLevels(), conditions=conditions)
    with pytest.raises(ValueError, match="it has no unconditional branch"):
        memorization.probe(model, points(2, 5), 1.0, 4, condition=1, statistics=[name])


@pytest.mark.parametrize("name", ["jeon", "jeon_noise", "kim_lee"])
def test_a_score_without_a_graph_is_a_sentence(name):
    conditions = models.Labels(3, null=3, name="labels")
    model = models.from_score(lambda x, t, labels: -x.detach(), (5,), models.SigmaLevels(), conditions=conditions)
    with pytest.raises(ValueError, match="the model's score has no graph"):
        memorization.probe(model, points(2, 5), 1.0, 4, condition=1, statistics=[name])


@pytest.mark.parametrize("name", [*AT_THE_IMAGE, *AT_NOISE])
def test_no_images_are_no_rows(name):
    world = mixtures()
    assert value(world, name, torch.zeros(0, 5).double(), 1, 100).shape == (0,)


@pytest.mark.parametrize("name", ["wen", "asthana", "jeon", "jeon_difference", "kim_lee"])
def test_a_score_that_is_not_finite_spoils_its_image_alone(name):
    def score(x, t, labels):
        factor = (1.0 + labels.to(x))[:, None]
        return -x * torch.where(factor == 2, math.nan, factor)

    levels = models.DiscreteLevels(noise.linear(100))
    model = models.from_score(score, (5,), levels, conditions=models.Labels(3, null=3, name="labels"))
    found = memorization.probe(model, points(3, 5), 10, 4, condition=[0, 1, 2], statistics=[name])
    assert memorization.statistics[name](found).isnan().tolist() == [False, True, False]
    assert found.num_nonfinite[0] == found.num_nonfinite[2] == 0 < found.num_nonfinite[1]
