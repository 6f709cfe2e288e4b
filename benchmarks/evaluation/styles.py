"""Nets that paint: contact sheets, and whether a painting still shows what the photo shows."""

from __future__ import annotations

from typing import Any

import numpy as np

import imgedit as ie
from benchmarks.evaluation.data import Row, Subject, photos, portrait

# Longest side of pictures on contact sheets.
SIDE = 360
# Frames of a video that moves by so many pixels must be painted nearly alike.
STEP = 3


def evaluate(subject: Subject) -> Row:
    """Judge a net that paints."""
    style, how = _asked(subject)
    seen = [portrait(), *photos(subject.data, 2)]
    if subject.manifest.family == "gatys":
        seen = seen[:1]  # each takes as long as all others together
    arts = [ie.stylize(photo, style, **how) for photo in seen]
    changed = np.mean([np.abs(art.astype(float) - photo).mean() for art, photo in zip(arts, seen, strict=True)])
    kept = float(np.mean([_alike(art, photo) for art, photo in zip(arts, seen, strict=True)]))
    row = Row(
        "stylize(photo, model)",
        f"changes pixels by {changed:.0f} levels; coarse lightness correlates with the photo's by {kept:.2f}",
        bool(changed > 4 and kept > 0.3),
        figures={"change": float(changed), "correlation": kept},
    )
    for index, (photo, art) in enumerate(zip(seen, arts, strict=True)):
        row.pictures |= {f"photo {index + 1}": photo, f"stylize {index + 1}": art}
    row.pictures["keep_color='luma'"] = ie.stylize(seen[0], style, keep_color="luma", **how)
    if subject.manifest.family != "gatys":
        row.figures["moved"] = moved = _moved(seen[1], style, how)
        row.verdict += f"; a photo moved by {STEP} pixels comes out within {moved:.1f} levels"
    if subject.manifest.classes:
        _show_gallery(row, subject, seen, how)
    return row


def _asked(subject: Subject) -> tuple[Any, dict[str, Any]]:
    """A style that a net can paint in, and how it is asked."""
    how: dict[str, Any] = {"device": "cpu", "model": subject.model}
    if subject.manifest.family in ("pair", "gatys"):
        painting = ie.read(sorted((subject.data / "train/paintings").glob("*great_wave*"))[0])
        fewer = {"method": "gatys", "iterations": 40, "size": 320} if subject.manifest.family == "gatys" else {}
        return painting, how | fewer
    classes = subject.manifest.classes
    return (classes[0], how) if classes else (subject.model, {"device": "cpu"})


def _alike(art: np.ndarray, photo: np.ndarray) -> float:
    """A painting is neither flat nor noise: what it is of is still there."""
    coarse = [ie.blur(ie.luma(ie.to_float(image)), radius=4).ravel() for image in (art, photo)]
    return float(np.corrcoef(*coarse)[0, 1])


def _moved(photo: np.ndarray, style: Any, how: dict[str, Any]) -> float:
    """Mean difference in levels of two paintings of one scene, the frames of which are a few pixels apart."""
    frames = [np.ascontiguousarray(photo[:, :-STEP]), np.ascontiguousarray(photo[:, STEP:])]
    first, second = (ie.stylize(frame, style, **how).astype(float) for frame in frames)
    edge = 16  # what enters the picture may change what is near it
    gap = np.abs(first[:, STEP:] - second[:, :-STEP])
    return float(gap[edge:-edge, edge:-edge].mean())


def _show_gallery(row: Row, subject: Subject, seen: list[np.ndarray], how: dict[str, Any]) -> None:
    """All styles on all photos, and how far apart the styles are; two of them mixed."""
    classes = subject.manifest.classes
    small = [ie.resize(photo, scale=SIDE / max(photo.shape[:2])) for photo in seen]
    sheets = {name: [ie.stylize(photo, name, **how) for photo in small] for name in classes}
    for index, photo in enumerate(small):
        cells = [photo, *(arts[index] for arts in sheets.values())]
        row.pictures[f"photo {index + 1}, then {', '.join(classes)}"] = ie.grid(cells, columns=5)
    apart = [
        float(np.mean([ie.perceptual(a, b) for a, b in zip(sheets[one], sheets[two], strict=True)]))
        for number, one in enumerate(classes)
        for two in classes[number + 1 :]
    ]
    row.figures |= {"nearest styles": min(apart), "styles apart": float(np.median(apart))}
    row.verdict += (
        f"; {len(classes)} styles, {np.median(apart):.3f} apart by features, the nearest two {min(apart):.3f}"
    )
    shares = np.linspace(1, 0, 5)
    mixed = [ie.stylize(small[0], {classes[0]: float(s), classes[1]: float(1 - s)}, **how) for s in shares]
    row.pictures[f"{classes[0]} to {classes[1]}"] = ie.grid(mixed, columns=5)
