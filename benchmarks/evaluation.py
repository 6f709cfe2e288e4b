"""Run every model of a folder, and every shipped net, through its verb: ``python -m benchmarks.evaluation DATA OUT``.

DATA holds ``onnx/`` (files as they are found in the wild, no manifests), ``eval/set5`` and ``eval/bsds-dev``.
OUT/index.html shows what went in, what came out, what was found out about each file, and a verdict by number where
there is one; a file that is no model must be refused with a reason. The exit code is 1 if anything is not as it should.
"""

from __future__ import annotations

import argparse
import html
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import skimage.data

import imgedit as ie
from imgedit import io, models

# What the page tells of a manifest.
FACTS = {"task", "family", "range", "output_range", "layout", "scale", "fixed_size", "multiple_of", "overlap", "tiling"}

# Mean and deviation of the training set (MNIST), which the file does not say.
NORMALISED = {"bvae_encoder": {"mean": (0.1307,), "std": (0.3081,)}}

# Public figures for Set5, BT.601 luma, to hold a net against: bicubic must come out as published.
BICUBIC = {2: 33.66, 3: 30.39, 4: 28.42}


HEAD = """<!doctype html><meta charset=utf-8><title>Models</title><style>
body { font: 15px sans-serif; margin: 2em; max-width: 1400px }
figure { display: inline-block; margin: 4px }
img { max-width: 420px; display: block }
.bad { color: #b00 }
h2 { margin-bottom: 0 }
small { color: #666 }
</style><h1>Every model through its verb</h1>"""


@dataclass
class Row:
    """What one model did."""

    name: str
    verb: str
    verdict: str
    good: bool = True
    facts: dict[str, Any] = field(default_factory=dict)
    pictures: dict[str, np.ndarray] = field(default_factory=dict)


def photos(data: Path) -> list[np.ndarray]:
    """Photos that no net was trained on."""
    found = sorted((data / "eval/bsds-dev").glob("*.jpg"))[:2]
    return [skimage.data.astronaut(), *map(ie.read, found)]


def set5_psnr(data: Path, enlarge: Callable[[np.ndarray], np.ndarray], scale: int) -> float:
    """Mean PSNR over Set5 by the protocol of the published tables."""
    figures = []
    for path in sorted((data / "eval/set5").iterdir()):
        whole = ie.to_pil(ie.read(path)).convert("RGB")
        whole = whole.crop((0, 0, whole.width // scale * scale, whole.height // scale * scale))
        small = np.asarray(whole.resize((whole.width // scale, whole.height // scale), 3))  # 3: bicubic
        planes = [
            16 + 219 * ie.luma(ie.to_float(np.asarray(image)), standard="bt601").astype(float)
            for image in (enlarge(small), whole)
        ]
        gap = (planes[0] - planes[1])[scale:-scale, scale:-scale]
        figures.append(10 * np.log10(255**2 / np.mean(gap**2)))
    return float(np.mean(figures))


def bicubic(scale: int) -> Callable[[np.ndarray], np.ndarray]:
    """Pillow's, which is MATLAB's."""
    return lambda small: np.asarray(ie.to_pil(small).resize((small.shape[1] * scale, small.shape[0] * scale), 3))


def run_superres(manifest: models.Manifest, model: str, data: Path) -> Row:
    scale = manifest.scale
    if scale not in BICUBIC:
        raise ValueError(f"no figures for x{scale}")
    got = set5_psnr(data, lambda small: ie.upscale(small, scale, model=model, device="cpu"), scale)
    base = set5_psnr(data, bicubic(scale), scale)
    # Nets trained for sharpness, not for this figure, may lie below: only far below is an error of ours.
    good = abs(base - BICUBIC[scale]) < 0.05 and got > base - 2
    crop = photos(data)[0][60:160, 170:290]
    big = ie.upscale(crop, scale, model=model, device="cpu")
    return Row(
        manifest.name,
        f"upscale(photo, {scale})",
        f"Set5 x{scale}: {got:.2f} dB; bicubic {base:.2f} dB",
        good,
        pictures={"bicubic": bicubic(scale)(crop), "upscale": big},
    )


def run_style(manifest: models.Manifest, model: str, data: Path) -> Row:
    style, how = _style(manifest, model, data)
    pictures = {}
    moved = []
    for index, photo in enumerate(photos(data)):
        art = ie.stylize(photo, style, **how)
        pictures |= {f"photo {index + 1}": photo, f"stylize {index + 1}": art}
        moved.append(float(np.abs(art.astype(float) - photo).mean()))
        # A painting is neither flat nor noise: what it is of is still there.
        coarse = [ie.blur(ie.luma(ie.to_float(image)), radius=4).ravel() for image in (art, photo)]
        moved.append(float(np.corrcoef(*coarse)[0, 1]))
    pictures["keep_color='luma'"] = ie.stylize(photos(data)[0], style, keep_color="luma", **how)
    changed, kept = np.mean(moved[::2]), np.mean(moved[1::2])
    verdict = f"changes pixels by {changed:.0f} levels; coarse lightness correlates with the photo's by {kept:.2f}"
    return Row(manifest.name, "stylize(photo, model)", verdict, bool(changed > 4 and kept > 0.3), pictures=pictures)


def _style(manifest: models.Manifest, model: str, data: Path) -> tuple[Any, dict[str, Any]]:
    """A style that a net can paint in, and how it is asked."""
    how: dict[str, Any] = {"device": "cpu", "model": model}
    if manifest.family in ("pair", "gatys"):
        painting = ie.read(sorted((data / "train/paintings").glob("*great_wave*"))[0])
        fewer = {"method": "gatys", "iterations": 30, "size": 256} if manifest.family == "gatys" else {}
        return painting, how | fewer
    return (manifest.classes[0], how) if manifest.classes else (model, {"device": "cpu"})


def run_generator(manifest: models.Manifest, model: str, data: Path) -> Row:
    del data
    net = models.load(model, device="cpu")
    made = ie.sample(net, seeds=range(32))
    alone = ie.sample(net, seeds=[7])[0]
    way = ie.interpolate(net, [1, 2, 3, 1], frames=16, how="slerp" if manifest.task == "gan" else "lerp")
    found = []
    for seed in range(100, 110):
        picture = ie.sample(net, seeds=seed)[0]
        again = ie.decode(ie.project(picture, net, seed=1), net)[0]
        found.append(min(99.0, ie.psnr(picture, again)))
    near = sum(value >= 25 for value in found)
    distinct = float(np.std(made.astype(float), axis=0).mean())
    good = near >= 8 and np.array_equal(alone, made[7]) and distinct > 2
    verdict = f"inverted to 25 dB or more: {near} of 10 (median {np.median(found):.0f} dB); seed 7 is one picture"
    return Row(
        manifest.name,
        "sample, interpolate, project",
        verdict,
        bool(good),
        pictures={"seeds 0-31": _shown(ie.grid(made, columns=8)), "1 to 2 to 3 to 1": _shown(ie.grid(way, columns=8))},
    )


def run_encoder(manifest: models.Manifest, model: str, data: Path) -> Row:
    decoder = next(Path(model).parent.glob(Path(model).name.replace("encoder", "decoder")), None)
    if decoder is None or decoder == Path(model):
        return Row(manifest.name, "encode", "no decoder beside it", good=True)
    del data
    made = ie.sample(decoder, seeds=range(16))
    grey = np.ascontiguousarray(made[..., 0] if made.ndim == 4 else made)
    net = models.load(model, device="cpu")
    # No trial can find out what a training set was normalised by.
    net.manifest = manifest.model_copy(update=NORMALISED.get(manifest.name, {}))
    again = ie.decode(ie.encode(list(grey), net), decoder)
    figures = [min(99.0, ie.psnr(a, np.ascontiguousarray(b[..., 0]))) for a, b in zip(grey, again, strict=True)]
    return Row(
        manifest.name,
        "decode(encode(picture))",
        f"median {np.median(figures):.1f} dB over 16 pictures",
        bool(np.median(figures) > 12),
        pictures={
            "pictures": _shown(ie.grid(grey, columns=8)),
            "encoded and decoded": _shown(ie.grid(again, columns=8)),
        },
    )


def _shown(image: np.ndarray) -> np.ndarray:
    """Small pictures as large pixels."""
    return ie.resize(image, scale=3, filter="nearest")


def run_inpaint(manifest: models.Manifest, model: str, data: Path) -> Row:
    photo = photos(data)[1]
    mask = np.zeros(photo.shape[:2], bool)
    mask[100:160, 120:200] = True
    filled = ie.inpaint(photo, mask, "learned", model=model, device="cpu")
    plain = ie.inpaint(photo, mask, "telea")
    figures = [ie.psnr(photo[100:160, 120:200], image[100:160, 120:200]) for image in (filled, plain)]
    verdict = f"hole of 60x80: {figures[0]:.1f} dB, telea {figures[1]:.1f} dB; outside nothing changed"
    good = np.array_equal(filled[~mask], photo[~mask])
    shown = np.where(mask[..., None], np.uint8(255), photo)
    return Row(manifest.name, 'inpaint(method="learned")', verdict, good, pictures={"hole": shown, "filled": filled})


def run_restore(manifest: models.Manifest, model: str, data: Path) -> Row:
    figures = []
    for photo in photos(data):
        bad = io.decode(io.encode(photo, "jpeg", name="photo", quality=20), name="photo")
        good = ie.restore(bad, model=model, device="cpu")
        figures.append(ie.psnr(good, photo) - ie.psnr(bad, photo))
    verdict = f"JPEG of quality 20: {np.mean(figures):+.2f} dB"
    return Row(manifest.name, "restore(photo)", verdict, bool(np.mean(figures) > -1), pictures={"in": bad, "out": good})


RUNS: dict[str, Callable[[models.Manifest, str, Path], Row]] = {
    "superres": run_superres,
    "style": run_style,
    "gan": run_generator,
    "vae": run_generator,
    "inpaint": run_inpaint,
    "restore": run_restore,
}


def rows(data: Path) -> Iterator[Row]:
    """Evaluate the shipped nets, then the files of the folder."""
    shipped = [(name, name) for name in models.names()]
    wild = [(path.stem, str(path)) for path in sorted((data / "onnx").glob("*.onnx"))]
    for name, model in [*shipped, *wild]:
        start = time.perf_counter()
        row = _row(name, model, data)
        row.facts["seconds"] = round(time.perf_counter() - start, 1)
        yield row


def _row(name: str, model: str, data: Path) -> Row:
    refused = name.startswith(("LFS_POINTER", "NOT_A_MODEL", "mnist"))  # a classifier is a model, but for no verb
    try:
        manifest = models.find(model)
        run = run_encoder if manifest.family == "encoder" else RUNS.get(manifest.task)
        if run is None:
            return Row(name, "-", f"task {manifest.task}: no figure here")
        row = run(manifest, model, data)
    except ie.errors.ImgeditError as problem:
        return Row(name, "-", f"refused: {type(problem).__name__}: {problem}", good=refused)
    row.name = name
    row.good = row.good and not refused
    row.facts |= manifest.model_dump(mode="json", exclude_defaults=True, include=FACTS)
    return row


def write_page(found: list[Row], out: Path) -> None:
    """Write pictures and page."""
    parts = [HEAD]
    for number, row in enumerate(found):
        facts = ", ".join(f"{key} {value}" for key, value in row.facts.items())
        parts.append(f"<h2>{html.escape(row.name)}</h2><small>{html.escape(facts)}</small>")
        state = "good" if row.good else "bad"
        parts.append(f"<p class={state}><b>{html.escape(row.verb)}</b>: {html.escape(row.verdict)}</p>")
        for index, (title, picture) in enumerate(row.pictures.items()):
            file = f"{number:02d}-{index:02d}.png"
            ie.write(out / file, picture)
            parts.append(f"<figure><img src={file}><figcaption>{html.escape(title)}</figcaption></figure>")
    (out / "index.html").write_text("\n".join(parts), encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    found = []
    for row in rows(arguments.data):
        print(f"{'ok ' if row.good else 'BAD'} {row.name:36s} {row.facts['seconds']:6.1f} s  {row.verdict}", flush=True)
        found.append(row)
        write_page(found, arguments.out)
    return 0 if all(row.good for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
