"""The fields of a conditional model are the sums of scores that they say, and estimators take them."""

import pytest
import torch

from plaplace import estimators, models
from plaplace.models import Prompts, SigmaLevels
from tests.counting import Encoder, counting
from tests.small_networks import generator


def test_the_fields_are_the_sums_that_they_say():
    model, _ = counting()
    level = model.levels.at(sigma=2.0)
    x = torch.randn(4, 3, generator=generator(1), dtype=torch.float64)
    s_c, s_u = model.score(x, level, 3), model.score(x, level)
    assert torch.equal(models.conditional(model, level, 3)(x), s_c)
    assert torch.equal(models.unconditional(model, level)(x), s_u)
    assert torch.equal(models.guided(model, level, 3, 1.0)(x), s_c)
    assert torch.equal(models.guided(model, level, 3, 0.0)(x), s_u)
    for w in (-1.0, 0.5, 7.5):
        torch.testing.assert_close(models.guided(model, level, 3, w)(x), s_u + w * (s_c - s_u), rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(models.gap(model, level, 3)(x), s_c - s_u, rtol=1e-13, atol=0)
    assert torch.equal(models.gap(model, level, 0)(x), torch.zeros_like(x))  # the null label itself


@pytest.mark.parametrize(
    ("field", "cost"),
    [
        (lambda m: models.conditional(m, 1.0, 2), 1),
        (lambda m: models.unconditional(m, 1.0), 1),
        (lambda m: models.guided(m, 1.0, 2, 1.0), 1),
        (lambda m: models.guided(m, 1.0, 2, 0.0), 1),
        (lambda m: models.guided(m, 1.0, 2, 3.0), 2),
        (lambda m: models.gap(m, 1.0, 2), 2),
    ],
)
def test_a_branch_of_weight_0_is_not_evaluated(field, cost):
    model, network = counting()
    s = field(model)
    assert network.batches == []
    s(torch.ones(5, 3))
    assert sum(network.batches) == 5 * cost
    assert s.network_evaluations == cost


def test_a_prompt_is_encoded_when_the_field_is_made():
    encoder = Encoder()
    network = lambda x, t, tokens, pooled: -x * tokens[:, :1]  # noqa: E731
    model = models.from_score(network, (2,), SigmaLevels(), conditions=Prompts(encoder))
    s = models.guided(model, 1.0, "four", 2.0)
    assert encoder.asked == ["four"]
    s(torch.ones(3, 2))
    s(torch.ones(2, 2))
    assert encoder.asked == ["four", ""]
    s = models.conditional(model, 1.0, "three")
    model.conditions._known.clear()
    s(torch.ones(1, 2))
    assert encoder.asked == ["four", "", "three"]  # the field keeps it itself


def test_a_field_has_one_condition():
    # estimators cut points and directions into batches of their own
    model, _ = counting()
    for make in (models.conditional, models.gap, lambda *a: models.guided(*a, 2.0)):
        with pytest.raises(ValueError, match="3 conditions were given; a field has one"):
            make(model, 1.0, [1, 2, 3])
    assert models.conditional(model, 1.0, [4])(torch.ones(3, 3)).shape == (3, 3)


def test_a_level_or_a_condition_that_is_none_is_refused_when_the_field_is_made():
    model, _ = counting()
    with pytest.raises(ValueError, match="t = 900 was given; the model was trained on levels"):
        models.conditional(model, 900, 1)
    with pytest.raises(ValueError, match="label 7 was given"):
        models.gap(model, 1.0, 7)


def test_a_score_model_of_ones_own_has_fields_too():
    class Own:
        shape, levels = (2,), SigmaLevels()

        def score(self, x, level, condition=None):
            return -x * (1 if condition is None else condition) / (1 + level.sigma**2)

        def encode(self, images):
            raise NotImplementedError

    model = Own()
    assert isinstance(model, models.ScoreModel)
    assert models.load(model) is model
    x = torch.ones(1, 2)
    assert torch.equal(models.gap(model, 1.0, 4.0)(x), torch.full((1, 2), -1.5))


# s = -k x: the p-Laplacian is -k D for p = 2 and -(D - 1)/|x| for p = 1
FIELDS = {
    "conditional": (lambda m: models.conditional(m, 1.0, 3), 4 / 2),
    "unconditional": (lambda m: models.unconditional(m, 1.0), 1 / 2),
    "guided": (lambda m: models.guided(m, 1.0, 3, 2.5), (1 + 2.5 * 3) / 2),
    "gap": (lambda m: models.gap(m, 1.0, 3), 3 / 2),
}


@pytest.mark.parametrize("name", FIELDS)
def test_estimators_take_fields(name):
    field, k = FIELDS[name]
    model, network = counting()
    s = field(model)
    x = torch.randn(4, 3, generator=generator(2), dtype=torch.float64)
    laplacian = torch.full((4,), -3 * k, dtype=torch.float64)
    flux = estimators.sphere_flux(s, x, 2.0, radius=0.1, num_directions=12, generator=generator(3), chunk_size=7)
    torch.testing.assert_close(flux.value, laplacian, rtol=1e-10, atol=0)
    assert sum(network.batches) == 4 * flux.num_evaluations * s.network_evaluations
    for mode in ("reverse", "forward"):
        trace = estimators.hutchinson(s, x, [1.0, 2.0], num_probes=2, generator=generator(4), mode=mode)
        torch.testing.assert_close(trace.value[:, 1], laplacian, rtol=1e-10, atol=0)
        torch.testing.assert_close(trace.value[:, 0], -2 / x.norm(dim=1), rtol=1e-10, atol=0)
