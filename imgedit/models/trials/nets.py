"""Nets that take one picture: enlarging, repairing, painting, mattes, features, encoders."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.errors import ModelError, ModelMemoryError
from imgedit.models.session import Port
from imgedit.models.trials.trial import (
    BYTE,
    MULTIPLES,
    RANGES,
    SIGNED,
    UNIT,
    Floats,
    Range,
    Trial,
    load,
    photo,
    psnr,
    shape_of,
    sizes,
    unit,
)

__all__ = ["examine_net", "note_painted"]

# A range must beat the usual 0 to 1 by this many dB, since nets with small biases hardly tell ranges apart.
MARGIN = 0.1
# Repairs stay this close to what they are given, in dB; styles go further: those of the wild measure 8 to 16.
CLOSE = 20.0
# A net that really takes any size gives the same inside, but for its borders.
SAME = 30.0
# Of the range: by how much a result must change far away for tiles to show (half a level of 8 bits), and at all, so
# that tiles give what the whole picture gives.
SHOWS, CHANGES = 0.5 / 255, 1e-4
# Overlap beyond this costs more than it is worth.
FARTHEST = 48
# A declared size of more pixels is suspect, and slow: it is first tried without.
SUSPECT = 512 * 512


def examine_net(trial: Trial) -> None:
    """Find out what a net does that takes one picture.

    Parameters
    ----------
    trial : Trial
        Its fields and findings are filled in.

    Raises
    ------
    ModelError
        It fits no verb.
    """
    port = trial.model.inputs[0]
    trial.note_layout(port)
    result = _first_answer(trial, port)
    if not _is_picture(result):
        _examine_encoder(trial)
        return
    given, gives = trial.channels(port), trial.take(result).shape[2]
    if gives > 4 or "scale" not in trial.fields:
        _examine_features(trial)
    elif gives == 1 and given == 3:
        _examine_matte(trial)
    elif gives == given in (1, 3):
        _examine_editor(trial, result)
    else:
        raise trial.fail(f"makes {gives} channels of {given}, which fits no verb")


def _is_picture(result: NDArray[Any]) -> bool:
    return result.ndim in (3, 4) and min(result.shape[-2:]) > 1


def _first_answer(trial: Trial, port: Port) -> NDArray[Any]:
    """Find the size that the net takes, the smallest multiple, and its factor."""
    height, width = trial.sides(port)
    if height and width:
        if height * width > SUSPECT and trial.wanted.get("fixed_size") is None:
            with_any = _freed(trial)
            if with_any is not None:
                return with_any
        trial.note("fixed_size", [height, width], f"the file declares {shape_of(port)}")
        return _answer(trial, port, (height, width))
    trouble = trial.fail("gives pictures of no fixed relation to their size")
    for multiple, size in sizes():
        try:
            result = _answer(trial, port, size)
        except ModelMemoryError:
            raise
        except ModelError as problem:
            trouble = problem
            continue
        if _is_picture(result) and "scale" not in trial.fields and multiple not in (None, MULTIPLES[-1]):
            continue
        if multiple is None:
            trial.note("fixed_size", list(size), f"it takes nothing smaller: {trouble.problem}")
        elif multiple > 1:
            trial.note("multiple_of", multiple, f"the first of {', '.join(map(str, MULTIPLES))} that it takes")
        return result
    raise trouble


def _answer(trial: Trial, port: Port, size: tuple[int, int]) -> NDArray[Any]:
    trial.given = photo(*size, trial.channels(port))
    result = trial.answer(trial.give(trial.given, BYTE if port.dtype == "uint8" else UNIT, port))
    if _is_picture(result):
        tall, wide = trial.take(result).shape[:2]
        if tall % size[0] == 0 == wide % size[1] and tall // size[0] == wide // size[1]:
            trial.note("scale", tall // size[0], f"{size[0]}x{size[1]} gives {tall}x{wide}")
    return result


def _freed(trial: Trial) -> NDArray[Any] | None:
    """Try a net at a size of our own, though its file declares one: many were exported so and mean any."""
    declared, model = shape_of(trial.model.inputs[0]), trial.model
    _, size = sizes()[0]
    try:
        trial.model = load(trial.path, free_size=True)
        result = _answer(trial, trial.model.inputs[0], size)
    except ModelError:
        trial.model = model
        return None
    if "scale" not in trial.fields:
        trial.model = model
        return None
    trial.note("free_size", True, f"{size[0]}x{size[1]} works too, though the file declares {declared}")
    return result


@dataclass(frozen=True)
class _Row:
    """What came of a pair of ranges."""

    likeness: float
    given: Range
    gives: Range
    got: Floats


def _examine_editor(trial: Trial, result: NDArray[Any]) -> None:
    """Examine an enlarging, repairing or painting net by what it gave first."""
    assert trial.given is not None
    scale, channels = trial.fields["scale"], trial.channels(trial.model.inputs[0])
    size, made = trial.given.shape[:2], trial.take(result).shape[:2]
    if made != (scale * size[0], scale * size[1]):  # the caller may have said another
        raise trial.fail(f"makes {made[0]}x{made[1]} of {size[0]}x{size[1]}: its scale is not {scale}")
    likeness = _find_range(trial)
    said = trial.purpose
    if scale > 1:
        trial.note("task", "superres", f"it enlarges; {likeness:.1f} dB to the original photo")
    elif said == "style" or (said is None and channels == 3 and likeness < CLOSE):
        trial.note("task", "style", f"what it gives is far from what it was given ({likeness:.1f} dB)")
    else:
        trial.note("task", "restore", f"what it gives is close to what it was given ({likeness:.1f} dB)")
    trial.note("family", "luma" if channels == 1 else "rgb", "one channel" if channels == 1 else "three channels")
    _free_size(trial)
    _find_overlap(trial)


def _find_range(trial: Trial) -> float:
    """Give the photo in each range; the one with which it comes back best is the net's. Gives that likeness in dB."""
    assert trial.given is not None
    height, width, channels = trial.given.shape
    scale = trial.fields["scale"]
    truth = photo(height * scale, width * scale, channels)
    small = truth
    if scale > 1:
        reduced = cv2.resize(truth, (width, height), interpolation=cv2.INTER_AREA)
        small = np.asarray(reduced, np.float32).reshape(height, width, channels)
    taken = _choices(trial, "range", trial.model.inputs[0])
    given = _choices(trial, "output_range", trial.model.outputs[0])
    rows = []
    for span in taken:
        got = trial.run(small, span)
        rows += [_Row(psnr(_inner(unit(got, out)), _inner(truth)), span, out, got) for out in given]
    best = max(rows, key=lambda row: row.likeness + MARGIN * (row.given == row.gives == UNIT))
    reason = f"with it the photo comes back at {best.likeness:.1f} dB"
    if scale == 1 and (best.likeness < CLOSE or trial.purpose == "style"):
        best, reason = _painted(rows), "what it gives lies there"
    each = ", ".join(f"{max(r.likeness for r in rows if r.given == s):.1f} dB with {s[0]:g}..{s[1]:g}" for s in taken)
    trial.note("range", best.given, f"{reason} ({each})")
    if best.gives != best.given:
        trial.note("output_range", best.gives, "what it gives lies there")
    trial.given, trial.got = small, np.clip(unit(best.got, best.gives), 0, 1)
    return best.likeness


def _choices(trial: Trial, field: str, port: Port) -> tuple[Range, ...]:
    """List the ranges to try: the one that the caller named, that of whole bytes, or all."""
    if (said := trial.wanted.get(field)) is not None:
        return ((said[0], said[1]),)
    return (BYTE,) if port.dtype == "uint8" else RANGES


def _inner(picture: Floats) -> Floats:
    """Leave out the border, where padding with zeros shows."""
    height, width = (side // 8 for side in picture.shape[:2])
    return picture[height : picture.shape[0] - height, width : picture.shape[1] - width]


def _painted(rows: list[_Row]) -> _Row:
    """Tell the range of a style from what it gives: the same is taken in, where nobody has said what."""
    one = len({row.given for row in rows}) == 1
    pool = [row for row in rows if one or row.given == row.gives]
    narrow = (row for row in pool if row.gives != BYTE and lies_in(row.got, row.gives))
    wide = (row for row in pool if row.gives == BYTE)
    return next(narrow, None) or next(wide, pool[0])


def lies_in(values: Floats, span: Range) -> bool:
    """Whether a picture lies in a range and makes use of it."""
    low, high = np.quantile(values, [0.01, 0.99])
    width = span[1] - span[0]
    return bool(low >= span[0] - 0.1 * width and high <= span[1] + 0.1 * width and high - low > 0.25 * width)


def note_painted(trial: Trial, got: Floats) -> None:
    """Note the range of a style by what it gives.

    Parameters
    ----------
    trial : Trial
        Of the net.
    got : ndarray of float32
        What it gave for a photo in [0, 1].
    """
    span = next((span for span in (UNIT, SIGNED) if lies_in(got, span)), BYTE)
    trial.note("range", span, "what it gives lies there")
    trial.note("tiling", "avoid", "a style is of the whole")
    trial.got = np.clip(unit(got, span), 0, 1)


def _free_size(trial: Trial) -> None:
    """Try whether a declared size is meant: a part of the picture must come out as it does in the whole."""
    if "fixed_size" not in trial.fields or trial.wanted.get("fixed_size") is not None:
        return
    assert trial.given is not None
    assert trial.got is not None
    scale, span = trial.fields["scale"], trial.fields["range"]
    height, width = (max(24, side * 3 // 4 // 4 * 4) for side in trial.given.shape[:2])
    declared = trial.model
    if (height, width) >= trial.given.shape[:2]:
        return
    try:
        trial.model = load(trial.path, free_size=True)
        got = unit(trial.run(np.ascontiguousarray(trial.given[:height, :width]), span), _out(trial))
    except ModelError:
        trial.model = declared
        return
    inner = tuple(slice(side * scale // 4, side * scale * 3 // 4) for side in (height, width))
    fits = got.shape[:2] == (height * scale, width * scale)
    likeness = psnr(got[inner], trial.got[inner]) if fits else 0.0
    # The norms of a style are of the whole picture, so a part of it comes out in other colours.
    if likeness < (CLOSE / 2 if trial.fields["task"] == "style" else SAME):
        trial.model = declared
        return
    size = "x".join(map(str, trial.forget("fixed_size")))
    trial.note(
        "free_size", True, f"{height}x{width} gives the same ({likeness:.0f} dB), though the file declares {size}"
    )


def _out(trial: Trial) -> Range:
    low, high = trial.fields.get("output_range", trial.fields["range"])
    return low, high


def _find_overlap(trial: Trial) -> None:
    """Change the left half of a picture and see how far into the right half that is seen."""
    assert trial.given is not None
    span, (low, high), scale = trial.fields["range"], _out(trial), trial.fields["scale"]
    multiple = trial.fields.get("multiple_of", 1)
    height, width = trial.fields.get("fixed_size") or [-(-side // multiple) * multiple for side in (96, 192)]
    whole = photo(height, width, trial.given.shape[2])
    half = whole.shape[1] // 2
    other = whole.copy()
    other[:, :half] = np.random.default_rng(0).random(other[:, :half].shape, np.float32)
    change = np.abs(trial.run(whole, span) - trial.run(other, span)) / (high - low)
    right = change.max(axis=(0, 2))[half * scale :]
    if right[-scale:].max() > SHOWS:
        trial.note("tiling", "avoid", f"a change shows {len(right) // scale} pixels away and more")
    changed = np.flatnonzero(right > CHANGES)
    reach = -(-(int(changed.max()) + 1) // scale) if len(changed) else 0
    most = min(FARTHEST, *(side // 4 for side in whole.shape[:2]))
    trial.note("overlap", min(reach, most), f"a change is seen {reach} pixels away; tiles may share {most} at most")


def _examine_matte(trial: Trial) -> None:
    """Examine a map of what stands in front; its normalisation leaves no trace, so that of U2-Net is taken."""
    trial.note("task", "matte", "one channel of the picture's size")
    trial.note("family", "saliency", "one channel of the picture's size")
    trial.note("mean", (0.485, 0.456, 0.406), "a guess: as all kin of U2-Net")
    trial.note("std", (0.229, 0.224, 0.225), "a guess: as all kin of U2-Net")
    trial.note("tiling", "never", "what stands in front is seen in the whole")
    assert trial.given is not None
    mean, std = (np.asarray(trial.fields[name], np.float32) for name in ("mean", "std"))
    got = trial.run((trial.given - mean) / std, UNIT)
    trial.got = (got - got.min()) / max(1e-6, float(got.max() - got.min()))


def _examine_features(trial: Trial) -> None:
    """Examine maps of many channels, or smaller than the picture."""
    if trial.purpose not in (None, "features"):
        raise trial.fail(f"gives maps of features, which are no picture for {trial.purpose}")
    trial.note("task", "features", "it gives many channels, or less than it was given")
    trial.note("family", "maps", "maps of features")
    trial.note("tiling", "never", "maps of the whole picture")


def _examine_encoder(trial: Trial) -> None:
    """Examine a net from a picture to numbers: latents, unless they are classes."""
    outputs = trial.model.outputs
    named = re.search(r"enc|vae", trial.path.stem, re.IGNORECASE) is not None
    several = len(outputs) > 1 and len({port.shape[1:] for port in outputs}) == 1
    if trial.purpose not in ("vae", "gan") and not named and not several:
        count = "x".join(str(side or "?") for side in outputs[0].shape[1:])
        raise trial.fail(
            f"makes {count} numbers of a picture (classes?), which no verb runs; task vae makes it an encoder"
        )
    trial.note("task", "vae", "a picture to numbers" + (", and its name says so" if named else ""))
    trial.note("family", "encoder", "a picture to numbers")
    trial.note("range", BYTE if trial.model.inputs[0].dtype == "uint8" else UNIT, "a guess: it leaves no trace")
    trial.note("space", "z", "a guess: the usual one")
    trial.note("tiling", "never", "the picture is taken whole")
