"""What holds of every unconditional statistic of the registry, those added later too."""

import math

import pytest
import torch

from plaplace import memorization, models
from tests.dressed import mixture
from tests.exact_fields import dressed, points

NAMES = [
    name
    for name, each in memorization.statistics.items()
    if not each.conditional and not any(part.training for part in each.ingredients)
]


def ask(model, x, level=0.4, **options):
    return memorization.probe(model, x, level, 6, torch.Generator().manual_seed(0), statistics=NAMES, **options)


@pytest.mark.parametrize("batch_size", [1, 2, 7, 30])
def test_the_same_numbers_whatever_the_batching_and_the_other_images(batch_size):
    model, x = dressed(mixture(5)), points(7, 5)
    whole, parts, alone = ask(model, x), ask(model, x, batch_size=batch_size), ask(model, x[4:5])
    for name in NAMES:
        got = memorization.statistics[name]
        # 1e-7: central differences of step 6e-6 R lose that much of the score's 1e-15
        torch.testing.assert_close(got(parts), got(whole), rtol=1e-7, atol=1e-8, msg=name)
        torch.testing.assert_close(got(alone)[0], got(whole)[4], rtol=1e-7, atol=1e-8, msg=name)
    assert parts.num_evaluations.tolist() == whole.num_evaluations.tolist()


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_an_answer_that_is_not_finite_is_nan_for_its_image_alone(bad):
    def score(x, t):  # one coordinate, so that an infinity stays one until something is made of it
        spoilt = torch.tensor([bad, 0.0, 0.0, 0.0], dtype=x.dtype)
        return torch.where(x[:, :1] > 50, spoilt + 0 * x, -x)

    x = points(3, 4)
    x[1] = 100
    found = ask(models.from_score(score, (4,), models.SigmaLevels()), x, 0.5)
    for name in NAMES:
        assert memorization.statistics[name](found).isnan().tolist() == [False, True, False], name
    assert found.num_nonfinite[0] == found.num_nonfinite[2] == 0 < found.num_nonfinite[1]
