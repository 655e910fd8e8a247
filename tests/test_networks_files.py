"""Files of score networks: checkpoints to the bit, and every kind of file that is refused."""

import pytest
import torch
from safetensors.torch import save_file

from plaplace import networks
from plaplace.networks.checkpoint import network_from, write
from plaplace.networks.configuration import to_json
from plaplace.networks.figure import loss_figure
from tests.small_networks import RECIPE_KINDS, generator, normals, shaken, small


@pytest.mark.parametrize("name", RECIPE_KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("target", ["folder", "one.safetensors"])
def test_save_and_load_round_trip_to_the_bit(name, dtype, target, tmp_path):
    network = shaken(networks.start(normals(20, generator()), small(name)).network).to(dtype)
    file = networks.save(network, tmp_path / target, seed=7)
    loaded = networks.load(tmp_path / target)
    assert loaded.config == network.config
    x, level = torch.randn(4, 3, generator=generator(), dtype=dtype), 20 if name == "d8-residual" else 0.4
    assert torch.equal(loaded.score(x, level), network.score(x, level))
    assert networks.describe(file)["seed"] == 7
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def good_file(tmp_path, **changes):
    network = networks.Denoiser(networks.DenoiserConfig(shape=(3,), width=8, depth=1))
    description = {"format": 2, "kind": "denoiser", "network": to_json(network.config)} | changes
    return write(tmp_path / "network.safetensors", dict(network.state_dict()), description)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 1}, "another format"),
        ({"kind": "transformer"}, "kind = 'transformer'.*accepted are 'denoiser', 'epsilon' and 'unet'"),
        ({"network": [1, 2]}, "accepted is a JSON object"),
        ({"network": {"width": 8}}, "DenoiserConfig takes"),
        ({"network": {"width": True}}, "width = True.*accepted is int"),
        ({"network": {"shape": "3"}}, "accepted is a list of integers"),
        ({"network": {"shape": [0]}}, "positive axes"),
        ({"network": {"sigma_data": -1.0}}, "sigma_data = -1.0"),
        ({"network": {"depth": 100_000}}, "depth = 100000"),
        ({"network": {"width": 1_000_000}}, "do not fit the configuration"),  # refused before 10^12 weights exist
        ({"network": {"shape": [4]}}, r"\(3,\), expected \(4,\)"),
    ],
)
def test_load_refuses_what_is_no_network(changes, message, tmp_path):
    whole = to_json(networks.DenoiserConfig(shape=(3,), width=8, depth=1))
    if isinstance(changes.get("network"), dict) and message != "DenoiserConfig takes":
        changes = {"network": whole | changes["network"]}
    with pytest.raises(ValueError, match=message):
        networks.load(good_file(tmp_path, **changes))


def test_load_refuses_other_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        networks.load(tmp_path)
    pickled = tmp_path / "pickled.safetensors"
    torch.save({"weight": torch.zeros(3)}, pickled)
    with pytest.raises(ValueError, match="not a readable safetensors file"):
        networks.load(pickled)
    for metadata in (None, {"plaplace": "{not json"}, {"plaplace": "[]"}):
        save_file({"weight": torch.zeros(3)}, tmp_path / "bare.safetensors", metadata=metadata)
        with pytest.raises(ValueError, match=r"no configuration of plaplace|another format"):
            networks.load(tmp_path / "bare.safetensors")
    file = good_file(tmp_path)
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(ValueError, match="not a readable safetensors file"):
        networks.load(file)


def test_mixed_dtypes_are_refused():
    network = networks.Denoiser(networks.DenoiserConfig(shape=(3,), width=8, depth=1))
    tensors = dict(network.state_dict()) | {"centre": torch.zeros(3, dtype=torch.float64)}
    description = {"kind": "denoiser", "network": to_json(network.config)}
    with pytest.raises(ValueError, match="not all float32 or all float64"):
        network_from(description, tensors, "here")


def test_loss_figure_is_an_image(tmp_path):
    from PIL import Image

    history = networks.History([2.0, 1.5, 1.2], [0.1, 1.0], [0.9, 0.8], "fresh points")
    with Image.open(loss_figure(history, tmp_path / "loss.png", "title")) as image:
        assert image.size == (1200, 480)
