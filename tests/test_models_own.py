"""Programs in files and networks of `plaplace train` as models."""

import math

import pytest
import torch
from safetensors.torch import save_file

from plaplace import models, networks
from plaplace.models import Precision, SigmaLevels
from tests.small_networks import generator, normals, shaken, small, small_conditional, small_images

# --- programs


class Program(torch.nn.Module):
    """s = -W x / (1 + t^2)."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 3)

    def forward(self, x, t):
        return -self.layer(x) / (1 + t**2)[:, None]


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """A network, and the files of its two kinds of program."""
    folder = tmp_path_factory.mktemp("programs")
    torch.manual_seed(0)
    network, example = Program(), (torch.randn(4, 3), torch.rand(4))
    batch = {0: torch.export.Dim("batch", min=1)}
    torch.export.save(torch.export.export(network, example, dynamic_shapes=(batch, batch)), folder / "a.pt2")
    torch.jit.trace(network, example).save(str(folder / "a.pt"))
    torch.jit.trace(network, example).save(str(folder / "a.ts"))
    return network, folder


SAID = {"shape": (3,), "levels": SigmaLevels(), "prediction": "score"}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("memory", [None, 200])
@pytest.mark.parametrize("name", ["a.pt2", "a.pt", "a.ts"])
def test_a_trusted_program_gives_the_scores_of_its_network(name, memory, program):
    network, folder = program
    model = models.load(folder / name, trust_pickle=True, precision=Precision(memory=memory), **SAID)
    x, level = torch.randn(7, 3, generator=generator(2)), 0.5
    torch.testing.assert_close(model.score(x, level), network(x, torch.full((7,), level)).detach())
    given = x[:1].clone().requires_grad_()
    (slope,) = torch.autograd.grad(model.score(given, level).sum(), given)
    torch.testing.assert_close(slope, -network.layer.weight.detach().sum(0, keepdim=True) / 1.25)
    assert not model.score(x, level).requires_grad


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_programs_are_refused_without_trust_and_without_what_they_do_not_say(program, tmp_path):
    _, folder = program
    for name in ("a.pt2", "a.pt", "a.ts"):
        with pytest.raises(ValueError, match=f"{name} is a program, .* accepted with trust_pickle = True"):
            models.load(folder / name, **SAID)
        with pytest.raises(ValueError, match="shape, levels, prediction was not given; a program does not say it"):
            models.load(folder / name, trust_pickle=True)
        for data in (b"", b"not a program", b"PK\x03\x04 torn"):
            (tmp_path / name).write_bytes(data)
            with pytest.raises(ValueError, match=f"{name} is not a readable program of TorchScript or torch.export"):
                models.load(tmp_path / name, trust_pickle=True, **SAID)


# --- networks of plaplace train


@pytest.mark.parametrize("name", ["edm-mlp", "d8-residual"])
def test_a_network_of_plaplace_train(name, tmp_path):
    network = networks.start(normals(20, generator()), small(name)).network
    networks.save(network, tmp_path / "run", recipe=name)
    x = torch.randn(5, 3, generator=generator(3))
    for path in (tmp_path / "run", tmp_path / "run" / "network.safetensors", str(tmp_path / "run")):
        model = models.load(path)
        assert model.shape == (3,)
        if name == "edm-mlp":
            # ln(sigma / sigma_data) is normal in training: 2.5 deviations to either side
            training = networks.Training()
            level = model.levels.at(sigma=network.config.sigma_data)
            wanted = network.score(x, level.sigma)
            ends = [network.config.sigma_data * math.exp(training.p_mean + n * training.p_std) for n in (-2.5, 2.5)]
            assert [model.levels.t_min, model.levels.t_max] == pytest.approx(ends, rel=1e-9)
        else:
            level = model.levels[20]
            wanted = network.score(x, 20)
            assert len(model.levels) == len(network.schedule)
        torch.testing.assert_close(model.score(x, level), wanted.detach())
        with pytest.raises(ValueError, match="the model is unconditional"):
            model.score(x, level, 1)


def test_a_safetensors_file_of_something_else_is_refused(tmp_path):
    save_file({"a": torch.ones(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match=r"other\.safetensors"):
        models.load(tmp_path / "other.safetensors")


@pytest.mark.parametrize("name", ["edm-mlp", "d8-residual"])
def test_a_network_in_memory_is_the_model_of_its_folder(name, tmp_path):
    chosen = small(name, **({"p_mean": 0.3} if name == "edm-mlp" else {}))
    network = shaken(networks.start(normals(20, generator()), chosen).network)
    training = {"p_mean": chosen.training.p_mean, "p_std": chosen.training.p_std}
    networks.save(network, tmp_path / "run", training=training)
    stored, here = models.load(tmp_path / "run"), models.load(network, training=chosen.training)
    assert here.shape == stored.shape and here.name == stored.name
    assert (here.levels.t_min, here.levels.t_max) == (stored.levels.t_min, stored.levels.t_max)
    if name == "edm-mlp":
        assert here.levels.t_max == pytest.approx(network.config.sigma_data * math.exp(0.3 + 2.5 * 1.4), rel=1e-9)
    x, level = normals(5, generator(3)), here.levels.spread(3)[1]
    assert torch.equal(here.score(x, level), stored.score(x, level))
    assert here.score(x, level).abs().max() > 1e-3


@pytest.mark.parametrize("name", ["image-mlp", "unet-8"])
def test_a_conditional_network_in_memory_takes_its_labels(name):
    if name == "unet-8":
        pytest.importorskip("diffusers")
    images, labels = small_images()
    network = networks.start(images, small_conditional(name), labels=labels).network
    model = models.load(shaken(network))
    x, level = images[:4], model.levels.spread(3)[1]
    null = torch.tensor([3])
    for condition, wanted in (([0, 2, 1, 0], torch.tensor([0, 2, 1, 0])), (None, null)):
        torch.testing.assert_close(model.score(x, level, condition), network.score(x, level.t, wanted))
    assert not torch.equal(model.score(x, level, 1), model.score(x, level))
    with pytest.raises(ValueError, match="accepted are labels from 0 to 2"):
        model.score(x, level, 4)
    torch.testing.assert_close(model.decode(model.encode([images[0, 0].clamp(0, 1).numpy()])), images[:1].clamp(0, 1))
