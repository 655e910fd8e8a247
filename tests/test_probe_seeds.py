"""An image's own random numbers: the same whatever the other images, their order, the batch and the level."""

import numpy as np
import pytest
import torch

from plaplace import memorization, models
from plaplace.directions import KINDS, PAIRED, draw
from plaplace.memorization import draws
from plaplace.memorization.draws import Draws, Rounds
from plaplace.memorization.visit import Visit
from tests.conditional_mixtures import mixtures
from tests.dressed import mixture
from tests.exact_fields import dressed, points

SEEDS = [3, 9, 2**40 + 1, 0, 12, 2**62, 5]
ORDER = [4, 1, 6, 0, 3, 2, 5]
ALONE = [name for name, each in memorization.statistics.items() if not each.conditional]
EVERY = list(memorization.statistics)


def unconditional(order, seeds=SEEDS, x=None, m=6, **options):
    """Probes of seven points of an exact mixture, in an order."""
    x = points(7, 5) if x is None else x
    given = {} if seeds is None else {"seeds": [seeds[i] for i in order]}
    return memorization.probe(
        dressed(mixture(5)), x[order], 0.4, m, statistics=ALONE, training=points(20, 5, 3), **given, **options
    )


def conditional(order, seeds=SEEDS, **options):
    """The same of a conditional mixture, every statistic."""
    world, labels = mixtures(), [0, 1, 2, 2, 1, 0, 1]
    return memorization.probe(
        world.model, points(7, 5)[order], world.levels.at(sigma=0.4), 6, None, [labels[i] for i in order],
        statistics=EVERY, training=points(20, 5, 3), seeds=[seeds[i] for i in order], **options,
    )  # fmt: skip


def values(probes, names):
    return torch.stack([memorization.statistics[name](probes) for name in names], 1)


@pytest.mark.parametrize("options", [{}, *({"batch_size": size} for size in (1, 7, 25))], ids=str)
@pytest.mark.parametrize(("ask", "names"), [(unconditional, ALONE), (conditional, EVERY)], ids=["alone", "conditional"])
def test_every_statistic_is_the_same_to_the_bit_in_any_order_batch_and_company(ask, names, options):
    whole, other, one = ask(range(7)), ask(ORDER, **options), ask([4], **options)
    # the score works row by row, so that nothing but the random numbers could differ
    torch.testing.assert_close(values(other, names), values(whole, names)[ORDER], rtol=0, atol=0)
    torch.testing.assert_close(values(one, names)[0], values(whole, names)[4], rtol=0, atol=0)
    assert other.num_evaluations.tolist() == whole.num_evaluations[ORDER].tolist()


def test_rounds_of_a_tolerance_are_of_the_image_alone():
    options = {"tolerance": 0.02, "max_directions": 60}
    whole, other = unconditional(range(7), **options), unconditional(ORDER, batch_size=12, **options)
    assert len(set(whole.rounds.tolist())) > 1, "images must differ for the test to say something"
    assert other.rounds.tolist() == whole.rounds[ORDER].tolist()
    torch.testing.assert_close(other.norm, whole.norm[ORDER], rtol=0, atol=0, equal_nan=True)
    one = unconditional([3], **options)
    torch.testing.assert_close(one.norm[0], whole.norm[3, : one.norm.shape[1]], rtol=0, atol=0)


@pytest.mark.parametrize(
    "name",
    [
        "flux_1",
        "displacement",
        "volume_1.5",
        "laplacian",
        "flipd",
        "dsm_lid",
        "greatest_curvature",
        "wen",
        "jeon_noise",
    ],
)
def test_an_image_of_another_seed_draws_other_numbers(name):
    """Three times one image, the last with another seed: of each thing that is drawn at least one statistic."""
    conditional = memorization.statistics[name].conditional
    model = mixtures(12).model if conditional else dressed(mixture(12))
    x, level = points(1, 12).expand(3, 12), model.levels.at(sigma=0.4)

    def value(**options):
        probes = memorization.probe(
            model, x, level, 6, condition=1 if conditional else None, statistics=[name], **options
        )
        return memorization.statistics[name](probes)

    own, shared = value(seeds=[4, 4, 8]), value()
    assert own[0] == own[1] and abs(float(own[2] / own[0] - 1)) > 1e-6
    assert shared[0] == shared[1] == shared[2]


def test_the_normal_bundle_asks_around_an_image_at_noise_of_its_own():
    """Its value is a whole number, so the points are looked at."""
    seen = []
    model = models.from_score(lambda x, t: seen.append(x) or -x, (4,), models.SigmaLevels())
    for seeds, same in (([1, 1], True), ([1, 2], False)):
        seen.clear()
        memorization.probe(model, torch.ones(2, 4), 0.4, 6, statistics=["normal_bundle"], seeds=seeds)
        first, second = torch.cat(seen).chunk(2)
        assert first.shape == (16, 4) and torch.equal(first, second) == same


def test_images_of_one_seed_have_what_a_generator_gives():
    generator = torch.Generator().manual_seed(1)
    seed = int(torch.randint(2**62, (), generator=torch.Generator().manual_seed(1)))
    for options in ({}, {"tolerance": 0.02, "max_directions": 60}):
        own = unconditional(range(7), [seed] * 7, **options)
        shared = unconditional(range(7), None, generator=torch.Generator().manual_seed(1), **options)
        torch.testing.assert_close(values(own, ALONE), values(shared, ALONE), rtol=0, atol=0)
    before = generator.get_state()
    unconditional(range(7))
    assert torch.equal(generator.get_state(), before)


def test_seeds_leave_every_other_generator_alone():
    before = torch.get_rng_state()
    unconditional(range(7))
    assert torch.equal(torch.get_rng_state(), before)


def test_levels_of_a_profile_have_the_same_directions_as_alone():
    model, x = dressed(mixture(5)), points(7, 5)
    both = memorization.profile(model, x, [0.2, 0.9], 8, seeds=SEEDS, batch_size=16)
    for found, t in zip(both, (0.2, 0.9), strict=True):
        alone = memorization.probe(model, x, t, 8, seeds=SEEDS)
        torch.testing.assert_close(found.radial, alone.radial, rtol=0, atol=0)


def test_directions_of_a_group_are_drawn_once_for_all_levels(monkeypatch):
    asked = []

    def counted(*arguments):
        asked.append(arguments)
        return draw(*arguments)

    monkeypatch.setattr(draws, "draw", counted)
    memorization.profile(dressed(mixture(5)), points(7, 5), [0.2, 0.5, 0.9], 8, seeds=SEEDS, batch_size=24)
    assert [list(seeds) for *_, seeds in asked] == [SEEDS[:3], SEEDS[3:6], SEEDS[6:]]
    asked.clear()
    memorization.profile(dressed(mixture(5)), points(7, 5), [0.2, 0.5, 0.9], 8, batch_size=24)
    assert len(asked) == 1, "all images share theirs"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("m", "dimension"), [(6, 20), (6, 3), (10, 3), (2, 1), (8, 2)])
def test_many_draws_are_the_single_ones(kind, m, dimension):
    seeds = [0, 7, 2**63 - 1]
    many = draw(kind, m, dimension, seeds)
    assert many.vectors.shape == (3, m, dimension) and many.vectors.dtype == torch.float64
    for vectors, seed in zip(many.vectors, seeds, strict=True):
        one = draw(kind, m, dimension, torch.Generator().manual_seed(seed))
        torch.testing.assert_close(vectors, one.vectors, rtol=0, atol=0)
        assert (one.sizes, one.population, one.paired) == (many.sizes, many.population, many.paired)
    assert draw(kind, m, dimension, []).vectors.shape == (0, m, dimension)


def visit_of(seeds, kind):
    given = Draws.own(seeds, len(seeds))
    directions = Rounds(kind, 4, 5, 0).drawn(given, 0)
    model = dressed(mixture(5))
    return Visit(model, model.levels.at(t=0.4), points(len(seeds), 5), directions, 1.0, None, None, given, 100)


@pytest.mark.parametrize("kind", KINDS)
def test_distinct_axes_are_one_of_each_pair(kind):
    visit = visit_of([1, 2], kind)
    assert visit.axes.shape == (2, 4, 5)
    wanted = visit.axes[:, [0, 2]] if kind in PAIRED else visit.axes
    assert torch.equal(visit.distinct, wanted)


def test_a_part_of_a_visit_keeps_what_its_images_draw():
    visit = visit_of([8, 3, 8, 1], "frame")
    part = visit.part(torch.tensor([3, 0]))
    assert torch.equal(part.axes, visit.axes[[3, 0]])
    assert torch.equal(part.normal("name", 2, 3), visit.normal("name", 2, 3)[[3, 0]])
    assert visit.normal("name", 2, 3).shape == (4, 2, 3)
    assert torch.equal(visit.normal("name", 6)[0], visit.normal("name", 6)[2])
    assert not torch.equal(visit.normal("name", 6), visit.normal("another", 6))
    assert part.part(torch.zeros(0, dtype=torch.int64)).axes.shape == (0, 4, 5)


def test_no_images_have_no_seeds():
    found = memorization.probe(dressed(mixture(5)), points(0, 5), 0.4, 6, statistics=ALONE[:9], seeds=[])
    assert len(found) == 0 and memorization.statistics["flux_1"](found).shape == (0,)


def test_seeds_may_be_any_whole_numbers():
    one = unconditional(range(7), np.arange(7))
    torch.testing.assert_close(one.norm, unconditional(range(7), range(7)).norm, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": [1]}, "1 seeds were given for 2 images; accepted is one an image"),
        ({"seeds": [1, -1]}, "the seed -1 was given; accepted are 0 <= seed < 2\\*\\*63"),
        ({"seeds": [2**63, 1]}, "the seed 9223372036854775808 was given"),
        ({"seeds": [1, 2], "generator": torch.Generator()}, "seeds and a generator were given; accepted is one of"),
    ],
)
def test_wrong_seeds_are_a_sentence(options, message):
    model = models.from_score(lambda x, t: -x, (3,), models.SigmaLevels())
    with pytest.raises(ValueError, match=message):
        memorization.probe(model, torch.zeros(2, 3), 0.1, 6, **options)


def test_a_seed_that_is_no_whole_number():
    model = models.from_score(lambda x, t: -x, (3,), models.SigmaLevels())
    with pytest.raises(TypeError, match="integer"):
        memorization.probe(model, torch.zeros(1, 3), 0.1, 6, seeds=[0.5])
