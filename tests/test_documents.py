"""Documents: OpenRaster both ways and what is hostile in it, stacks in TOML."""

from __future__ import annotations

import functools
import io
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from pictures import DTYPES, disc_mask, photo

import imgedit as ie
from imgedit import Group, Layer, flatten, read_layers, write_layers

SIZE = (20, 30)


def stack(dtype=np.uint8):
    return [
        Layer(photo(dtype, 3, SIZE), name="ground & <sky>"),
        Group(
            [
                Layer(photo(dtype, 4, (10, 12), seed=1), offset=(-3, 4), mode="multiply", opacity=0.5, name="ünï"),
                Layer(photo(dtype, 1, SIZE, seed=2), mode="soft-light", visible=False),
            ],
            mode="screen",
            opacity=0.75,
            name="group",
        ),
        Group([Layer(photo(dtype, 4, SIZE, seed=3), mode="hue")], isolation="pass-through"),
        Layer(photo(dtype, 4, SIZE, seed=4), mask=disc_mask(SIZE), fill=0.5),
        Layer(photo(dtype, 4, SIZE, seed=5), clip=True),
    ]


# OpenRaster


@pytest.mark.parametrize("dtype", DTYPES)
def test_openraster_there_and_back(tmp_path, dtype):
    path = tmp_path / "stack.ora"
    write_layers(path, stack(dtype))
    back = read_layers(path)
    assert back.size == SIZE
    assert [item.name for item in back] == ["ground & <sky>", "group", "", "", ""]
    first, second = back[1].layers
    assert (first.offset, first.mode, first.opacity, first.name) == ((-3, 4), "multiply", 0.5, "ünï")
    assert (second.visible, back[1].opacity, back[1].mode) == (False, 0.75, "screen")
    assert (back[1].isolation, back[2].isolation, back[4].clip) == ("isolated", "pass-through", True)
    # 8-bit layers lose what is left of a mask beyond 8 bit of alpha; float becomes 16 bit.
    step = {np.uint8: 1.01 / 255, np.uint16: 3.1 / 65535, np.float32: 3.1 / 65535}[dtype]
    result, expected = (ie.premultiply(ie.to_float(flatten(x))) for x in (back, stack(dtype)))
    if result.shape != expected.shape:
        np.testing.assert_allclose(result[..., 3], 1, atol=1e-6)
        result = result[..., :3]
    np.testing.assert_allclose(result, expected, atol=step)


def test_openraster_is_laid_out_as_specified(tmp_path):
    path = tmp_path / "stack.ora"
    write_layers(path, stack())
    data = path.read_bytes()
    # The first entry is stored without an extra field, so the type stands at byte 38 for tools that look there.
    assert data[:4] == b"PK\3\4"
    assert struct.unpack_from("<H", data, 8) == (0,)
    assert data[30:54] == b"mimetypeimage/openraster"
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert {"stack.xml", "mergedimage.png", "Thumbnails/thumbnail.png"} < set(names)
        merged, _ = ie.io.decode(archive.read("mergedimage.png"))
        np.testing.assert_array_equal(merged[..., :3], flatten(stack()))
        xml = archive.read("stack.xml").decode()
    assert xml.index('composite-op="svg:src-atop"') < xml.index('composite-op="svg:multiply"')  # topmost first
    write_layers(tmp_path / "again.ora", stack())
    assert (tmp_path / "again.ora").read_bytes() == data


def test_the_thumbnail_is_small(tmp_path):
    write_layers(tmp_path / "big.ora", [Layer(photo(np.uint8, 4, (100, 700)))])
    with zipfile.ZipFile(tmp_path / "big.ora") as archive:
        thumbnail, _ = ie.io.decode(archive.read("Thumbnails/thumbnail.png"))
    assert thumbnail.shape == (37, 256, 4)


PNG = ie.io.encode(np.full((2, 2, 4), 255, np.uint8), "png")
LAYER = '<layer src="data/a.png" name="a"/>'


def archive(xml=LAYER, *, mimetype=b"image/openraster", root='<image w="2" h="2">', head="", **entries):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        if mimetype is not None:
            file.writestr("mimetype", mimetype)
        file.writestr("stack.xml", f"{head}{root}<stack>{xml}</stack></image>")
        file.writestr("data/a.png", PNG)
        for name, content in entries.items():
            file.writestr(name, content)
    return buffer.getvalue()


def nested(depth):
    return "<stack>" * depth + LAYER + "</stack>" * depth


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"PK\3\4 but no more", "OpenRaster"),
        (b"nothing like it", "OpenRaster"),
        (archive(mimetype=None), "OpenRaster"),
        (archive(mimetype=b"application/zip"), "OpenRaster"),
        (archive()[:-40], "OpenRaster"),
        (archive(head=BOMB), "document type"),
        (archive(root="<image>"), "no number"),
        (archive(root='<image w="2" h="-2">'), "2x-2"),
        (archive(root='<image w="99999999999" h="2">'), "range"),
        (archive(root='<picture w="2" h="2">').replace(b"", b""), "stack.xml|not XML"),
        (archive('<layer name="a"/>'), "source"),
        (archive('<layer src="../secret.png"/>'), "outside"),
        (archive('<layer src="/etc/passwd.png"/>'), "outside"),
        (archive('<layer src="C:\\secret.png"/>'), "outside"),
        (archive('<layer src="data/b.png"/>'), "not in it"),
        (archive('<layer src="data/a.svg"/>'), "PNG"),
        (archive('<layer src="data/a.png" opacity="nan"/>'), "opacity"),
        (archive('<layer src="data/a.png" opacity="2"/>'), "opacity"),
        (archive('<layer src="data/a.png" x="left"/>'), "no number"),
        (archive('<layer src="data/a.png" composite-op="svg:dst-in"/>'), "dst-in"),
        (archive(nested(200)), "deep"),
        (archive(LAYER + "<layer"), "not XML"),
        (archive('<layer src="x.png"/>', **{"x.png": b"no picture"}), "x.png"),
    ],
)
def test_a_broken_or_hostile_openraster_is_refused(tmp_path, data, word):
    path = tmp_path / "bad.ora"
    path.write_bytes(data)
    with pytest.raises(ie.errors.ReadError, match=word) as caught:
        read_layers(path)
    assert "bad.ora" in str(caught.value)


def test_a_zip_bomb_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("imgedit.compositing.openraster.MOST_ENTRY", 1000)
    path = tmp_path / "bomb.ora"
    path.write_bytes(archive('<layer src="x.png"/>', **{"x.png": b"\0" * 10_000_000}))
    with pytest.raises(ie.errors.ImageTooLargeError, match="1000"):
        read_layers(path)
    monkeypatch.setattr("imgedit.compositing.openraster.MOST_PIXELS", 7)
    path.write_bytes(archive(LAYER * 2))
    with pytest.raises(ie.errors.ImageTooLargeError):
        read_layers(path)


@pytest.mark.parametrize(
    ("layer", "word"),
    [
        (Layer(photo(np.uint8, 3, SIZE), mode="vivid-light", name="top"), "vivid-light"),
        (Layer(photo(np.uint8, 3, SIZE), effects=[ie.Stroke()]), "effect"),
        (Layer(None, adjustment=np.negative), "adjustment"),
        (Layer(photo(np.uint8, 3, SIZE), knockout="deep"), "knockout"),
        (Group([], mask=np.ones(SIZE, np.float32)), "mask"),
        (Group([], isolation="pass-through", opacity=0.5), "opacity"),
        (Layer(photo(np.uint8, 3, SIZE), mode="color-burn", fill=0.5), "fill"),
    ],
)
def test_what_openraster_cannot_say_is_refused_and_nothing_written(tmp_path, layer, word):
    path = tmp_path / "stack.ora"
    with pytest.raises(ie.errors.ArgumentError, match=word):
        write_layers(path, [Layer(photo(np.uint8, 3, SIZE)), layer])
    assert list(tmp_path.iterdir()) == []


# TOML


def test_toml_there_and_back(tmp_path):
    layers = [
        *stack(),
        Layer(
            photo(np.float32, 4, (8, 9)), offset=(2, 3), effects=[ie.DropShadow(offset=(1.0, 2.0)), ie.Stroke(size=1.5)]
        ),
        Layer(None, adjustment=functools.partial(ie.adjust, exposure=0.25), mask=disc_mask(SIZE), name='a "b"\n\\'),
    ]
    path = tmp_path / "stack.toml"
    write_layers(path, ie.Stack(tuple(layers), SIZE, background="#204060"))
    back = read_layers(path)
    assert back.size == SIZE
    assert back[-1].name == 'a "b"\n\\'
    assert back[5].effects == (ie.DropShadow(offset=(1.0, 2.0)), ie.Stroke(size=1.5))
    np.testing.assert_array_equal(flatten(back), flatten(layers, size=SIZE, background="#204060"))


@pytest.mark.parametrize("suffix", [".toml", ".ora"])
def test_an_anchor_there_and_back(tmp_path, suffix):
    logo = photo(np.uint8, 4, (8, 9))
    layers = [Layer(photo(np.uint8, 3, SIZE)), Layer(logo, anchor="bottom-right", offset=(2, 1))]
    write_layers(tmp_path / f"stack{suffix}", layers)
    back = read_layers(tmp_path / f"stack{suffix}")
    corner = (SIZE[1] - 9 - 2, SIZE[0] - 8 - 1)
    assert (back[1].anchor, tuple(back[1].offset)) == (
        ("bottom-right", (2, 1)) if suffix == ".toml" else (None, corner)
    )
    np.testing.assert_array_equal(flatten(back)[..., :3], flatten(layers))


def test_toml_by_hand(tmp_path):
    ie.write(tmp_path / "photo.png", photo(np.uint8, 3, SIZE))
    ie.write(tmp_path / "logo.png", photo(np.uint8, 4, (8, 8)))
    (tmp_path / "stack.toml").write_text(
        """
        [[layers]]
        image = "photo.png"
        [[layers]]
        isolation = "pass-through"
        opacity = 0.5
        [[layers.layers]]
        image = "logo.png"
        offset = [4, 5]
        mode = "multiply"
        effects = [{ kind = "drop-shadow", size = 3, color = "navy" }]
        """
    )
    logo = Layer(
        photo(np.uint8, 4, (8, 8)), offset=(4, 5), mode="multiply", effects=[ie.DropShadow(size=3, color="navy")]
    )
    expected = flatten([Layer(photo(np.uint8, 3, SIZE)), Group([logo], isolation="pass-through", opacity=0.5)])
    np.testing.assert_array_equal(flatten(read_layers(tmp_path / "stack.toml")), expected)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "empty"),
        ("# nothing", "layers"),
        ("[[layers]", "TOML"),
        ("layers = 3", "layers"),
        ("[[layers]]\nimage = 3", "path"),
        ("[[layers]]\nimage = 'a.png'\nopacty = 1", "opacity"),
        ("[[layers]]\nimage = 'a.png'\nopacity = 3", "opacity"),
        ("[[layers]]\nimage = 'a.png'\nmode = 'multipyl'", "multiply"),
        ("[[layers]]\nimage = 'a.png'\neffects = [{ kind = 'shadow' }]", "drop-shadow"),
        ("[[layers]]\nimage = 'a.png'\neffects = [{ kind = 'stroke', width = 3 }]", "width"),
        ("[[layers]]\nadjustment = { op = 'levles' }", "levels"),
        ("[[layers]]\nadjustment = { op = 'adjust', exposur = 1 }", "exposure"),
        ("[[layers]]\nname = 'empty'", "adjustment"),
        ("size = [3]\n[[layers]]\nimage = 'a.png'", "size"),
        ("siez = [3, 4]\n[[layers]]\nimage = 'a.png'", "size"),
    ],
)
def test_a_bad_description_names_file_and_layer(tmp_path, text, word):
    ie.write(tmp_path / "a.png", photo(np.uint8, 3, SIZE))
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(ie.errors.ReadError, match=word) as caught:
        read_layers(tmp_path / "bad.toml")
    assert "bad.toml" in str(caught.value)


def test_an_adjustment_of_unknown_code_has_no_description(tmp_path):
    with pytest.raises(ie.errors.ArgumentError, match="partial"):
        write_layers(tmp_path / "stack.toml", [Layer(None, adjustment=np.negative)], size=SIZE)
    assert list(tmp_path.iterdir()) == []


# Both


def test_the_command_line_flattens_documents(tmp_path):
    write_layers(tmp_path / "a.ora", stack())
    write_layers(tmp_path / "b.toml", ie.Stack(tuple(stack()), SIZE))
    for name in ("a.ora", "b.toml"):
        command = [sys.executable, "-m", "imgedit", "flatten", str(tmp_path / name), "-o", str(tmp_path / "out.png")]
        subprocess.run(command, check=True)
        np.testing.assert_array_equal(ie.read(tmp_path / "out.png"), flatten(read_layers(tmp_path / name)))


def test_names_and_files(tmp_path):
    with pytest.raises(ie.errors.UnsupportedFormatError, match=r"\.ora"):
        read_layers(tmp_path / "a.xcf")
    with pytest.raises(ie.errors.UnsupportedFormatError, match=r"\.ora"):
        write_layers(tmp_path / "a.psd", stack())
    with pytest.raises(FileNotFoundError):
        read_layers(tmp_path / "none.ora")
    with pytest.raises(ie.errors.ArgumentError, match="layers"):
        write_layers(tmp_path / "a.ora", [3])
    write_layers(tmp_path / "a.ora", stack())
    with pytest.raises(FileExistsError):
        write_layers(tmp_path / "a.ora", stack(), overwrite=False)
