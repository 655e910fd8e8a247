"""Named pictures from a folder: what is read, how it looks on white, and what is refused."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from plaplace.networks import emoji
from tests.emoji_folder import entry, package, small_package


def test_pictures_lie_on_white_and_are_reduced_by_block_means(tmp_path):
    pixels = np.zeros((64, 64, 4), dtype=np.uint8)  # transparent black: white
    pixels[:8, :8] = (255, 0, 0, 255)
    pixels[:8, 8:16] = (0, 0, 0, 51)  # a fifth of black: 0.8, which is 0.6 in [-1, 1]
    pixels[:4, 16:24] = (0, 0, 255, 255)  # half a block at size 8
    found = emoji.pictures(package(tmp_path, [entry("X")], {"X": pixels}), 8, None)
    expected = torch.ones(3, 8, 8)
    expected[:, 0, 0] = torch.tensor([1.0, -1.0, -1.0])
    expected[:, 0, 1] = 0.6
    expected[:, 0, 2] = torch.tensor([0.0, 0.0, 1.0])
    assert found.images.dtype == torch.float32
    # float32 means of 64 numbers in [0, 1]
    torch.testing.assert_close(found.images[0], expected, rtol=0, atol=2e-6)


def test_captions_are_the_base_emoji_in_lower_case(tmp_path):
    entries = [
        entry("GRINNING FACE", category="Smileys & Emotion"),
        entry("Bolivia Flag", category="Flags"),
        entry("EMOJI MODIFIER", category="Component"),
        entry("MAN COOK", unified="1F468-200D-1F373"),
        entry("NOT DRAWN", has_img_google=False),
        entry("KEYCAP"),
    ]
    found = emoji.pictures(package(tmp_path, entries), 32, None)
    assert found.captions == ["grinning face", "keycap"]
    assert found.categories == ["Smileys & Emotion", "Objects"]
    assert found.images.shape == (2, 3, 32, 32)


def test_digest_is_that_of_names_and_pixels_whatever_the_size(tmp_path):
    entries = [entry("A"), entry("B")]
    first = emoji.pictures(package(tmp_path, entries), 8, None).sha256
    assert emoji.pictures(tmp_path, 64, sha256=first).sha256 == first
    renamed = [entry("A"), entry("C", image="b.png")]
    (tmp_path / "emoji.json").write_text(json.dumps(renamed))
    assert emoji.pictures(tmp_path, 8, None).sha256 != first
    package(tmp_path, entries, {"B": np.zeros((64, 64, 4), dtype=np.uint8)})
    assert emoji.pictures(tmp_path, 8, None).sha256 != first


def test_another_digest_is_refused(tmp_path):
    package(tmp_path, [entry("A")])
    with pytest.raises(ValueError, match=f"have the SHA-256 [0-9a-f]{{64}}; accepted is {emoji.GOOGLE_16}"):
        emoji.pictures(tmp_path, 8)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"name": "A"}, "holds dict; accepted is a list"),
        ([{"name": "A"}], "accepted are entries with name, category, image, unified, has_img_google"),
        ([entry("A", image="../../../secret.png")], "accepted are names such as 1f600.png"),
        ([entry("A", image="/etc/passwd")], "accepted are names such as 1f600.png"),
        ([entry("A"), entry("a", image="b.png")], "has 2 base emoji of 1 names"),
        ([entry("A", category="Flags")], "has 0 base emoji"),
    ],
)
def test_malformed_lists_are_refused(tmp_path, entries, message):
    (tmp_path / "emoji.json").write_text(json.dumps(entries))
    with pytest.raises(ValueError, match=message):
        emoji.pictures(tmp_path, 8, None)


def test_what_is_no_picture_of_64_pixels_is_refused(tmp_path):
    folder = package(tmp_path, [entry("A")])
    file = folder / "img" / "google" / "64" / "a.png"
    Image.new("RGBA", (65, 64)).save(file)
    with pytest.raises(ValueError, match=r"a\.png is not a readable picture \(65 x 64 pixels; accepted are 64 x 64\)"):
        emoji.pictures(folder, 8, None)
    Image.new("RGB", (64, 64)).save(file, format="BMP")
    with pytest.raises(ValueError, match="not a readable picture"):
        emoji.pictures(folder, 8, None)
    file.write_bytes(file.read_bytes()[:50])
    with pytest.raises(ValueError, match="not a readable picture"):
        emoji.pictures(folder, 8, None)
    file.unlink()
    with pytest.raises(FileNotFoundError, match=r"a\.png does not exist; `make emoji` fetches"):
        emoji.pictures(folder, 8, None)


def test_size_and_json_are_checked(tmp_path):
    small_package(tmp_path, 2)
    with pytest.raises(ValueError, match="size = 48 was given; accepted are 8, 16, 32, 64"):
        emoji.pictures(tmp_path, 48, None)
    (tmp_path / "emoji.json").write_text("[")
    with pytest.raises(ValueError, match="not readable JSON"):
        emoji.pictures(tmp_path, 8, None)


def test_copy_ratio_compares_with_the_nearest_other_picture():
    images = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 10.0]]).reshape(3, 2, 1, 1)
    samples = torch.tensor([[0.0, 0.0], [3.0, 3.0], [0.0, 0.0]]).reshape(3, 2, 1, 1)
    ratios = emoji.copy_ratio(samples, images, [0, 1, 1])
    expected = torch.tensor([0.0, 1 / 18**0.5, torch.inf])
    torch.testing.assert_close(ratios, expected)
