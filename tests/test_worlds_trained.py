"""What the trained worlds do to their data: classes with one image many times, early stopping, privacy."""

import sys
from dataclasses import replace

import pytest
import torch

from plaplace import models, networks, noise
from plaplace.memorization.worlds import classes, clean, pictures, private
from plaplace.memorization.worlds.bed import silent
from plaplace.memorization.worlds.training import ratios
from plaplace.networks import data
from plaplace.networks.data import ImageSet
from tests.small_networks import denoiser, generator, normals, small

# --- classes


def labelled(number=400):
    """Images (N, 1, 2, 2) of noise, ten classes in turn."""
    return ImageSet(torch.rand(number, 1, 2, 2, generator=generator()), torch.arange(number) % 10, "noise", "here")


def test_each_rare_class_has_one_image_a_hundred_times():
    plan = classes.Plan(common=30, rare=5, held_out=7, generated=0, num_steps=1)
    chosen, images = classes.split(labelled(), plan, seed=0), labelled()
    labels = images.labels[chosen.training]
    for label in classes.RARE:
        assert sorted(chosen.times[labels == label].tolist()) == [1] * 5 + [100]
    assert chosen.times[labels == classes.COMMON].tolist() == [1] * 30
    assert set(labels.tolist()) == {*classes.RARE, classes.COMMON}
    held = images.labels[chosen.held_out]
    assert all(int((held == label).sum()) == 7 for label in (*classes.RARE, classes.COMMON))
    everything = torch.cat([chosen.training, chosen.held_out])
    assert len(everything.unique()) == len(everything)
    assert not torch.equal(classes.split(labelled(), plan, seed=1).training, chosen.training)


def test_guidance_extrapolates_from_the_unconditional_score():
    """For s_c = -(x - c)/(v + sigma^2) of points c = +-0.1 and s_u that of 0, the guided field is that of w c."""

    class Points(torch.nn.Module):
        def forward(self, x, t, labels):
            sigma = schedule.sigmas[t].float()
            alpha = schedule.alphas[t].float()
            centre = torch.tensor([-0.1, 0.1, 0.0])[labels]
            return ((x - (alpha * centre)[:, None]) / sigma[:, None]).to(x)

    schedule = noise.linear(1000)
    model = models.from_network(
        Points(), (2,), models.DiscreteLevels(schedule), "epsilon",
        conditions=models.Labels(2, null=2, name="labels"), time_dtype=torch.int64,
    )  # fmt: skip
    labels = torch.tensor([0, 1, 1])
    drawn = classes.guided_samples(model, labels, generator(), guidance=5.0)
    torch.testing.assert_close(drawn, torch.tensor([[-0.5], [0.5], [0.5]]).expand(3, 2), atol=1e-3, rtol=0)
    # beyond [-1, 1] the clean prediction is clipped
    drawn = classes.guided_samples(model, labels, generator(), guidance=20.0)
    torch.testing.assert_close(drawn, torch.tensor([[-1.0], [1.0], [1.0]]).expand(3, 2), atol=1e-3, rtol=0)


def test_copies_are_told_by_the_training_set_and_calibration_holds_none(monkeypatch):
    plan, images = classes.Plan(common=30, rare=5, held_out=7, generated=4, num_steps=1), labelled()
    chosen = classes.split(images, plan, seed=0)
    training = images.points(chosen.training)
    # of each label's four samples the first and the third copy; of the further ones the last
    drawn = torch.rand(20, 1, 2, 2, generator=generator(3))
    drawn[0::2] = training[:10] + 1e-3
    further = torch.rand(20, 1, 2, 2, generator=generator(4)) + 5
    further[3::4] = training[:5]
    batches = iter([drawn, further])
    monkeypatch.setattr(classes, "guided_samples", lambda *_: next(batches))
    model = models.from_epsilon(lambda x, t: x, noise.linear(1000).alphas.square(), (1, 2, 2))
    bed = classes._bed(model, 0, 1, plan, images, chosen)
    found = ratios(drawn, training)
    below = found < 1 / 3
    assert below[0::2].all() and not below[1::2].all()
    for ratio, label, group in zip(found.tolist(), bed.conditions.tolist(), bed.groups, strict=False):
        apart = "common" if label == classes.COMMON else "nearly copied" if ratio < 1 / 2 else "not copied"
        assert group == ("copied" if ratio < 1 / 3 else apart)
    assert bed.copied == float(below.double().mean())
    labels = torch.tensor([*classes.RARE, classes.COMMON])
    assert torch.equal(bed.conditions[:20], labels.repeat_interleave(4))
    # in an order of its own, so that a part of it is like the whole; each with its label
    kept, asked = further[torch.arange(20) % 4 < 3], labels.repeat_interleave(3)
    which = torch.cdist(bed.null.flatten(1), kept.flatten(1)).argmin(1)
    assert torch.equal(bed.null, kept[which]) and torch.equal(bed.null_conditions, asked[which])
    assert sorted(which.tolist()) == list(range(15)) and which.tolist() != list(range(15))
    often = [int(label) for label, group in zip(bed.conditions, bed.groups, strict=True) if group == "x100"]
    assert often == list(classes.RARE)


# --- images with planted duplicates


def test_a_group_is_what_is_in_the_training_array_that_often():
    images = ImageSet(torch.rand(40, 1, 4, 4, generator=generator()) * 1.8 - 0.9, None, "noise", "here")
    planted = data.plant(images, 12, {5: 2, 2: 3}, 12, seed=1)
    plan = pictures.Plan(12, {5: 2, 2: 3}, 5, 6, 4, 4, 3, 1, (0.1, 0.5), 0.5, near=True)
    network = networks.start(planted.points, networks.recipe("image-mlp", width=8, depth=1)).network
    bed = pictures.picture_bed("w", "t", 0, 1, plan, planted, network, models.load(network))
    for image, group in zip(bed.images, bed.groups, strict=True):
        found = int((planted.points == image).flatten(1).all(1).sum())
        assert found == {"x5": 5, "x2": 2, "once": 1}.get(group, 0), group
    counts = {name: bed.groups.count(name) for name in dict.fromkeys(bed.groups)}
    wanted = {"x5": 2, "x2": 3, "once": 4, "held out": 6, "generated": 3, "near x5": 2, "near x2": 3,
              "near held out": 6}  # fmt: skip
    assert counts == wanted
    for point, times in zip(bed.training, bed.training_times, strict=True):
        assert int((planted.points == point).flatten(1).all(1).sum()) == times
    assert len(bed.training) == 12 and len(bed.null) == 4
    # what the main contrast is about comes first
    assert list(bed.tasks)[:3] == ["x5 / held out", "x2 / held out", "once / held out"]
    assert bed.level.alpha / bed.level.sigma == pytest.approx(2.0)


# --- early stopping


def test_a_training_that_overfits_is_stopped():
    """8 points and a wide network: the loss on others rises after a while."""
    points, others = normals(8, generator()), normals(200, generator(1))
    chosen = small("edm-mlp", num_steps=2000)
    chosen = replace(chosen, network=replace(chosen.network, width=64))
    step, network, model = clean.stopped_early(points, others, chosen, 0, silent)
    last = networks.train(points, "edm-mlp", num_steps=2000, width=64, depth=1, batch_size=8)[0]
    loss, worse = (float(networks.evaluate(each, others, chosen)[:, 1].mean()) for each in (network, last))
    assert step < 2000 and step % (2000 // clean.CHECKS) == 0
    assert loss < worse
    x = others[:3]
    torch.testing.assert_close(model.score(x, model.levels.at(sigma=0.5)), network.score(x, 0.5))


# --- privacy


@pytest.fixture(scope="module")
def opacus():
    return pytest.importorskip("opacus")


def one_step(times, clip=0.5, scale=1.0):
    """Change of the weights by one step of SGD in place of Adam, without noise, and every record in the step."""
    network = denoiser().float().requires_grad_(True)
    before = [parameter.detach().clone() for parameter in network.parameters()]
    records = scale * normals(6, generator())
    training = networks.Training(num_steps=1, learning_rate=1.0)
    privacy = private.Privacy(8.0, 1e-5, clip, 0.999999)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim, "Adam", torch.optim.SGD)
        patch.setattr("opacus.accountants.utils.get_noise_multiplier", lambda **_: 0.0)
        private.train_privately(network, records, times, training, privacy, generator(2), silent)
    return torch.cat([(b - a.detach()).flatten() for a, b in zip(network.parameters(), before, strict=True)])


def test_a_record_moves_the_weights_by_the_clipping_norm_at_most_however_often_it_is_there(opacus):
    plain, often = torch.ones(6, dtype=torch.int64), torch.tensor([1000, 1, 1, 1, 1, 1])
    # the mean of six gradients, each at most `clip` long, of which one is changed
    assert float((one_step(plain) - one_step(often)).norm()) <= 2 * 0.5 / 6 * (1 + 1e-4)
    assert float(one_step(plain).norm()) <= 0.5 * (1 + 1e-4)
    # without clipping the copies are what counts
    assert float((one_step(plain, 1e9) - one_step(often, 1e9)).norm()) > 1.0


def test_the_noise_is_what_the_accountant_asks_for(opacus):
    network = denoiser().float().requires_grad_(True)
    records = normals(50, generator())
    training = networks.Training(num_steps=20, learning_rate=1e-3)
    privacy = private.Privacy(8.0, 1e-5, 0.1, 0.2)
    times = torch.ones(50, dtype=torch.int64)
    steps = []
    multiplier = private.train_privately(
        network, records, times, training, privacy, generator(), lambda done, total: steps.append((done, total))
    )
    accountant = opacus.accountants.RDPAccountant()
    for _ in range(20):
        accountant.step(noise_multiplier=multiplier, sample_rate=0.2)
    assert 7.5 < accountant.get_epsilon(1e-5) <= 8.0
    assert steps[-1] == (20, 20)
    assert all(parameter.isfinite().all() for parameter in network.parameters())
    assert not any(hasattr(parameter, "grad_sample") for parameter in network.parameters())


def test_without_opacus_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "opacus", None)
    with pytest.raises(ImportError, match=r"opacus is needed for a training with differential .*'plaplace\[dp\]'"):
        private.train_privately(
            denoiser(),
            normals(3, generator()),
            torch.ones(3),
            networks.Training(),
            private.PRIVACY,
            generator(),
            silent,
        )
