"""Compositing 3840x2160 beside Pillow and libvips."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import imgedit as ie
from benchmarks.harness import Row, extra_memory, in_turns
from imgedit.compositing.alpha_modes import ALPHA_MODES
from imgedit.compositing.modes import MODES
from imgedit.compositing.operators import OPERATORS

TITLE = "blend"
ABOUT = """
3840x2160, RGBA over RGBA of 8 bit with soft alpha everywhere, unless the row says otherwise. `float32` is imgedit's
time on float32 over its time on 8 bit, each with a new result, which lies where the last one of its size lay;
`float32, out=` is the same where both write into arrays that are given. libvips puts premultiplied values into its
formulas where W3C wants straight ones: its time is compared, not its result. Pillow runs on one core, the others on
all.
"""

SIZE = (2160, 3840)

VIPS = {
    "normal": "over",
    **{mode: mode for mode in ("multiply", "screen", "overlay", "darken", "lighten", "hard-light", "soft-light")},
    **{mode: mode for mode in ("difference", "exclusion")},
    "color-dodge": "colour-dodge",
    "color-burn": "colour-burn",
}


def picture(seed: int, channels: int = 4) -> np.ndarray:
    small = np.random.default_rng(seed).integers(0, 256, (SIZE[0] // 8, SIZE[1] // 8, channels), np.uint8)
    return (
        ie.resize(small, SIZE, filter="cubic")
        if hasattr(ie, "resize")
        else np.kron(small, np.ones((8, 8, 1), np.uint8))
    )


def least(mode: str) -> float | None:
    return {"normal": None, "soft-light": 1.4}.get(mode, 1.15)


def held(row: Row, peer: str, target: float) -> Row:
    row.holds = row.ratios[peer] >= target
    row.target = f"at least {target}x {peer}"
    return row


def rows() -> Iterator[Row]:
    import PIL.Image
    import pyvips

    b, s = picture(1), picture(2)
    opaque = b.copy()
    opaque[..., 3] = 255
    rgb = np.ascontiguousarray(b[..., :3])
    pillow = [PIL.Image.fromarray(x) for x in (b, s, opaque)]
    vips = [pyvips.Image.new_from_array(x, interpretation="srgb") for x in (b, s)]
    copies = {"a copy": b.copy}

    def vip(mode: str) -> object:
        return vips[0].composite2(vips[1], mode).write_to_memory()

    jobs = {
        "imgedit": lambda: ie.blend(b, s),
        "Pillow": lambda: PIL.Image.alpha_composite(*pillow[:2]),
        "libvips": lambda: vip("over"),
        **copies,
    }
    memory = {"extra_mib": extra_memory(jobs["imgedit"]), "output_mib": b.nbytes / 2**20}
    yield held(Row("source-over, RGBA on RGBA", in_turns(jobs, turns=21), **memory), "Pillow", 1.4)
    jobs["imgedit"], jobs["Pillow"] = lambda: ie.blend(opaque, s), lambda: PIL.Image.alpha_composite(*pillow[2:0:-1])
    yield held(Row("source-over, RGBA on opaque RGBA", in_turns(jobs, turns=21)), "Pillow", 2)
    jobs["imgedit"] = lambda: ie.blend(rgb, s)
    yield held(Row("source-over, RGBA on RGB", in_turns(jobs, turns=21)), "Pillow", 2)

    floats = ie.to_float(b), ie.to_float(s)
    kept = np.empty_like(b), np.empty_like(floats[0])
    for mode in [*MODES, *ALPHA_MODES]:
        yield of_mode(mode, (b, s), floats, kept, vip)
    for operator in OPERATORS:
        yield Row(
            f"operator {operator}", in_turns({"imgedit": lambda op=operator: ie.blend(b, s, operator=op)}, turns=3)
        )
    for option in ({"opacity": 0.5}, {"mask": b[..., 3]}, {"space": "linear"}, {"space": "oklab"}, {"dither": True}):
        name = " ".join(option)
        yield Row(f"source-over with {name}", in_turns({"imgedit": lambda o=option: ie.blend(b, s, **o)}, turns=3))


def of_mode(mode: str, levels: tuple, floats: tuple, kept: tuple, vip: object) -> Row:
    jobs = {
        "imgedit": lambda: ie.blend(*levels, mode),
        "float32": lambda: ie.blend(*floats, mode),
        "float32, out=": lambda: ie.blend(*floats, mode, out=kept[1]),
        "8 bit, out=": lambda: ie.blend(*levels, mode, out=kept[0]),
    }
    if mode in VIPS:
        jobs["libvips"] = lambda: vip(VIPS[mode])
    seconds = in_turns(jobs, turns=5)
    base = seconds.pop("8 bit, out=")
    row = Row(f"mode {mode}", seconds)
    row.ratios["float32, out="] = seconds["float32, out="] / base
    target = least(mode)
    return held(row, "libvips", target) if mode in VIPS and target else row
