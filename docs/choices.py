"""Pages that show every choice with its picture, built from the tables in code: ``docs/choices/*.rst``.

A mode, method, style or model that is added to its table stands here with the next build.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import skimage.data

import imgedit as ie
from imgedit.compositing.equation import BLEND_MODES
from imgedit.compositing.operators import OPERATORS
from imgedit.filters.blurring import METHODS as BLURS
from imgedit.filters.denoising import METHODS as DENOISERS
from imgedit.geometry.resampling import RESIZE_FILTERS
from imgedit.inpainting import METHODS as FILLS

FOLDER = Path(__file__).parent / "choices"
SIDE = 128  # pixels of a thumbnail


@dataclass(frozen=True)
class Choice:
    """A row: a name, its pictures, and what is said of it, as reStructuredText."""

    name: str
    pictures: tuple[np.ndarray | None, ...]
    words: tuple[str, ...]


def write_choices(_app: object) -> None:
    """Write all pages anew."""
    shutil.rmtree(FOLDER / "pictures", ignore_errors=True)
    (FOLDER / "pictures").mkdir(parents=True)
    write_page("blend-modes", "Blend modes", *blend_modes())
    write_page("operators", "Operators of Porter and Duff", *operators())
    write_page("inpainting", "Inpainting methods", *inpainting())
    write_page("filters", "Filters to resize, blur and denoise", *filters())
    write_page("styles", "Styles", *styles())
    write_page("models", "Models", *models())


def write_page(page: str, title: str, lead: str, heads: tuple[str, ...], rows: Iterable[Choice]) -> None:
    """Write a table, and the pictures in it."""
    lines = [title, "=" * len(title), "", lead, "", ".. list-table::", "   :header-rows: 1", "   :class: choices", ""]
    lines += cells(heads)
    for row in rows:
        shown = [thumbnail(page, row.name, number, picture) for number, picture in enumerate(row.pictures)]
        lines += cells([f"``{row.name}``", *shown, *row.words])
    (FOLDER / f"{page}.rst").write_text("\n".join(lines) + "\n", encoding="utf-8")


def cells(texts: Iterable[str]) -> list[str]:
    """Write one row of a list-table."""
    return [f"   {'* -' if number == 0 else '  -'} {text}" for number, text in enumerate(texts)]


def thumbnail(page: str, name: str, number: int, picture: np.ndarray | None) -> str:
    """Write a picture as a file, and the lines that show it."""
    if picture is None:
        return "\\-"
    file = f"pictures/{page}-{re.sub('[^a-z0-9]+', '-', name)}-{number}.webp"
    ie.write(FOLDER / file, picture, quality=82)
    return f".. image:: {file}\n          :alt: {name}\n          :width: {picture.shape[1]}px"


def prose(text: str) -> str:
    """Write the first line of a docstring as reStructuredText."""
    return re.sub("(?<!`)`([^`]+)`(?!`)", r"``\1``", text.strip().split("\n")[0])


def blend_modes() -> tuple[str, tuple[str, ...], list[Choice]]:
    """Every mode on one photo, under one picture that holds all hues, all lightnesses and a soft edge."""
    backdrop = ie.resize(skimage.data.astronaut()[:280, 120:400], (SIDE, SIDE))
    y, x = np.mgrid[:SIDE, :SIDE]
    hsl = np.stack([360 * x / SIDE, np.where(y < SIDE * 0.8, 1.0, 0.0), 1 - y / (SIDE - 1)], axis=-1)
    alpha = np.clip((0.48 - np.hypot(x / SIDE - 0.5, y / SIDE - 0.5)) * 40, 0, 1)
    source = ie.to_uint8(np.dstack([ie.hsl_to_rgb(hsl), alpha]))
    white = np.full_like(backdrop, 255)
    rows = [
        Choice("(backdrop)", (backdrop,), ("What lies below.", "")),
        Choice("(source)", (ie.blend(white, source),), ("What is put on it.", "")),
    ]
    for name, mode in BLEND_MODES.items():
        opacity = 0.5 if name == "dissolve" else 1.0  # at full opacity there is nothing to dissolve
        shown = ie.blend(white, ie.blend(backdrop, source, name, opacity=opacity))
        said = re.fullmatch(r"(.*?)\s*\(([^()]*(?:W3C|Photoshop|Krita|GIMP|[A-Z])[^()]*)\)([^()]*)", mode.about)
        what, origin = (said[1] + said[3], said[2]) if said else (mode.about, "")
        rows.append(Choice(name, (shown,), (prose(what), origin)))
    lead = (
        f"All {len(BLEND_MODES)} modes of :func:`imgedit.blend`: ``b`` is the backdrop, ``s`` the source, white is 1. "
        "How they meet alpha: :doc:`/algorithms/blend`. Which to take: :doc:`/algorithms/index`."
    )
    return lead, ("mode", "picture", "what it does", "known from"), rows


def operators() -> tuple[str, tuple[str, ...], list[Choice]]:
    """Two overlapping discs under every operator."""
    y, x = np.mgrid[:SIDE, :SIDE]

    def disc(center: float, color: tuple[float, ...]) -> np.ndarray:
        cover = np.clip(36 - np.hypot(x - center, y - 64), 0, 1)
        return ie.to_uint8(np.dstack([*(np.full((SIDE, SIDE), c) for c in color), cover]))

    below, above = disc(46, (0.15, 0.45, 0.85)), disc(82, (0.95, 0.6, 0.1))
    checks = np.where(((x // 8 + y // 8) % 2 == 0)[..., None], 255, 225).astype(np.uint8).repeat(3, axis=2)
    rows = []
    for name, factors in OPERATORS.items():
        result = ie.blend(below, above, operator=name)
        kept = [float(np.max(factor)) for factor in factors(np.float32(0.5), np.float32(0.5))]
        rows.append(Choice(name, (ie.blend(checks, result),), (f"{kept[0]:g}", f"{kept[1]:g}")))
    lead = (
        "The backdrop is blue, the source orange. The numbers say how much of each is kept where both cover half; the "
        "factors themselves: :doc:`/algorithms/blend`."
    )
    return lead, ("operator", "picture", "of the source", "of the backdrop"), rows


def inpainting() -> tuple[str, tuple[str, ...], list[Choice]]:
    """Every method on one wall: lettering on it, and a large hole."""
    wall = ie.resize(ie.convert(skimage.data.brick(), channels="rgb")[:420, :360], width=180)
    photo = ie.fill(wall, None, "#e09a72", mode="multiply")
    text = np.zeros(photo.shape[:2], np.uint8)
    for y in range(24, photo.shape[0], 36):
        cv2.putText(text, "not to be copied", (4, y), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 255, 1, cv2.LINE_AA)
    y, x = np.mgrid[: photo.shape[0], : photo.shape[1]]
    thing = np.hypot((x - 90) / 34, (y - 105) / 62) < 1
    rows = [Choice("(to fill)", (ie.fill(photo, text, "white"), ie.fill(photo, thing, "#ff00ff")), ("What is given.",))]
    nets = ie.models.names("inpaint")
    for name, method in FILLS.items():
        about = prose(method.fill.__doc__ or "")
        if name == "learned" and not nets:
            about += " Needs a net: ``imgedit models fetch mi-gan``."
            rows.append(Choice(name, (None, None), (about,)))
            continue
        filled = [ie.inpaint(photo, mask, name, grow=1, seed=3) for mask in (text, thing)]
        rows.append(Choice(name, tuple(filled), (about,)))
    lead = (
        "Every method of :func:`imgedit.inpaint` on one wall: lettering, and a large hole. Which to take: "
        ":doc:`/algorithms/index`."
    )
    return lead, ("method", "lettering", "a hole", "what it does"), rows


def filters() -> tuple[str, tuple[str, ...], list[Choice]]:
    """Every kernel that resizes, smaller and larger; every blur; every way to denoise."""
    y, x = np.mgrid[-256:256, -256:256]
    rings = ie.to_uint8((0.5 + 0.5 * np.cos((x**2 + y**2) / 170)).astype(np.float32))
    eye = skimage.data.chelsea()[100:132, 155:187]
    rows = [
        Choice(name, (ie.resize(rings, (SIDE, SIDE), filter=name), ie.resize(eye, (SIDE, SIDE), filter=name)),
               (":func:`imgedit.resize`",))
        for name in RESIZE_FILTERS
    ]  # fmt: skip
    photo = skimage.data.chelsea()[80:208, 110:238]
    noise = np.random.default_rng(0).normal(0, 0.09, photo.shape)
    noisy = ie.to_uint8(np.clip(ie.to_float(photo) + noise, 0, 1))
    rows += [Choice(name, (photo, ie.blur(photo, method=name, radius=5)), (":func:`imgedit.blur`",)) for name in BLURS]
    rows += [Choice(name, (noisy, ie.denoise(noisy, method=name)), (":func:`imgedit.denoise`",)) for name in DENOISERS]
    lead = (
        "For resizing: rings made four times smaller, where false rings show what a filter lets through, and an eye "
        "made four times larger. For the others: before and after. Which to take: :doc:`/algorithms/index`."
    )
    return lead, ("name", "smaller, or before", "larger, or after", "verb"), rows


def styles() -> tuple[str, tuple[str, ...], list[Choice]]:
    """Every style: painted where its net is here, else with the command that brings it."""
    photo = ie.resize(skimage.data.chelsea(), (192, 288), fit="cover")
    rows = [Choice("(photo)", (photo,), ("", "What is painted."))]
    for name in ie.models.names("style", ready=False):
        net = ie.models.info(name)
        if net.family in ("gatys", "pair"):
            continue  # paints in any picture's style
        here = name in ie.models.names("style")
        for style in net.classes or (name,):
            painted = ie.stylize(photo, style) if here else None
            rows.append(Choice(style, (painted,), (f"``{name}``", "shipped" if here else fetching(name))))
    lead = (
        "What :func:`imgedit.stylize` takes by name. Any picture is a style for the net ``style-any`` and for "
        '``method="gatys"``: see :doc:`/gallery/plot_stylize_gatys`; a net of your own '
        "painting: :doc:`/tasks/make-a-style`."
    )
    return lead, ("style", "picture", "net", "how to get it"), rows


def models() -> tuple[str, tuple[str, ...], list[Choice]]:
    """Every model that can be named, with its licence and size; those that are here with a picture."""
    rows = []
    shipped = set(ie.models.names())
    for name in sorted(ie.models.names(ready=False), key=lambda name: (name not in shipped, ie.models.info(name).task)):
        net = ie.models.info(name)
        license = net.license + ("" if net.commercial_use else ", not for commercial use")
        size = f"{(net.size or 0) / 1e6:.1f} MB"
        get = "shipped" if name in shipped else "fetched"
        picture = shown(net.task, name) if name in shipped else None
        rows.append(Choice(name, (picture,), (net.task, prose(net.note), license, size, get)))
    lead = (
        "Every model that has a name: those that are shipped, then public ones, which ``imgedit models fetch NAME`` "
        "brings, and nothing else does. ``imgedit models info NAME`` tells source and hash; any other ONNX file: "
        ":doc:`/tasks/foreign-models`."
    )
    return lead, ("name", "picture", "task", "for", "licence", "size", ""), rows


def fetching(name: str) -> str:
    """Say how a model that is not shipped is got."""
    return f"``imgedit models fetch {name}``"


def shown(task: str, name: str) -> np.ndarray | None:
    """Make the picture of a shipped model, by what it is for."""
    photo = skimage.data.chelsea()[90:170, 125:221]
    if task == "superres":
        scale = ie.models.info(name).scale
        small = ie.resize(photo, scale=1 / scale)
        pair = [ie.resize(small, photo.shape[:2], filter="nearest"), ie.upscale(small, scale, model=name)]
        return ie.grid([ie.resize(side, photo.shape[:2]) for side in pair], columns=1, gap=2, background="white")
    if task == "restore":
        worn, _ = ie.io.decode(ie.io.encode(photo, "jpeg", quality=12))
        return ie.grid([worn, ie.restore(worn, model=name)], columns=1, gap=2, background="white")
    if task == "style" and ie.models.info(name).classes:
        painted = [ie.stylize(photo, style) for style in ie.models.info(name).classes[:2]]
        return ie.grid(painted, columns=1, gap=2, background="white")
    if task == "style" and ie.models.info(name).family == "pair":
        worn = [skimage.data.immunohistochemistry()[:256, :256], skimage.data.colorwheel()]
        painted = [ie.stylize(photo, np.ascontiguousarray(style), model=name) for style in worn]
        return ie.grid(painted, columns=1, gap=2, background="white")
    if task in ("gan", "vae") and ie.models.info(name).family not in ("encoder", "mapping"):
        pictures = [ie.resize(picture, (48, 48)) for picture in ie.sample(name, seeds=range(6))]
        return ie.convert(ie.grid(pictures, columns=2), channels="rgb", background="white")
    return None


def setup(app: object) -> None:
    """Connect to the build."""
    app.connect("builder-inited", write_choices)
