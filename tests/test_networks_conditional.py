"""Class-conditional networks: what the label enters, how often it is dropped, and trainings to the bit."""

import math

import pytest
import torch

from plaplace import networks
from plaplace.networks.objective import drop_labels, loss_at
from tests.small_networks import generator, shaken, small_conditional, small_images

KINDS = ["image-mlp", "unet-8"]


def pair(name):
    """A conditional network with every weight in play, and an unconditional one with the same weights."""
    images, labels = small_images()
    with_classes = shaken(networks.start(images, small_conditional(name), labels=labels).network).double()
    without = networks.start(images, small_conditional(name)).network.double()
    shared = {key: value for key, value in with_classes.state_dict().items() if "class" not in key}
    without.load_state_dict(shared)  # strict: there is nothing else
    return with_classes, without.requires_grad_(False), images.double()


def embedding(network):
    return network.classes if isinstance(network, networks.Denoiser) else network.model.class_embedding


@pytest.mark.parametrize("name", KINDS)
def test_the_null_label_differs_from_no_condition_through_its_embedding_alone(name):
    conditional, plain, x = pair(name)
    level = 0.7 if name == "image-mlp" else 400
    received = conditional.score(x, level)
    assert not torch.equal(received, plain.score(x, level))
    # one embedding for all rows or one a row: other matrix products, other last digits
    by_row = conditional.score(x, level, torch.full((len(x),), 3))
    torch.testing.assert_close(received, by_row, rtol=1e-12, atol=1e-12)
    with torch.no_grad():
        embedding(conditional).weight[3].zero_()
    torch.testing.assert_close(conditional.score(x, level), plain.score(x, level), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", KINDS)
def test_each_row_follows_its_own_label(name):
    network, _, x = pair(name)
    level = 0.7 if name == "image-mlp" else 400
    labels = torch.tensor([0, 1, 2, 3, 1])
    together = network.score(x[:5], level, labels)
    for row in range(5):
        alone = network.score_function(level, labels[row : row + 1])(x[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone, rtol=1e-10, atol=1e-10)
    assert not torch.allclose(network.score(x[:1], level, labels[:1]), network.score(x[:1], level, labels[1:2]))


@pytest.mark.parametrize("name", KINDS)
def test_a_conditional_network_begins_as_the_unconditional_one_of_its_seed(name):
    images, labels = small_images()
    plain = networks.start(images, small_conditional(name), seed=6).network.state_dict()
    conditional = networks.start(images, small_conditional(name), seed=6, labels=labels).network.state_dict()
    assert all(torch.equal(conditional[key], value) for key, value in plain.items())
    assert len(conditional) == len(plain) + 1


@pytest.mark.parametrize("probability", [0.0, 0.2, 1.0])
def test_labels_are_dropped_as_often_as_asked(probability):
    count, labels = 20_000, torch.arange(20_000) % 10
    dropped = drop_labels(labels, probability, 10, generator(7))
    # binomial, 5 standard deviations: false alarm 6e-7
    slack = 5 * math.sqrt(probability * (1 - probability) / count)
    assert abs(float((dropped == 10).double().mean()) - probability) <= slack
    assert torch.equal(dropped[dropped != 10], labels[dropped != 10])


@pytest.mark.parametrize("name", KINDS)
def test_a_training_shows_the_network_its_labels_and_drops_its_share(name):
    images, labels = small_images()
    run = networks.start(images, small_conditional(name, num_steps=75, label_dropout=0.2), labels=labels)
    kept, inner = [], run.network

    def spy(x, level, shown):
        kept.append(shown)
        return inner(x, level, shown)

    run.forward = spy
    networks.advance(run)
    shown = torch.cat(kept)
    # epochs of 20 points in batches of 8, 8, 4: 75 steps are 25 epochs, 500 labels; 5 standard deviations
    assert len(shown) == 500
    assert abs(float((shown == 3).double().mean()) - 0.2) < 5 * math.sqrt(0.2 * 0.8 / 500)
    # the choice is a new one every step: of 50 batches of 8, seen 32 different ones; the same numbers again give 1
    assert len({tuple((batch == 3).tolist()) for batch in kept if len(batch) == 8}) > 10
    for label in range(3):
        share = 0.8 * float((labels == label).double().mean())
        assert abs(float((shown == label).double().mean()) - share) < 5 * math.sqrt(share * (1 - share) / 500)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("conditional", [True, False])
def test_a_resumed_training_equals_an_uninterrupted_one_to_the_bit(name, conditional, tmp_path):
    images, labels = small_images()
    labels = labels if conditional else None
    chosen = small_conditional(name, num_steps=9, label_dropout=0.5)
    straight = networks.start(images, chosen, seed=3, labels=labels)
    assert networks.advance(straight)
    broken = networks.start(images, chosen, seed=3, labels=labels)
    networks.advance(broken, lambda run: run.step == 4)
    file = networks.save_state(broken, tmp_path / "run.safetensors")
    resumed = networks.load_state(file, images, labels=labels)
    assert networks.advance(resumed)
    assert resumed.losses == straight.losses
    for part in ("network", "average"):
        expected, received = getattr(straight, part).state_dict(), getattr(resumed, part).state_dict()
        assert all(torch.equal(expected[key], received[key]) for key in expected), f"{part} differs"


def test_resume_refuses_other_labels(tmp_path):
    images, labels = small_images()
    run = networks.start(images, small_conditional("image-mlp", num_steps=4), labels=labels)
    file = networks.save_state(run, tmp_path / "run.safetensors")
    for other, named in ((None, "without labels"), (labels.flip(0), "with labels")):
        with pytest.raises(ValueError, match=f"{named}\\) are not those the training began with"):
            networks.load_state(file, images, labels=other)


def test_labels_teach_what_the_points_do_not_show():
    # two classes, at -1 and 1, under so much noise that only the label tells them apart
    labels = torch.arange(64) % 2
    points = (2.0 * labels - 1)[:, None].expand(-1, 2) + 0.05 * torch.randn(64, 2, generator=generator())
    network, history = networks.train(
        points, "edm-mlp", num_steps=300, width=32, depth=1, labels=labels, label_dropout=0.2, batch_size=32
    )
    x = torch.zeros(1, 2)
    for label, expected in ((torch.tensor([0]), -1.0), (torch.tensor([1]), 1.0), (None, 0.0)):
        received = network(x, 3.0, label)
        # the posterior mean of a class is the class, without a label the mean of both; seen 0.06 off
        torch.testing.assert_close(received, torch.full((1, 2), expected), rtol=0, atol=0.25)
    sigma, x = 3.0, points + 3.0 * torch.randn(64, 2, generator=generator(1))
    level, eps = torch.full((64,), sigma), (x - points) / sigma
    with_label = loss_at(network, network, points, eps, level, labels).mean()
    assert with_label < loss_at(network, network, points, eps, level).mean() / 4
    assert history.validated_on == "training points"


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.tensor([0, 1]), r"shape \(2,\); accepted are int64, \(1,\) or \(20,\)"),
        (torch.zeros(20), r"labels are torch.float32 of shape \(20,\)"),
    ],
)
@pytest.mark.parametrize("name", KINDS)
def test_labels_that_do_not_fit_are_a_sentence(name, labels, message):
    network, plain, x = pair(name)
    level = 0.7 if name == "image-mlp" else 400
    with pytest.raises(ValueError, match=message):
        network(x, level, labels)
    with pytest.raises(ValueError, match="the network is unconditional, accepted is None"):
        plain(x, level, torch.tensor([0]))
