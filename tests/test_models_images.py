"""Images of every kind become the points that their pixels say; what is no image is refused."""

import struct
import warnings
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from plaplace.models import ImageSpace
from plaplace.models.images import each_image, open_image
from tests.small_networks import generator

COLOUR, GREY = ImageSpace(3, (6, 5)), ImageSpace(1, (6, 5))
PIXELS = np.random.default_rng(0).integers(0, 256, (6, 5, 3), dtype=np.uint8)
POINTS = torch.from_numpy(PIXELS.copy()).permute(2, 0, 1)[None] / 127.5 - 1  # what COLOUR makes of them


def same(points, wanted, places=0.0):
    torch.testing.assert_close(points, wanted, rtol=0, atol=places + 1e-6)


@pytest.fixture
def picture(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    return tmp_path / "a.png"


# --- the same pixels, however they are given


KINDS = {
    "PIL": lambda: Image.fromarray(PIXELS),
    "uint8 last": lambda: PIXELS,
    "float last": lambda: PIXELS / 255,
    "float32 last": lambda: PIXELS.astype(np.float32) / 255,
    "another byte order": lambda: (PIXELS / 255).astype(">f8"),
    "a batch": lambda: PIXELS[None],
    "opaque": lambda: np.concatenate([PIXELS, np.full((6, 5, 1), 255, np.uint8)], 2),
    "a view with negative strides": lambda: PIXELS[::-1, ::-1].copy()[::-1, ::-1],
    "a read-only array": lambda: np.asarray(Image.fromarray(PIXELS)),
    "torch uint8 first": lambda: torch.tensor(PIXELS).permute(2, 0, 1),
    "torch float first": lambda: torch.tensor(PIXELS).permute(2, 0, 1) / 255,
    "torch double": lambda: torch.tensor(PIXELS).permute(2, 0, 1).double() / 255,
    "torch with a graph": lambda: (torch.tensor(PIXELS).permute(2, 0, 1) / 255).requires_grad_(),
    "a list": lambda: [PIXELS],
    "a tuple of a list": lambda: ([Image.fromarray(PIXELS)],),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_pixels_are_the_same_point(kind):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        points = COLOUR.encode(KINDS[kind]())
    assert points.dtype == torch.float32 and not points.requires_grad
    same(points, POINTS)


def test_files_and_mixed_lists(picture):
    given = [
        picture,
        str(picture),
        Image.fromarray(PIXELS),
        PIXELS,
        torch.tensor(PIXELS).permute(2, 0, 1),
        PIXELS[None],
    ]
    same(COLOUR.encode(given), POINTS.expand(6, -1, -1, -1))
    same(COLOUR.encode(np.stack([PIXELS, 255 - PIXELS])), torch.cat([POINTS, -POINTS]))


def test_what_was_given_is_not_changed():
    given, tensor = PIXELS / 255, torch.rand(1, 3, 6, 5, generator=generator(0))
    before, kept = given.copy(), tensor.clone()
    COLOUR.encode(given)
    COLOUR.encode(tensor)
    assert np.array_equal(given, before) and torch.equal(tensor, kept)


def test_eight_bits_do_not_wrap_around():
    steps = np.arange(256, dtype=np.uint8).reshape(16, 16)
    points = ImageSpace(1, (16, 16)).encode(steps).flatten()
    same(points, torch.arange(256) / 127.5 - 1)
    assert points[0] == -1 and points[255] == 1 and bool((points.diff() > 0).all())


# --- modes of PIL


MODES = {
    # a colour in a mode -> the grey or colour it is on white
    "1": (Image.new("1", (5, 6), 1), (255, 255, 255)),
    "L": (Image.new("L", (5, 6), 51), (51, 51, 51)),
    "LA": (Image.new("LA", (5, 6), (0, 51)), (204, 204, 204)),
    "RGB": (Image.new("RGB", (5, 6), (10, 20, 30)), (10, 20, 30)),
    "RGBX": (Image.new("RGBX", (5, 6), (10, 20, 30, 0)), (10, 20, 30)),
    "RGBA": (Image.new("RGBA", (5, 6), (255, 0, 0, 51)), (255, 204, 204)),
    "RGBA clear": (Image.new("RGBA", (5, 6), (0, 0, 0, 0)), (255, 255, 255)),
    "CMYK": (Image.new("CMYK", (5, 6), (0, 255, 255, 0)), (255, 0, 0)),
    "YCbCr": (Image.new("YCbCr", (5, 6), (100, 128, 128)), (100, 100, 100)),
    "HSV": (Image.new("HSV", (5, 6), (0, 255, 200)), (200, 0, 0)),
}


@pytest.mark.parametrize("mode", MODES)
def test_modes_of_pil(mode):
    image, colour = MODES[mode]
    want = torch.tensor(colour) / 127.5 - 1
    same(COLOUR.encode(image), want[None, :, None, None].expand(1, 3, 6, 5), places=1.01 / 127.5)  # PIL rounds once
    luma = (want * torch.tensor([0.299, 0.587, 0.114])).sum()
    same(GREY.encode(image), luma.expand(1, 1, 6, 5), places=1.01 / 127.5)


def test_a_palette_with_and_without_transparency(tmp_path):
    image = Image.new("P", (5, 6), 1)
    image.putpalette([0, 0, 0, 200, 100, 50])
    colour = torch.tensor([200, 100, 50])[None, :, None, None].expand(1, 3, 6, 5) / 127.5 - 1
    same(COLOUR.encode(image), colour)
    image.save(tmp_path / "clear.png", transparency=1)
    same(COLOUR.encode(tmp_path / "clear.png"), torch.ones(1, 3, 6, 5))
    image.save(tmp_path / "other.png", transparency=0)
    same(COLOUR.encode(tmp_path / "other.png"), colour)


def test_opacity_of_arrays_is_laid_on_white_too():
    clear = np.zeros((6, 5, 4), np.uint8)
    same(COLOUR.encode(clear), torch.ones(1, 3, 6, 5))
    half = torch.tensor([1.0, 0.0, 0.0, 0.25])[:, None, None].expand(4, 6, 5)
    same(COLOUR.encode(half), torch.tensor([1.0, 0.5, 0.5])[None, :, None, None].expand(1, 3, 6, 5))


@pytest.mark.parametrize("mode", ["I", "F", "I;16", "I;16L", "I;16B", "I;16N", "LAB", "RGBa"])
def test_other_modes_are_refused(mode):
    with pytest.raises(ValueError, match=f"a PIL image of mode {mode} was given; accepted are 8-bit images"):
        COLOUR.encode(Image.new(mode, (5, 6)))


# --- grey and colour


def test_grey_is_as_pil_has_it_and_colour_repeats_it():
    want = torch.from_numpy(np.array(Image.fromarray(PIXELS).convert("L")))[None, None] / 127.5 - 1
    same(GREY.encode(PIXELS), want, places=0.51 / 127.5)  # PIL rounds to whole numbers
    same(GREY.encode(PIXELS[:, :, 0]), POINTS[:, :1])
    same(COLOUR.encode(PIXELS[:, :, :1]), POINTS[:, :1].expand(1, 3, 6, 5))


# --- what is refused


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (np.full((6, 5), 1.5), r"values from 1.5 to 1.5 was given; accepted are floats in \[0, 1\]"),
        (np.full((6, 5), -0.1), "values from -0.1 to -0.1"),
        (np.full((6, 5), np.nan), "values from nan to nan"),
        (torch.full((3, 6, 5), float("inf")), "values from inf to inf"),
        (PIXELS.astype(np.int64), r"torch.int64 was given; accepted are uint8 \(0..255\) and floats in \[0, 1\]"),
        (PIXELS.astype(np.uint16), "torch.uint16 was given"),
        (PIXELS > 3, "torch.bool was given"),
        (np.array([["a"]]), "an image of <U1 was given"),
        (np.array([[None]]), "an image of object was given"),
        (
            PIXELS.transpose(2, 0, 1),
            r"shape \(3, 6, 5\) was given; accepted is \(H, W\), \(H, W, C\) or \(N, H, W, C\)",
        ),
        (torch.tensor(PIXELS), r"shape \(6, 5, 3\) was given; accepted is \(H, W\), \(C, H, W\) or \(N, C, H, W\)"),
        (torch.zeros(2, 2, 6, 5), r"shape \(2, 2, 6, 5\) was given; .* with 1, 3 or 4 channels"),
        (torch.zeros(1, 1, 3, 6, 5), r"shape \(1, 1, 3, 6, 5\) was given"),
        (torch.zeros(0, 3, 6, 5), r"shape \(0, 3, 6, 5\) was given"),
        (np.zeros((0, 5), np.uint8), r"shape \(0, 5\) was given"),
        (torch.zeros(()), r"shape \(\) was given"),
        ([], "no image was given; accepted is one or more"),
        (None, "an image of type NoneType was given; accepted are PIL images, numpy arrays, torch tensors, paths"),
        ([3], "an image of type int was given"),
        (b"bytes", r"the image file is not a readable image \(cannot identify image file\)"),
    ],
)
def test_what_is_no_image_is_refused(given, says):
    with pytest.raises(ValueError, match=says):
        COLOUR.encode(given)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"channels": 2}, "channels = 2 was given; accepted are 1 and 3"),
        ({"fit": "pad"}, "fit = 'pad' was given; accepted are 'crop', 'stretch', 'refuse'"),
        ({"size": 8}, r"size = 8 was given; accepted is \(H, W\)"),
        ({"size": (0, 4)}, r"size = \(0, 4\) was given; accepted is \(H, W\)"),
    ],
)
def test_a_space_that_is_none_is_refused(options, says):
    with pytest.raises(ValueError, match=says):
        ImageSpace(**{"channels": 3, "size": (4, 4), **options})


def bomb(width, height):
    """A PNG of a hundred bytes that says it is that large."""

    def part(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", zlib.compress(bytes(99))) + part(b"IEND", b"")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [8001, 10_000, 20_000, 2**31 - 1])
def test_a_decompression_bomb_is_refused_before_it_is_unpacked(tmp_path, side, monkeypatch):
    (tmp_path / "bomb.png").write_bytes(bomb(side, side))
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("it was unpacked"))
    with pytest.raises(ValueError, match=r"bomb.png is not a readable image \(.*pixels"):
        COLOUR.encode(tmp_path / "bomb.png")


def test_the_bound_is_a_number_of_pixels(picture):
    assert open_image(picture, max_pixels=30).size == (5, 6)
    with pytest.raises(ValueError, match=r"5 x 6 pixels; accepted are at most 29"):
        open_image(picture, max_pixels=29)


def test_the_bytes_of_a_file_are_as_good_as_the_file(picture):
    assert torch.equal(COLOUR.encode(picture.read_bytes()), COLOUR.encode(picture))


def test_files_that_are_no_images_are_refused(picture, tmp_path):
    whole = picture.read_bytes()
    for name, data in (("cut.png", whole[:-30]), ("empty.png", b""), ("text.png", b"not an image" * 9)):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ValueError, match=f"{name} is not a readable image"):
            COLOUR.encode(tmp_path / name)
    with pytest.raises(FileNotFoundError, match=r"missing\.png does not exist"):
        COLOUR.encode(tmp_path / "missing.png")


def test_each_image_is_one_at_a_time():
    images = each_image([PIXELS, [PIXELS[:, :, :1], PIXELS]])
    assert [tuple(image.shape) for image in images] == [(3, 6, 5), (1, 6, 5), (3, 6, 5)]


def test_a_picture_is_read_as_the_camera_was_held(tmp_path):
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40
    image, exif = Image.fromarray(pixels), Image.Exif()
    exif[0x0112] = 6  # orientation: turn by 90 degrees clockwise to see it upright
    image.save(tmp_path / "turned.png", exif=exif)
    (seen,) = each_image(tmp_path / "turned.png")
    assert torch.equal((seen[0] * 255).round().to(torch.uint8), torch.from_numpy(np.rot90(pixels, -1).copy()))


def test_postscript_is_refused_whatever_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *_, **__: pytest.fail("Ghostscript was started"))
    (tmp_path / "picture.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"
    )
    with pytest.raises(ValueError, match="is not a readable image"):
        open_image(tmp_path / "picture.png")
