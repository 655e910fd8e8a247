"""The U-Net: its algebra, its schedule against the library's, its folder, its samples."""

import json
import os
import subprocess
import sys

import pytest
import torch

from plaplace import networks, noise
from plaplace.networks.samples import sample_picture
from tests.small_networks import generator, shaken, small_conditional, small_images

diffusers = pytest.importorskip("diffusers")


def unet(shape=(1, 8, 8), channels=(8, 16), dtype=torch.float64, **settings):
    return shaken(networks.UNet(networks.UNetConfig(shape, channels, **settings))).to(dtype)


def images(number, shape=(1, 8, 8), dtype=torch.float64):
    return torch.randn(number, *shape, generator=generator(), dtype=dtype)


@pytest.mark.parametrize("curve", ["linear", "cosine"])
def test_the_schedule_is_the_one_in_the_folder(curve, tmp_path):
    network = unet(curve=curve)
    networks.save(network, tmp_path)
    scheduler = diffusers.DDPMPipeline.from_pretrained(tmp_path).scheduler
    kept = scheduler.alphas_cumprod.double()
    # the library's betas and their product are float32: T roundings at most; 1 - kept cancels further
    torch.testing.assert_close(network.schedule.alphas.square(), kept, rtol=2e-4, atol=1e-7)
    torch.testing.assert_close(network.schedule.sigmas.square(), 1 - kept, rtol=2e-3, atol=1e-7)
    expected = noise.cosine(1000) if curve == "cosine" else noise.linear(1000)
    assert torch.equal(network.schedule.sigmas, expected.sigmas)
    assert scheduler.config.prediction_type == "epsilon"


def test_the_score_divides_by_the_sigma_of_its_step():
    network, x = unet(), images(3)
    betas = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
    sigma = (1 - (1 - betas).cumprod(0)[417]).sqrt()
    torch.testing.assert_close(network.score_function(417)(x), -network(x, 417) / sigma, rtol=1e-11, atol=0)


def test_rows_are_independent_and_levels_broadcast():
    network, x = unet(), images(4)
    steps = torch.tensor([0, 10, 500, 999])
    together = network(x, steps)
    for row in range(4):
        alone = network(x[row : row + 1], int(steps[row]))
        torch.testing.assert_close(together[row : row + 1], alone, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 12), (1, 14, 14)])
def test_images_of_any_shape_that_can_be_halved(shape):
    network = unet(shape, dtype=torch.float32)
    assert network.score(images(2, shape, torch.float32), 5).shape == (2, *shape)


def test_an_untrained_network_predicts_no_noise():
    network = networks.UNet(networks.UNetConfig((1, 8, 8), (8, 16)))
    assert torch.equal(network(images(2, dtype=torch.float32), 5), torch.zeros(2, 1, 8, 8))


def test_it_begins_with_the_distribution_of_weights_that_torch_would_give():
    config = networks.UNetConfig((1, 8, 8), (32, 64), num_classes=10)
    ours = networks.UNet(config, seed=1).model
    torch.manual_seed(0)
    theirs = type(ours).from_config(ours.config)
    for name, expected in theirs.named_parameters():
        received = ours.get_parameter(name)
        if name.startswith("conv_out"):
            continue  # 0 here
        if expected.std() == 0 or expected.numel() == 1:
            assert torch.equal(received, expected), name
        elif expected.numel() > 500:
            # the standard deviation of a sample of n is known to about 1/sqrt(2n)
            torch.testing.assert_close(received.std(), expected.std(), rtol=10 / expected.numel() ** 0.5, atol=0)
            assert received.abs().max() < 1.1 * expected.abs().max(), name


def test_building_and_training_leave_the_global_generator_and_the_default_dtype_alone():
    points, labels = small_images()
    before = torch.get_rng_state()
    expected = networks.train(points, "unet-8", channels=(8, 16), num_steps=2, batch_size=4, labels=labels)[1].losses
    assert torch.equal(before, torch.get_rng_state())
    torch.set_default_dtype(torch.float64)
    try:
        _, history = networks.train(points, "unet-8", channels=(8, 16), num_steps=2, batch_size=4, labels=labels)
    finally:
        torch.set_default_dtype(torch.float32)
    assert history.losses == expected


def test_it_learns_one_image():
    # of a single x_0, eps_hat = (x - alpha x_0)/sigma is exact; the best guess blind to it, sigma x, has loss alpha^2
    image = images(1, dtype=torch.float32).expand(8, -1, -1, -1)
    settings = {"channels": (8, 16), "num_steps": 200, "batch_size": 8, "learning_rate": 3e-3}
    _, history = networks.train(image, "unet-8", **settings)
    last, blind = sum(history.losses[-20:]) / 20, float(noise.linear(1000).alphas.square().mean())
    # seen 0.09; chi-squared of 20 x 8 x 64 numbers moves it by a few per cent
    assert last < blind / 2, f"loss {last} at last, without the image {blind}"


@pytest.mark.parametrize("num_classes", [0, 10])
def test_a_saved_folder_says_what_it_holds(num_classes, tmp_path):
    file = networks.save(unet(num_classes=num_classes), tmp_path / "run", seed=7)
    said = networks.describe(tmp_path / "run")
    assert networks.describe(file) == said
    assert (said["seed"], said["value_range"], said["shape"]) == (7, [-1, 1], [1, 8, 8])
    assert (said["num_classes"], said["null_label"]) == (num_classes, num_classes or None)


@pytest.mark.slow
def test_a_saved_folder_gives_the_same_scores_in_a_fresh_process_to_the_bit(tmp_path):
    kinds = [(dtype, number) for dtype in (torch.float32, torch.float64) for number in (0, 10)]
    made = []
    for index, (dtype, number) in enumerate(kinds):
        network, x = unet(dtype=dtype, num_classes=number), images(3, dtype=dtype)
        labels = torch.tensor([1, 4, 10]) if number else None
        networks.save(network, tmp_path / str(index))
        made.append((x, labels, network.score(x, 300, labels)))
    torch.save(made, tmp_path / "made.pt")
    code = (
        "import sys, torch; torch.set_num_threads(1); from plaplace import networks\n"
        "for index, (x, labels, expected) in enumerate(torch.load(sys.argv[1] + '/made.pt')):\n"
        "    network = networks.load(f'{sys.argv[1]}/{index}')\n"
        "    assert not any(p.requires_grad for p in network.parameters()) and not network.training\n"
        "    assert torch.equal(network.score(x, 300, labels), expected), index"
    )
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=300, env=environment)


def test_the_library_loads_the_folder_and_generates(tmp_path):
    network = unet(dtype=torch.float32)
    networks.save(network, tmp_path)
    pipeline = diffusers.DDPMPipeline.from_pretrained(tmp_path, local_files_only=True)
    x = images(2, dtype=torch.float32)
    torch.testing.assert_close(pipeline.unet(x, 300).sample, network(x, 300), rtol=1e-5, atol=1e-5)
    pipeline.set_progress_bar_config(disable=True)
    made = pipeline(2, generator(), num_inference_steps=3, output_type="np").images
    assert made.shape == (2, 8, 8, 1)
    assert (made >= 0).all() and (made <= 1).all()


def test_the_library_loads_a_conditional_folder(tmp_path):
    network = unet(dtype=torch.float32, num_classes=3)
    networks.save(network, tmp_path)
    loaded = diffusers.DDPMPipeline.from_pretrained(tmp_path, local_files_only=True).unet
    x, labels = images(2, dtype=torch.float32), torch.tensor([1, 3])
    torch.testing.assert_close(loaded(x, 300, labels).sample, network(x, 300, labels), rtol=1e-5, atol=1e-5)


def test_without_the_library_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    message = r"diffusers is needed for a U-Net .*; install it with: pip install 'plaplace\[diffusers\]'"
    with pytest.raises(ImportError, match=message):
        networks.UNet(networks.UNetConfig())


def test_a_file_is_no_place_for_a_folder(tmp_path):
    with pytest.raises(ValueError, match=r"a.safetensors was given for a U-Net; accepted is a folder"):
        networks.save(unet(), tmp_path / "a.safetensors")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 1}, "another format than 2"),
        ({"kind": "denoiser"}, "DenoiserConfig takes"),
        ({"network": {"channels": [8, 24]}}, "do not fit the configuration"),
        ({"network": {"channels": [8, 4096]}}, "do not fit the configuration"),  # refused before the weights exist
        ({"network": {"channels": [8, -16]}}, r"channels = \(8, -16\)"),
        ({"network": {"num_classes": 2}}, "do not fit the configuration"),
        ({"network": {"num_levels": 0}}, "num_levels = 0"),
    ],
)
def test_load_refuses_what_is_no_network(changes, message, tmp_path):
    file = networks.save(unet(), tmp_path)
    said = json.loads(file.read_text())
    if "network" in changes:
        changes = {"network": said["network"] | changes["network"]}
    file.write_text(json.dumps(said | changes))
    with pytest.raises(ValueError, match=message):
        networks.load(tmp_path)


def test_load_refuses_damaged_folders(tmp_path):
    file = networks.save(unet(), tmp_path)
    weights = tmp_path / "unet" / "diffusion_pytorch_model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-40])
    with pytest.raises(ValueError, match="not a readable safetensors file"):
        networks.load(tmp_path)
    weights.unlink()
    with pytest.raises(ValueError, match="does not exist; accepted is a folder"):
        networks.load(tmp_path)
    weights.write_bytes(whole)
    file.write_text("{")
    with pytest.raises(ValueError, match="not readable JSON"):
        networks.load(tmp_path)


@pytest.mark.parametrize("name", ["image-mlp", "unet-8"])
def test_samples_are_a_picture_a_row_a_class(name, tmp_path):
    from PIL import Image

    points, labels = small_images()
    for given, expected in ((labels, (10 * 50 + 2, 3 * 50 + 2)), (None, (8 * 50 + 2, 8 * 50 + 2))):
        network = networks.start(points, small_conditional(name), labels=given).network
        with Image.open(sample_picture(network, tmp_path / "samples.png")) as image:
            assert (image.size, image.mode) == (expected, "L")
    vectors = networks.start(points.flatten(1), networks.recipe("edm-mlp", width=8)).network
    assert sample_picture(vectors, tmp_path / "none.png") is None
    assert not (tmp_path / "none.png").exists()


@pytest.mark.parametrize("name", ["edm-mlp", "unet-8"])
def test_samples_follow_the_score(name):
    # data that are all one image but for 1e-3: the exact score leads there
    image = 0.5 * images(1, dtype=torch.float32)

    if name == "edm-mlp":
        network = networks.Denoiser(networks.DenoiserConfig((1, 8, 8), 1.0, width=8))
        network.score = lambda x, sigma, labels=None: (image - x) / (sigma**2 + 1e-6)
    else:
        network = networks.UNet(networks.UNetConfig((1, 8, 8), (8, 16)))
        network.score = lambda x, t, labels=None: (
            (network.schedule.alphas[t] * image - x) / (network.schedule.sigmas[t] ** 2 + 1e-6)
        ).float()
    received = networks.sample(network, 5, generator())
    torch.testing.assert_close(received, image.expand(5, -1, -1, -1), rtol=0, atol=0.02)
    # a clean prediction outside the limit is cut off, one inside is not touched
    received = networks.sample(network, 5, generator(), limit=0.3)
    torch.testing.assert_close(received, image.clamp(-0.3, 0.3).expand(5, -1, -1, -1), rtol=0, atol=0.02)
