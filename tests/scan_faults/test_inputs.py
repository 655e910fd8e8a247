"""Files that are no images and a network that gives NaN: rows with a reason, and the others as they were."""

from __future__ import annotations

import zlib

import numpy as np
import pandas as pd
import pytest
import torch

from plaplace import networks
from tests.scan_faults.common import asked, digits, network, png, same, wait
from tests.scan_processes import begin, finish, scan

pytestmark = pytest.mark.slow


def bomb():
    """A PNG file that says it has 60,000 x 60,000 pixels."""
    head = b"IHDR" + (60_000).to_bytes(4, "big") * 2 + bytes((8, 0, 0, 0, 0))
    content = png(np.zeros((8, 8), np.uint8))
    return content[:12] + head + zlib.crc32(head).to_bytes(4, "big") + content[33:]


CORRUPTIONS = (
    lambda content, rng: content[: rng.integers(1, len(content) // 2)],
    lambda content, rng: b"",
    lambda content, rng: rng.bytes(100),
    lambda content, rng: bomb(),
    lambda content, rng: b"<html>404 Not Found</html>",
    lambda content, rng: content[:8] + rng.bytes(len(content) - 8),
    lambda content, rng: png(rng.integers(256, size=(100, 100), dtype=np.uint8))[:-1000],
)


def test_a_thousand_corrupted_files_among_ten_thousand(root, tmp_path):
    rng, bad = np.random.default_rng(0), set()
    corrupted = set(rng.choice(10_000, 1000, replace=False).tolist())
    for number, image in enumerate(digits(10_000, 3)):
        content, name = png(image), f"{number:05d}.png"
        for folder in ("all", "good"):
            (tmp_path / folder).mkdir(exist_ok=True)
        if number in corrupted:
            content = CORRUPTIONS[number % len(CORRUPTIONS)](content, rng)
            bad.add(name)
        else:
            (tmp_path / "good" / name).write_bytes(content)
        (tmp_path / "all" / name).write_bytes(content)
    arguments = [*asked(root, tmp_path / "whole"), "--calls", 12, "--batch-size", 64, "--images", tmp_path / "all"]
    code, said = scan(arguments, tmp_path / "log")
    assert code == 3 and "1,000 could not be read or scored" in said, said
    table = pd.read_parquet(tmp_path / "whole" / "scores.parquet")
    assert table["index"].tolist() == list(range(10_000)) and table.key.is_unique
    assert set(table.key[table.reason != ""]) == bad
    failed = table[table.reason != ""]
    assert failed.score.isna().all() and (failed.verdict == "cannot tell").all() and (failed.calls == 0).all()
    assert failed.reason.str.len().max() <= 300 and failed.reason.map(str.isprintable).all()
    assert failed.reason.str.contains("decompression bomb", regex=False).sum() >= 100

    code, said = scan([*arguments, "--images", tmp_path / "good", "--out", tmp_path / "without"], tmp_path / "log")
    assert code == 0, said
    alone = pd.read_parquet(tmp_path / "without" / "scores.parquet").set_index("key")
    beside = table[table.reason == ""].set_index("key")
    for column in ("score", "flux_1", "p_value"):  # batches are cut elsewhere, so to rounding
        np.testing.assert_allclose(beside[column], alone[column], rtol=1e-3, atol=2e-3, err_msg=column)

    arguments += ["--out", tmp_path / "out"]
    process = begin(arguments, tmp_path / "log")
    wait(process, tmp_path / "out", 5)
    process.kill()
    finish(process)
    assert scan([*arguments, "--resume"], tmp_path / "log")[0] == 3
    same(tmp_path / "out", tmp_path / "whole")


def overflowing():
    """A network whose answer is NaN where the image is bright, and that of `harmless` elsewhere, to the bit."""
    found = network()
    with torch.no_grad():
        found.enter.weight[0], found.enter.bias[0] = 1 / 64, 0.0
        block = found.blocks[0]
        for rows in (0, 64):  # scale and shift of the unit
            block.modulation.weight[rows], block.modulation.bias[rows] = 0.0, 0.0
        block.first.weight[0], block.first.bias[0] = 0.0, -1e29
        block.first.weight[0, 0] = 1e30
        block.second.weight[:, 0] = 1e30
    return found


def harmless():
    found = overflowing()
    with torch.no_grad():
        found.blocks[0].second.weight[:, 0] = 0.0
    return found


def test_network_that_gives_nan(root, tmp_path):
    networks.save(overflowing(), tmp_path / "overflowing")
    networks.save(harmless(), tmp_path / "harmless")
    images, bright = digits(400, 4) // 4, np.arange(400) % 7 == 3
    images[bright] = 255 - images[bright]
    np.save(tmp_path / "images.npy", images)
    np.save(tmp_path / "reference.npy", digits(100, 5) // 4)
    arguments = ["--reference", tmp_path / "reference.npy", "--images", tmp_path / "images.npy", "--batch-size", 8]
    tables = {}
    for name, expected in (("harmless", 0), ("overflowing", 3)):
        code, said = scan(["--model", tmp_path / name, "--out", tmp_path / f"of-{name}", *arguments], tmp_path / "log")
        assert code == expected, said
        tables[name] = pd.read_parquet(tmp_path / f"of-{name}" / "scores.parquet")
    assert "could not be read or scored" in said
    table, other = tables["overflowing"], tables["harmless"]
    assert ((table.reason != "") == bright).all()
    assert table.reason[bright].str.fullmatch(r"the network's answer is not finite in \d+ of \d+ calls").all()
    assert (table.nonfinite[bright] > 0).all() and table.score[bright].isna().all()
    assert (table.verdict[bright] == "cannot tell").all()
    columns = ["key", "score", "score_se", "flux_1", "flux_1_se", "flux_2", "denoising_loss", "calls", "nonfinite"]
    pd.testing.assert_frame_equal(table[~bright][columns], other[~bright][columns], check_exact=True)
