"""Estimates of large scans: arithmetic by hand, and the sizes of the models counted again."""

from __future__ import annotations

import math

import pytest

from plaplace.compare import summaries
from plaplace.compare.cost.accelerators import ACCELERATORS, MODELS, Range
from plaplace.compare.reading import Tables
from plaplace.compare.summaries.cost_scans import Line, span
from tests import compare_cost_tables as made


def lines(cores: int = 2, **values: float) -> list[Line]:
    """All lines of the made-up table, in which some quantities may have another value."""
    table = made.scanning()
    for name, value in values.items():
        table.loc[table["quantity"] == name, ["value", "low", "high"]] = value
    summary = summaries.cost_scans.summarise(Tables(made.everything() | {"scanning": table}, {"cores": cores}))
    return [line for model in summary["lines"].values() for line in model]


def line_of(found: list[Line], model: str, accelerator: str, calls: int) -> Line:
    (one,) = [
        each
        for each in found
        if (each.model, each.accelerator, each.calls) == (MODELS[model], ACCELERATORS[accelerator], calls)
    ]
    return one


def test_seconds_an_image_by_hand() -> None:
    # SD 1.4 class, 16 calls: 16 x 0.8033 + 1.1167 TFLOP at 25% to 50% of 989 TFLOP/s
    work = 16 * 0.8033 + 1.1167
    one = line_of(lines(), "sd-1.4", "h100", 16).each
    assert (one.low, one.high) == (pytest.approx(work / (0.5 * 989)), pytest.approx(work / (0.25 * 989)))
    eight = line_of(lines(), "sd-1.4", "8xh100", 16).each
    assert (eight.low, eight.high) == (pytest.approx(one.low / 8), pytest.approx(one.high / (8 * 0.9)))


def test_the_cpu_is_as_measured() -> None:
    # 64 calls of 0.5 GFLOP at 80% of 100 GFLOP/s a core, two cores of which 80% to 100% is kept
    each = line_of(lines(), "unet-28", "cpu", 64).each
    assert (each.low, each.high) == (pytest.approx(0.4 / 2), pytest.approx(0.4 / 1.6))
    alone = line_of(lines(cores=1), "unet-28", "cpu", 64).each
    assert alone.low == alone.high == pytest.approx(0.4)


def test_a_pass_dearer_than_its_calls_costs_and_a_cheaper_one_is_noise() -> None:
    usual, dear, cheap = (
        line_of(lines(pass_over_calls=ratio), "sdxl", "a100", 16).each.high for ratio in (1.0, 1.1, 0.9)
    )
    assert dear == pytest.approx(1.1 * usual) and cheap == usual


def test_readers_keep_up_with_the_rate() -> None:
    found = line_of(lines(), "sd-1.4", "h100", 16)
    assert found.readers is not None  # 4 ms a picture
    assert found.readers.low == pytest.approx(4e-3 / found.each.high)
    assert found.readers.high == pytest.approx(4e-3 / found.each.low)


def test_without_the_network_its_model_is_left_out_and_the_rest_stays() -> None:
    table = made.scanning()
    table = table[~table["quantity"].isin(["unet_gflop", "unet_gflops", "unet_over_product", "pass_over_calls"])]
    summary = summaries.cost_scans.summarise(Tables(made.everything() | {"scanning": table}))
    assert set(summary["lines"]) == {"sd-1.4", "sdxl"}
    assert all(math.isfinite(line.each.high) for each in summary["lines"].values() for line in each)


def test_more_calls_cost_more_and_ranges_stand_the_right_way_round() -> None:
    found = lines()
    assert len(found) == len(MODELS) * len(ACCELERATORS) * 3
    assert all(line.each.low <= line.each.high for line in found)
    for model in MODELS:
        for accelerator in ACCELERATORS:
            a, b, c = (line_of(found, model, accelerator, calls).each.low for calls in (16, 64, 130))
            assert a < b < c


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.5, 1.0, "0.5–1 s"),
        (59.0, 61.0, "59–61 s"),
        (61.0, 7200.0, "1–120 min"),
        (90_000, 180_000, "1–2.1 days"),
    ],
)
def test_a_span_of_time_has_one_unit(low: float, high: float, words: str) -> None:
    assert span(Range(low, high)) == words


@pytest.mark.slow
def test_the_models_are_as_large_as_stated() -> None:
    diffusers = pytest.importorskip("diffusers", reason="the networks are those of diffusers")
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    def gflop(network: torch.nn.Module, *x: torch.Tensor, **more: object) -> float:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            network(*x, **more)
        return counter.get_total_flops() / 1e9

    with torch.device("meta"):
        small = diffusers.UNet2DConditionModel(sample_size=64, cross_attention_dim=768)
        received = gflop(small, torch.empty(1, 4, 64, 64), torch.empty(1), torch.empty(1, 77, 768))
        assert received == pytest.approx(MODELS["sd-1.4"].gflop, rel=1e-4)
        large = diffusers.UNet2DConditionModel(
            sample_size=128,
            block_out_channels=(320, 640, 1280),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            transformer_layers_per_block=(1, 2, 10),
            attention_head_dim=(5, 10, 20),
            cross_attention_dim=2048,
            addition_embed_type="text_time",
            addition_time_embed_dim=256,
            projection_class_embeddings_input_dim=2816,
            use_linear_projection=True,
        )
        added = {"text_embeds": torch.empty(1, 1280), "time_ids": torch.empty(1, 6)}
        x = torch.empty(1, 4, 128, 128), torch.empty(1), torch.empty(1, 77, 2048)
        assert gflop(large, *x, added_cond_kwargs=added) == pytest.approx(MODELS["sdxl"].gflop, rel=1e-4)
        autoencoder = diffusers.AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=2,
            latent_channels=4,
        )
        encoder = torch.nn.Sequential(autoencoder.encoder, autoencoder.quant_conv)
        for name, side in (("sd-1.4", 512), ("sdxl", 1024)):
            assert gflop(encoder, torch.empty(1, 3, side, side)) == pytest.approx(MODELS[name].encode_gflop, rel=1e-4)
