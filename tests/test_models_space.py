"""Sizes as PIL scales them, pixels and latents there and back, against an autoencoder called by hand."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from plaplace.models import ImageSpace, LatentSpace
from tests.small_networks import generator

COLOUR, GREY = ImageSpace(3, (6, 5)), ImageSpace(1, (6, 5))
PIXELS = np.random.default_rng(0).integers(0, 256, (6, 5, 3), dtype=np.uint8)
POINTS = torch.from_numpy(PIXELS.copy()).permute(2, 0, 1)[None] / 127.5 - 1  # what COLOUR makes of them


def same(points, wanted, places=0.0):
    torch.testing.assert_close(points, wanted, rtol=0, atol=places + 1e-6)


# --- sizes


SMOOTH = torch.nn.functional.interpolate(
    torch.rand(1, 3, 4, 5, generator=generator(1)), (37, 61), mode="bilinear", align_corners=True
)[0]


def by_channel(image, change):
    """A change by PIL on each channel of an image (C, H, W), in floating point."""
    return torch.stack([torch.from_numpy(np.array(change(Image.fromarray(part.numpy())))) for part in image])


@pytest.mark.parametrize("size", [(16, 16), (20, 9), (9, 20), (80, 70), (37, 20), (1, 1)])
def test_another_size_is_scaled_as_pil_scales(size):
    cropped = by_channel(SMOOTH, lambda i: ImageOps.fit(i, size[::-1], Image.Resampling.LANCZOS, centering=(0.5, 0.5)))
    stretched = by_channel(SMOOTH, lambda i: i.resize(size[::-1], Image.Resampling.LANCZOS))
    same(ImageSpace(3, size, low=0.0).encode(SMOOTH)[0], cropped.clamp(0, 1), places=1e-5)
    same(ImageSpace(3, size, low=0.0, fit="stretch").encode(SMOOTH)[0], stretched.clamp(0, 1), places=1e-5)
    # the eight-bit image by PIL alone: rounded at both passes
    eight = (SMOOTH * 255).round().byte()
    fitted = ImageOps.fit(Image.fromarray(eight.permute(1, 2, 0).numpy()), size[::-1], Image.Resampling.LANCZOS)
    want = torch.from_numpy(np.array(fitted)).permute(2, 0, 1) / 255
    same(ImageSpace(3, size, low=0.0).encode(eight)[0], want, places=2.5 / 255)


def test_the_centre_is_cut_out():
    stripes = np.zeros((4, 12), np.uint8)
    stripes[:, 4:8] = 255
    assert bool((ImageSpace(1, (4, 4)).encode(stripes) == 1).all())
    assert bool((ImageSpace(1, (4, 4)).encode(stripes.T.copy()) == 1).all())


def test_scaling_does_not_leave_the_range():
    edges = torch.zeros(1, 8, 8)
    edges[:, 3:5] = 1
    for size in ((5, 5), (30, 30)):  # Lanczos overshoots at an edge
        points = ImageSpace(1, size).encode(edges)
        assert points.min() == -1 and points.max() <= 1


def test_the_size_itself_is_left_alone_and_images_of_one_list_may_differ():
    both = COLOUR.encode([PIXELS, np.full((30, 30, 3), 255, np.uint8), np.full((2, 2), 255, np.uint8)])
    same(both[:1], POINTS)
    same(both[1:], torch.ones(2, 3, 6, 5))


def test_refusing_another_size():
    space = ImageSpace(3, (6, 5), fit="refuse")
    same(space.encode(PIXELS), POINTS)
    with pytest.raises(ValueError, match="an image of 5 x 6 was given; accepted is 6 x 5"):
        space.encode(PIXELS.transpose(1, 0, 2))


# --- and back


@pytest.mark.parametrize("ends", [(-1.0, 1.0), (0.0, 1.0), (0.0, 255.0), (1.0, -1.0)])
def test_decoding_gives_the_image_back(ends):
    space = ImageSpace(3, (6, 5), low=ends[0], high=ends[1])
    points = space.encode(PIXELS)
    assert points.min() >= min(ends) and points.max() <= max(ends)
    image = space.decode(points)
    assert np.array_equal((image[0] * 255).round().byte().permute(1, 2, 0).numpy(), PIXELS)
    outside = space.decode(torch.cat([points * 3, points.double() * -3]))
    assert outside.dtype == torch.float32 and outside.min() >= 0 and outside.max() <= 1


# --- latents


def latents(chunk=8, shape=(1, 3, 3)):
    """An encoder by hand: mean = the means of 2 x 2 pixels, deviation = 0.1 + mean^2; an inverse that repeats."""

    def posterior(pixels):
        mean = torch.nn.functional.avg_pool2d(pixels, 2)
        return mean, 0.1 + mean.square()

    pixels = ImageSpace(1, (2 * shape[1], 2 * shape[2]))
    return LatentSpace(pixels, posterior, lambda z: z.repeat_interleave(2, 2).repeat_interleave(2, 3), 1.5, 0.25, chunk)


IMAGES = torch.rand(5, 1, 6, 6, generator=generator(2))


def test_scaling_and_shift_are_applied_on_the_way_in_and_undone_on_the_way_out():
    mean = torch.nn.functional.avg_pool2d(2 * IMAGES - 1, 2)
    z = latents().encode(IMAGES)
    same(z, (mean - 0.25) * 1.5)
    same(latents().decode(z), ((mean + 1) / 2).repeat_interleave(2, 2).repeat_interleave(2, 3))
    assert not z.requires_grad


def test_chunks_are_the_same_as_all_at_once():
    for sample in (False, True):
        wanted = latents(chunk=8).encode(IMAGES, sample, generator(3))
        for chunk in (1, 2, 3):
            assert torch.equal(latents(chunk).encode(IMAGES, sample, generator(3)), wanted)
            assert torch.equal(latents(chunk).decode(wanted), latents(8).decode(wanted))


def test_samples_have_the_moments_of_the_encoder():
    # 4,000 draws, each of 9 means within 5 standard errors: false alarm 5e-6; so each variance
    number = 4000
    mean = torch.nn.functional.avg_pool2d(2 * IMAGES[:1] - 1, 2)
    deviation = 1.5 * (0.1 + mean.square())
    draws = latents(chunk=100).encode(IMAGES[:1].expand(number, -1, -1, -1), sample=True, generator=generator(4))
    error = (draws.mean(0, keepdim=True) - (mean - 0.25) * 1.5) / deviation
    assert error.abs().max() < 5 / number**0.5
    assert (draws.var(0, keepdim=True) / deviation.square() - 1).abs().max() < 5 * (2 / number) ** 0.5
    assert not torch.equal(draws[0], draws[1])


def test_a_seed_gives_the_same_sample_and_the_mean_takes_no_numbers():
    space, g = latents(), generator(5)
    first, second = (space.encode(IMAGES, sample=True, generator=generator(6)) for _ in range(2))
    assert torch.equal(first, second)
    before = g.get_state()
    space.encode(IMAGES, generator=g)
    assert torch.equal(g.get_state(), before)


def test_autoencoders_of_diffusers():
    tiny = pytest.importorskip("tests.tiny_pipelines")
    from plaplace.models.pipelines.parts import autoencoder_space, quantised_space

    vae = tiny.autoencoder(scaling_factor=1.5305, shift_factor=0.0609)
    images = torch.rand(3, 3, 8, 8, generator=generator(7))
    space = autoencoder_space(vae, (4, 4), None)
    assert space.pixels.size == (8, 8)
    gaussian = vae.encode(2 * images - 1).latent_dist
    z = space.encode(images)
    same(z, (gaussian.mean - 0.0609) * 1.5305)
    same(space.decode(z), (vae.decode(gaussian.mean).sample / 2 + 0.5).clamp(0, 1), places=1e-5)
    noise = torch.stack([torch.randn(4, 4, 4, generator=g) for g in [generator(8)] for _ in range(3)])
    drawn = space.encode(images, sample=True, generator=generator(8))
    same(drawn, (gaussian.mean + gaussian.std * noise - 0.0609) * 1.5305)

    vq = tiny.vq_autoencoder(scaling_factor=0.5)
    space = quantised_space(vq, (4, 4), None)
    z = space.encode(images)
    same(z, vq.encode(2 * images - 1).latents * 0.5)
    assert torch.equal(space.encode(images, sample=True, generator=generator(9)), z)  # nothing to draw
    same(space.decode(z), (vq.decode(z / 0.5).sample / 2 + 0.5).clamp(0, 1), places=1e-5)


def test_an_autoencoder_with_statistics_of_its_own_is_refused():
    tiny = pytest.importorskip("tests.tiny_pipelines")
    from plaplace.models.pipelines.parts import autoencoder_space

    with pytest.raises(ValueError, match="latents_mean or latents_std; accepted are scaling_factor and shift_factor"):
        autoencoder_space(tiny.autoencoder(latents_mean=(0.1, 0.2, 0.3, 0.4)), (4, 4), None)
