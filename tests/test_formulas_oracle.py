"""The oracle against distances measured one by one."""

import math

import pytest
import torch

from plaplace import memorization, models
from plaplace.memorization.formulas import oracle


def points(number, dimension, seed=0, dtype=torch.float64):
    return torch.randn(number, dimension, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def nothing(dimension):
    def score(x, t):
        raise AssertionError("the oracle asked the network")

    return models.from_score(score, (dimension,), models.SigmaLevels())


def ask(x, training, **options):
    names = ["nearest_neighbour", "nearest_ratio"]
    model = nothing(x.shape[1])
    found = memorization.probe(model, x, 0.1, 4, statistics=names, training=training, **options)
    return found, *(memorization.statistics[name](found) for name in names)


def by_hand(x, training):
    """d_1 and d_2, pair by pair in Python's floats."""
    first, second = [], []
    for row in x.tolist():
        distances = sorted((math.dist(row, other), tuple(other)) for other in training.tolist())
        first.append(distances[0][0])
        second.append(next(distance for distance, other in distances if other != distances[0][1]))
    return torch.tensor(first, dtype=torch.float64), torch.tensor(second, dtype=torch.float64)


@pytest.mark.parametrize("numbers", [None, 1, 40])
def test_distances_measured_one_by_one(numbers, monkeypatch):
    if numbers is not None:
        monkeypatch.setattr(oracle, "_NUMBERS", numbers)  # one training point a part, eight a part
    x, training = points(7, 5), points(61, 5, seed=1)
    training[[9, 30]] = training[50].clone()  # planted duplicates
    x[2] = training[50] + 1e-3
    found, nearest, ratio = ask(x, training)
    first, second = by_hand(x, training)
    torch.testing.assert_close(nearest, -first / math.sqrt(5), rtol=1e-12, atol=0)
    torch.testing.assert_close(ratio, -first / second, rtol=1e-12, atol=0)
    assert found.num_evaluations.tolist() == [0] * 7
    assert ratio[2] > -1 / 3 > ratio[0]  # a copy, and none


def test_many_near_ties():
    x, training = points(60, 30), points(3000, 30, seed=1)
    apart = torch.cdist(x, training, compute_mode="donot_use_mm_for_euclid_dist").sort(1).values
    first, second = oracle.neighbours(x, training)
    torch.testing.assert_close(first, apart[:, 0], rtol=1e-12, atol=0)
    torch.testing.assert_close(second, apart[:, 1], rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    ("dtype", "offset"), [(torch.float64, 0.0), (torch.float64, 1e8), (torch.float32, 0.0), (torch.float32, 1e3)]
)
def test_an_identical_image_is_at_distance_zero(dtype, offset):
    training = points(50, 300, seed=1, dtype=dtype) + offset
    x = training[[4, 17]].clone()
    _, nearest, ratio = ask(x, training)
    assert nearest.tolist() == [0, 0] and ratio.tolist() == [0, 0]


def test_the_nearest_of_two_that_a_gram_matrix_cannot_tell_apart():
    training = torch.full((3, 4), 1e4, dtype=torch.float64)
    training[1:, 0] += torch.tensor([3e-7, 1e-6])
    training = torch.cat([torch.zeros(1, 4, dtype=torch.float64), training])
    x = training[2:3].clone()
    first, _ = oracle.neighbours(x, training)
    assert first.tolist() == [0]


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_the_same_numbers_whatever_the_batching(batch_size):
    x, training = points(9, 5), points(20, 5, seed=1)
    _, nearest, ratio = ask(x, training)
    _, *parts = ask(x, training, batch_size=batch_size)
    torch.testing.assert_close(parts[0], nearest, rtol=0, atol=0)
    torch.testing.assert_close(parts[1], ratio, rtol=0, atol=0)


def test_images_keep_their_shape_and_a_condition_changes_nothing():
    conditions = models.Labels(3, null=3)
    model = models.from_score(lambda x, t, class_labels: -x, (1, 2, 3), models.SigmaLevels(), conditions=conditions)
    x, training = points(2, 6).reshape(2, 1, 2, 3), points(5, 6, seed=1).reshape(5, 1, 2, 3)
    found = memorization.probe(model, x, 0.1, 4, condition=1, statistics="nearest_neighbour", training=training)
    want = -by_hand(x.flatten(1), training.flatten(1))[0] / math.sqrt(6)
    torch.testing.assert_close(memorization.statistics["nearest_neighbour"](found), want, rtol=1e-12, atol=0)


def test_a_single_picture_has_no_second():
    _, nearest, ratio = ask(points(2, 3), torch.ones(4, 3, dtype=torch.float64))
    assert bool(nearest.isfinite().all()) and bool(ratio.isnan().all())


def test_a_point_that_is_not_finite_spoils_itself_alone():
    x = points(3, 4)
    x[1, 2] = math.nan
    _, nearest, ratio = ask(x, points(6, 4, seed=1))
    assert nearest.isnan().tolist() == ratio.isnan().tolist() == [False, True, False]


def test_no_images_are_no_rows():
    _, nearest, ratio = ask(torch.zeros(0, 4), points(6, 4))
    assert nearest.shape == ratio.shape == (0,)


@pytest.mark.parametrize("name", ["nearest_neighbour", "nearest_ratio"])
def test_without_training_data_it_is_a_sentence(name):
    with pytest.raises(ValueError, match=f"statistic '{name}' needs the training data; give probe"):
        memorization.probe(nothing(3), points(2, 3), 0.1, 4, statistics=[name])


@pytest.mark.parametrize("shape", [(5, 4), (0, 3)])
def test_training_data_of_another_space_is_a_sentence(shape):
    with pytest.raises(ValueError, match=r"accepted are points \(N, 3\), N >= 1, in the model's space"):
        ask(points(2, 3), torch.zeros(shape))
