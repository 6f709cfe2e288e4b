from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import skimage.data

import imgedit as ie
from benchmarks.harness import Row, in_turns
from imgedit.io import decode, encode

TITLE = "Files"
ABOUT = """
Reading and writing a picture of 12 megapixels (4000x3000: scikit-image's astronaut enlarged, with noise like a
camera's). "cv2" is the bare ``cv2.imdecode`` or ``cv2.imencode`` on bytes in memory: no file, no header check, no
metadata, BGR. Reading with imgedit includes the file. Pillow goes from and to bytes. Where a target says 1.15x, our
time may be that much of the peer's; the smaller sizes come from the decoder's own scaling in all three.
"""
TARGET = 1.15
REDUCED = {2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}


def picture() -> np.ndarray:
    large = cv2.resize(skimage.data.astronaut(), (4000, 3000), interpolation=cv2.INTER_CUBIC)
    noise = np.random.default_rng(0).normal(0, 3, large.shape)
    return np.clip(large + noise, 0, 255).astype(np.uint8)


def through_pillow(data: bytes, draft: int = 1) -> np.ndarray:
    with PIL.Image.open(io.BytesIO(data)) as image:
        if draft > 1:
            image.draft(None, (-(-image.width // draft), -(-image.height // draft)))
        return np.array(image)


def to_pillow(image: np.ndarray, form: str, **settings: int) -> bytes:
    out = io.BytesIO()
    PIL.Image.fromarray(image).save(out, form, **settings)
    return out.getvalue()


def rows() -> Iterator[Row]:
    image = picture()
    deep = image.astype(np.uint16) * 257 + np.random.default_rng(1).integers(0, 257, image.shape, np.uint16)
    with tempfile.TemporaryDirectory() as folder:
        yield from reading(image, deep, Path(folder))
        yield from writing(image, deep, Path(folder))


def reading(image: np.ndarray, deep: np.ndarray, folder: Path) -> Iterator[Row]:
    files = {
        "JPEG 4:2:0, quality 90": ("a.jpg", encode(image, "jpeg", subsampling="420")),
        "JPEG 4:4:4, quality 90": ("b.jpg", encode(image, "jpeg")),
        "JPEG progressive": ("c.jpg", encode(image, "jpeg", progressive=True)),
        "PNG": ("d.png", encode(image, "png")),
        "PNG, 16 bits": ("e.png", encode(deep, "png")),
        "TIFF, deflate": ("f.tif", encode(image, "tiff")),
        "TIFF, 16 bits, LZW": ("g.tif", cv2.imencode(".tiff", deep[..., ::-1])[1].tobytes()),
        "WebP, quality 85": ("h.webp", encode(image, "webp")),
    }
    for name, (file, data) in files.items():
        path = folder / file
        path.write_bytes(data)
        array = np.frombuffer(data, np.uint8)
        jobs = {
            "imgedit": lambda path=path: ie.read(path),
            "cv2": lambda array=array: cv2.imdecode(array, cv2.IMREAD_UNCHANGED),
        }
        if "16" not in name:
            jobs["Pillow"] = lambda data=data: through_pillow(data)
        yield held(Row(f"read {name}", in_turns(jobs, turns=3), f"at most {TARGET}x of cv2" if "JPEG" in name else ""))
    data = files["JPEG 4:2:0, quality 90"][1]
    array = np.frombuffer(data, np.uint8)
    for factor, flag in REDUCED.items():
        jobs = {
            "imgedit": lambda factor=factor: ie.read(folder / "a.jpg", reduce=factor),
            "cv2": lambda flag=flag: cv2.imdecode(array, flag),
            "Pillow": lambda factor=factor: through_pillow(data, factor),
        }
        yield held(Row(f"read JPEG 4:2:0 at 1/{factor}", in_turns(jobs, turns=7), f"at most {TARGET}x of cv2"))


def held(row: Row) -> Row:
    if row.target:
        row.holds = row.ratios["cv2"] * TARGET >= 1
    return row


def writing(image: np.ndarray, deep: np.ndarray, folder: Path) -> Iterator[Row]:
    turned = np.ascontiguousarray(image[..., ::-1])
    deep_turned = np.ascontiguousarray(deep[..., ::-1])
    encoders = {
        "JPEG 4:2:0, quality 90": (
            lambda: encode(image, "jpeg", subsampling="420"),
            lambda: cv2.imencode(".jpg", turned, [cv2.IMWRITE_JPEG_QUALITY, 90]),
            lambda: to_pillow(image, "JPEG", quality=90),
        ),
        "PNG": (
            lambda: encode(image, "png"),
            lambda: cv2.imencode(".png", turned),
            lambda: to_pillow(image, "PNG", compress_level=4),
        ),
        "PNG, 16 bits": (lambda: encode(deep, "png"), lambda: cv2.imencode(".png", deep_turned), None),
        "TIFF, deflate or LZW": (lambda: encode(image, "tiff"), lambda: cv2.imencode(".tiff", turned), None),
    }
    for name, (ours, bare, theirs) in encoders.items():
        jobs = {"imgedit": ours, "cv2": bare, **({"Pillow": theirs} if theirs else {})}
        yield Row(f"encode {name}, in memory", in_turns(jobs, turns=3))
    jobs = {
        "imgedit": lambda: ie.write(folder / "x.jpg", image, subsampling="420"),
        "cv2": lambda: cv2.imwrite(str(folder / "y.jpg"), turned, [cv2.IMWRITE_JPEG_QUALITY, 90]),
    }
    yield Row(
        "write JPEG 4:2:0 to disk",
        in_turns(jobs, turns=7),
        note="ours is verified, flushed to the disk and replaced whole",
    )
    small = np.ascontiguousarray(image[::16, ::16])
    data = encode(small, "jpeg")
    jobs = {
        "imgedit": lambda: decode(data),
        "cv2": lambda: cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR),
    }
    yield Row("decode a JPEG of 250x188", in_turns(jobs, turns=200), note="the cost of our checks on a small file")
