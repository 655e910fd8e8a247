"""Scans of models that take labels or prompts, in pixels and in latents."""

import numpy as np
import pandas as pd
import pytest
import torch

from plaplace import memorization, models, networks, scan
from plaplace.scan.randomness import image_seed
from tests.scan_models import pixels, write_folder

LABELS = [0, 1, 2] * 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small network of three classes with random weights; 30 pictures with labels, 24 for reference."""
    root = tmp_path_factory.mktemp("conditional")
    network = networks.Denoiser(networks.DenoiserConfig((1, 4, 4), width=16, depth=1, num_classes=3), seed=0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(0, 0.2, generator=torch.Generator().manual_seed(parameter.numel()))
    networks.save(network, root / "model")
    for name, seed in (("images", 0), ("reference", 1)):
        write_folder(root / name, pixels(30, seed))
        pd.DataFrame({"file": [f"{i:04d}.png" for i in range(30)], "label": LABELS}).to_csv(root / name / "labels.csv")
    return root


def scanned(folder, out, **options):
    table = scan.run(folder / "model", folder / "images", out, reference=folder / "reference", **options)
    return table.set_index("key").sort_index()


def asked(folder, keys, labels):
    model = models.load(folder / "model")
    x, seeds = model.encode([folder / "images" / key for key in keys]), [image_seed(k, 0, "round 0") for k in keys]
    level, calls = (each[0] for each in memorization.Profile.plan(model, model.levels.at(sigma=0.2), 16))
    names = ["flux_1", "wen_image"] if labels is not None else ["flux_1"]
    return memorization.probe(model, x, level, calls, condition=labels, statistics=names, seeds=seeds)


def test_labels_beside_the_images_are_the_conditions(folder, tmp_path):
    table = scanned(folder, tmp_path / "scan", statistics=["flux_1", "wen_image"])
    probes = asked(folder, table.index, LABELS)
    for name in ("flux_1", "wen_image"):
        np.testing.assert_allclose(table[name], memorization.statistics[name](probes), rtol=1e-4, atol=1e-5)
    plain = scanned(folder, tmp_path / "plain", unconditional=True)
    probes = asked(folder, plain.index, None)
    np.testing.assert_allclose(plain.flux_1, memorization.statistics["flux_1"](probes), rtol=1e-4, atol=1e-5)
    assert (plain.flux_1 - table.flux_1).abs().max() > 1e-3  # the labels matter
    with pytest.raises(ValueError, match="needs captions or labels"):
        scanned(folder, tmp_path / "no", unconditional=True, statistics=["wen_image"])


def test_a_missing_or_wrong_label_is_a_reason_and_a_reference_without_any_an_error(folder, tmp_path):
    captions = tmp_path / "labels.csv"
    rows = {"file": [f"{i:04d}.png" for i in range(29)], "label": [7, *LABELS[1:29]]}
    pd.DataFrame(rows).to_csv(captions, index=False)
    table = scanned(folder, tmp_path / "scan", captions=captions)
    assert "label 7 was given; accepted are labels from 0 to 2" in table.reason["0000.png"]
    assert table.reason["0029.png"] == "it has no label" and (table.reason[1:29] == "").all()
    np.save(tmp_path / "bare.npy", pixels(30, 2))
    with pytest.raises(ValueError, match=r"bare.npy has no labels, the other images have"):
        scan.run(folder / "model", folder / "images", tmp_path / "no", reference=tmp_path / "bare.npy")


def test_samples_are_drawn_for_the_labels_in_turn(folder, tmp_path):
    table = scan.run(folder / "model", out=tmp_path / "scan", generate=12, reference=folder / "reference")
    drawn = pd.concat(pd.read_parquet(file) for file in sorted((tmp_path / "scan/generated/parts").iterdir()))
    assert drawn.label.tolist() == [0, 1, 2] * 4 and len(table) == 12 and (table.reason == "").all()
    scan.run(folder / "model", out=tmp_path / "plain", generate=12, unconditional=True)
    plain = pd.concat(pd.read_parquet(file) for file in sorted((tmp_path / "plain/generated/parts").iterdir()))
    assert plain.label.isna().all() and (plain.image != drawn.image).any()


@pytest.mark.slow
def test_prompts_of_a_latent_text_to_image_pipeline(tmp_path):
    tiny = pytest.importorskip("tests.tiny_pipelines", exc_type=ImportError)
    tiny.PIPELINES["stable-diffusion"]().save_pretrained(tmp_path / "model", safe_serialization=True)
    model = models.load(tmp_path / "model")
    rng = np.random.default_rng(0)
    side = model.space.pixels.size[0]
    for name, number in (("images", 12), ("reference", 24)):
        rows = rng.integers(0, 256, (number, side, side, 3), dtype=np.uint8)
        write_folder(tmp_path / name, rows)
        names = [f"{i:04d}.png" for i in range(number)]
        pd.DataFrame({"file_name": names, "text": ["a red cat", "two blue dogs"] * (number // 2)}).to_csv(
            tmp_path / name / "metadata.csv", index=False
        )
    table = scan.run(tmp_path / "model", tmp_path / "images", tmp_path / "scan", reference=tmp_path / "reference",
                     statistics=["flux_1", "wen_1"], calls=4)  # fmt: skip
    table = table.set_index("key").sort_index()
    assert (table.reason == "").all() and table.wen_1.notna().all()
    x = model.encode([tmp_path / "images" / key for key in table.index])
    level, calls = (each[0] for each in memorization.Profile.plan(model, scan_level(model), 4))
    seeds = [image_seed(key, 0, "round 0") for key in table.index]
    probes = memorization.probe(model, x, level, calls, condition=["a red cat", "two blue dogs"] * 6, seeds=seeds)
    np.testing.assert_allclose(table.flux_1, memorization.statistics["flux_1"](probes), rtol=1e-3, atol=1e-4)
    (tmp_path / "prompts.txt").write_text("a red cat\n\ntwo blue dogs\n")
    with pytest.raises(ValueError, match="the model takes prompts; give --prompts"):
        scan.run(tmp_path / "model", out=tmp_path / "none", generate=4)
    drawn = scan.run(tmp_path / "model", out=tmp_path / "drawn", generate=4, prompts=tmp_path / "prompts.txt", calls=4)
    assert len(drawn) == 4 and (drawn.reason == "").all()


def scan_level(model):
    from plaplace.scan.settings import RATIO, level_near

    return level_near(model, RATIO)
