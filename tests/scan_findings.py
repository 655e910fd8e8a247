"""Made-up findings of a scan, as those of a real one look: scores that rank, p-values from a reference, pictures."""

import base64
import io

import numpy as np
import pandas as pd
from PIL import Image

from plaplace.memorization.detection import benjamini_hochberg, p_values, verdicts
from plaplace.scan.findings import Findings, Picture, Spread

REASONS = {
    "not an image: cannot identify image file": 0.6,
    "the file is truncated (3 bytes are missing)": 0.3,
    "the network returned NaN": 0.1,
}
STATISTICS = {
    "flux_1": ("flux, p = 1", "inward flux of the score through the sphere of the level, p = 1"),
    "flux_2": ("flux, p = 2", "the same, p = 2"),
    "denoising_loss": ("denoising loss", "minus the mean squared error of the noise that the model predicts"),
    "score_norm": ("score norm at the image", "minus the norm of the predicted noise at the image itself"),
}


def png(size, seed, noise=0.0):
    """A base64 PNG: a blob that the seed places."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size
    centre, width = random.uniform(0.25, 0.75, (3, 2)), random.uniform(0.1, 0.3, 3)
    channels = [np.exp(-((x - a) ** 2 + (y - b) ** 2) / w**2) for (a, b), w in zip(centre, width, strict=True)]
    picture = np.stack(channels, -1) + noise * np.random.default_rng(seed + 1).standard_normal((size, size, 3))
    buffer = io.BytesIO()
    Image.fromarray((255 * picture.clip(0, 1)).astype(np.uint8)).save(buffer, "png")
    return base64.b64encode(buffer.getvalue()).decode()


def findings(
    total=1400,
    memorized=23,
    failed=0,
    num_reference=2000,
    reference="held-out",
    level=0.05,
    shift=0.0,
    spread=1.0,
    size=64,
    num_pictures=24,
    seed=0,
    keys=None,
    captions=None,
    reasons=None,
    **changes,
):
    """A scan of `total` images of which `memorized` have scores far above; `shift` and `spread` move the rest.

    With `reference=None` there are no p-values. `keys` and `captions` are those of the highest ranked; `reasons` in
    place of the usual ones. `changes` replace fields of the result.
    """
    random = np.random.default_rng(seed)
    scored = total - failed
    memorized = min(memorized, scored)
    null = random.standard_normal(num_reference) if reference else np.zeros(0)
    score = shift + spread * random.standard_normal(scored)
    score[:memorized] = random.normal(6.0, 0.8, memorized)
    score = np.sort(score)[::-1]
    table = pd.DataFrame({"rank": np.arange(1, scored + 1)})
    table["key"] = [f"train/{place % 10}/{place:07d}.png" for place in random.permutation(total)[:scored]]
    table.loc[: len(keys or ()) - 1, "key"] = keys or []
    table["score"], table["score_se"] = score, random.uniform(0.03, 0.12, scored)
    if reference and scored:
        p = p_values(score, null)
        table["p_value"], table["q_value"] = p, benjamini_hochberg(p)
        table["verdict"] = verdicts(score, null, level)
    else:
        table["p_value"] = table["q_value"] = np.nan
        table["verdict"] = "cannot tell"
    table["calls"] = 16
    for place, name in enumerate(STATISTICS):
        table[name] = (0.5 + 0.1 * score + 0.05 * random.standard_normal(scored)) * (-1) ** place
        table[f"{name}_se"] = random.uniform(0.002, 0.01, scored) if name != "score_norm" else np.nan
    counts = table["verdict"].value_counts()
    found = table.loc[table["verdict"] == "memorized", "score"]

    edges = np.linspace(-4, 9, 40)
    inside = np.clip(score, edges[0], edges[-1]), np.clip(null, edges[0], edges[-1])
    grid = np.arange(1, num_reference + 2) / (num_reference + 1) if reference and scored else np.zeros(0)
    ordered = np.sort(table["p_value"].to_numpy())
    drawn = np.sort(random.choice(scored, min(500, scored), replace=False))
    chosen = reasons if reasons is not None else {reason: round(part * failed) for reason, part in REASONS.items()}
    broken = [reason for reason, number in chosen.items() for _ in range(number)][:300]
    top = table.head(500)
    pictures = tuple(
        Picture(
            rank=rank + 1,
            key=top["key"][rank],
            image=png(size, rank, 0.1),
            reconstruction=png(size, rank if rank < memorized else rank + 100),
            caption=captions[rank] if captions and rank < len(captions) else f"label {rank % 10}",
            row=top.iloc[rank].to_dict(),
        )
        for rank in range(min(num_pictures, len(top)))
    )
    calls, seconds = 16 * (scored + num_reference + 200), total / 38.2
    return Findings(
        **{
            "model": "./digits-model",
            "images": "./train",
            "reference": reference,
            "score": "profile: loss split by parity, over two levels",
            "level": level,
            "total": total,
            "verdicts": {
                "memorized": int(counts.get("memorized", 0)),
                "not": int(counts.get("not", 0)),
                "cannot tell": int(counts.get("cannot tell", 0)) + failed,
            },
            "failed": failed,
            "reasons": {reason: number for reason, number in chosen.items() if number},
            "failures": pd.DataFrame(
                {"key": [f"train/broken/{place:05d}.png" for place in range(len(broken))], "reason": broken}
            ),
            "top": top,
            "sample": table.iloc[drawn].drop(columns="rank").reset_index(drop=True),
            "pictures": pictures,
            "spread": Spread(edges, *(np.histogram(each, edges)[0].astype(np.int64) for each in inside)),
            "p_values": grid,
            "share": np.searchsorted(ordered, grid * (1 + 1e-9), "right") / max(1, scored),
            "num_fit": 200 if reference else 0,
            "num_reference": num_reference if reference else 0,
            "num_reference_failed": 0,
            "threshold": float(found.min()) if len(found) else float("nan"),
            "calls": calls,
            "seconds": seconds,
            "rate": 38.2,
            "estimated_seconds": seconds * 1.08,
            "cost": {"Network": "0.82 million parameters, 28.4 ms a batch of 8", "Peak memory": "412 MB"},
            "notes": ("3 files of other kinds were left aside: .txt 2, .gif 1",),
            "settings": {"statistics": "flux_1, flux_2, denoising_loss", "calls": "16", "level": "t = 50", "seed": "0"},
            "provenance": {"plaplace": "0.1.0", "torch": "2.13.0+cpu", "model SHA-256": "3f2a" * 16},
            "command": "plaplace scan --model ./digits-model --images ./train --reference ./held-out --out ./scan",
            "statistics": STATISTICS,
        }
        | changes
    )
