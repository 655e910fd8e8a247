"""Every world at its quick size: what must be disjoint is, groups are what was trained on, a seed is a bed."""

import functools

import pytest
import torch

from plaplace import memorization, models
from plaplace.memorization.worlds import WORLDS, Bed
from plaplace.memorization.worlds.bed import task

NAMES = list(WORLDS)


@functools.cache
def built(name, seed=None):
    """Its quick beds; skipped where something is not installed."""
    try:
        return list(WORLDS[name].build(WORLDS[name].quick_seeds[0] if seed is None else seed, quick=True))
    except (FileNotFoundError, ImportError) as error:
        pytest.skip(str(error))


def rows(bed, *names):
    return bed.images[torch.tensor([group in names for group in bed.groups])].flatten(1)


def found_in(points, others):
    """For each point whether it is among the others, to the bit."""
    known = {point.numpy().tobytes() for point in others.flatten(1)}
    return [point.numpy().tobytes() in known for point in points.flatten(1)]


def trained_on(bed):
    """Names of its groups whose images were in training."""
    return {group for group in bed.groups if group in ("member", "once") or group[:1] == "x"}


@pytest.mark.parametrize("name", NAMES)
def test_a_bed_says_which_images_were_trained_on(name):
    for bed in built(name):
        for image, group in zip(bed.images, bed.groups, strict=True):
            assert found_in(image[None], bed.training) == [group in trained_on(bed)], group
        assert len({point.numpy().tobytes() for point in bed.training}) == len(bed.training), "a training point twice"


@pytest.mark.parametrize("name", NAMES)
def test_a_planted_image_was_trained_on_as_often_as_its_group_says(name):
    for bed in built(name):
        times = {point.numpy().tobytes(): int(n) for point, n in zip(bed.training, bed.training_times, strict=True)}
        for image, group in zip(bed.images, bed.groups, strict=True):
            if group in trained_on(bed):
                expected = int(group[1:]) if group[:1] == "x" else 1
                assert times[image.numpy().tobytes()] == expected, group


@pytest.mark.parametrize("name", NAMES)
def test_calibration_images_are_neither_judged_nor_trained_on(name):
    for bed in built(name):
        assert not any(found_in(bed.null, bed.images))
        assert not any(found_in(bed.null, bed.training))
        assert len(bed.null) >= 8


@pytest.mark.parametrize("name", NAMES)
def test_every_task_has_images_on_both_sides_and_the_level_is_the_models(name):
    for bed in built(name):
        assert bed.tasks and bed.world == name
        for positive, negative in bed.tasks.values():
            assert not positive & negative
            assert positive & set(bed.groups) and negative & set(bed.groups)
        for level in bed.levels:
            assert bed.model.levels.check(level) == level
        assert isinstance(bed.model, models.ScoreModel)


@pytest.mark.parametrize("name", NAMES)
def test_a_bed_can_be_probed(name):
    bed = built(name)[-1]
    conditions = None if bed.conditions is None else bed.conditions[:4]
    probes = memorization.probe(bed.model, bed.images[:4], bed.level, 4, torch.Generator().manual_seed(0), conditions)
    assert memorization.statistics["flux_1"](probes).isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_is_a_bed(name):
    first = built(name)
    seed = WORLDS[name].quick_seeds[0]
    torch.rand(7)  # the global generator is nobody's
    again = list(WORLDS[name].build(seed, quick=True))
    assert [bed.step for bed in again] == [bed.step for bed in first]
    for bed, other in zip(first, again, strict=True):
        for field in ("images", "null", "training", "training_times"):
            assert torch.equal(getattr(bed, field), getattr(other, field)), field
        assert bed.groups == other.groups and bed.copied == other.copied
        given = None if bed.conditions is None else bed.conditions[:4]
        x = bed.level.alpha * bed.images[:4]
        assert torch.equal(bed.model.score(x, bed.level, given), other.model.score(x, other.level, given))


@pytest.mark.parametrize("name", ["memorizer", "membership", "digits"])
def test_another_seed_is_another_bed(name):
    assert not torch.equal(built(name)[0].images, built(name, 1)[0].images)


def test_the_seeds_of_a_report_are_not_those_of_development():
    for world in WORLDS.values():
        assert world.seeds and world.quick_seeds and max(world.seeds + world.quick_seeds) < 100


def test_a_bed_that_does_not_fit_is_refused():
    bed = built("memorizer")[0]
    values = {name: getattr(bed, name) for name in Bed.__dataclass_fields__}
    with pytest.raises(ValueError, match=r"79 groups were given; accepted are 80, one an image"):
        Bed(**{**values, "groups": bed.groups[1:]})
    with pytest.raises(ValueError, match=r"1 conditions were given; accepted are 80"):
        Bed(**{**values, "conditions": [0]})
    with pytest.raises(ValueError, match=r"task 'x10 / held out' was given; accepted are tasks of groups there are"):
        Bed(**{**values, "tasks": task("x10", "held out")})
    with pytest.raises(ValueError, match=r"level = .* was given; accepted is one of levels"):
        Bed(**{**values, "level": bed.model.levels.at(sigma=1.0)})
