"""Look-up tables: files, interpolation, fitting, chaining."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from naive_tone import tetrahedral
from pictures import KINDS, disc_mask, in_dtype, photo
from PIL import Image, ImageFilter

import imgedit as ie


def random_lut(size=5, seed=0):
    return ie.Lut(np.random.default_rng(seed).random((size, size, size, 3), np.float32))


@pytest.mark.parametrize("kind", ["1d", "3d"])
@pytest.mark.parametrize(("dtype", "channels"), KINDS)
def test_identity_is_nothing(dtype, channels, kind):
    image = photo(dtype, channels)
    result = ie.Lut.identity(9, kind=kind)(image)
    np.testing.assert_allclose(result, image, atol=2e-7 if dtype == np.float32 else 0)


def test_interpolation_is_the_naive_twins():
    lut = random_lut()
    image = photo(np.float32, 3, (12, 14)) * np.float32(1.2) - np.float32(0.1)
    image[0, :4] = [[0, 0, 0], [1, 1, 1], [0.3, 0.3, 0.3], [0.25, 0.75, 0.25]]
    expected = [[tetrahedral(lut.table, color) for color in row] for row in image]
    np.testing.assert_allclose(lut(image), expected, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integers_are_the_float_result_rounded(dtype):
    lut, image = random_lut(7), photo(dtype, 4, (70, 30))
    result, exact = lut(image), lut(ie.to_float(image))
    np.testing.assert_allclose(result.astype(float), in_dtype(exact, dtype), atol=1.01)
    np.testing.assert_array_equal(result[..., 3], image[..., 3])


def test_greys_are_mixed_from_greys_only():
    table = random_lut(9).table.copy()
    diagonal = np.arange(9)
    table[diagonal, diagonal, diagonal] = np.linspace(0, 1, 9, dtype=np.float32)[:, None] ** 2
    grey = np.linspace(0, 1, 50, dtype=np.float32)[None]
    result = ie.Lut(table)(grey)
    np.testing.assert_allclose(result[0], np.interp(grey[0], diagonal / 8, (diagonal / 8) ** 2), atol=1e-6)
    with pytest.raises(ie.errors.ArgumentError, match="grey"):
        random_lut()(photo(channels=1))


def test_smooth_tables_agree_with_pillows_trilinear():
    image = photo()
    lut = ie.Lut.fit(lambda x: ie.adjust(x, temperature=0.4, contrast=0.3))
    peer = ImageFilter.Color3DLUT(33, lut.table.ravel().tolist())
    np.testing.assert_allclose(lut(image).astype(int), np.asarray(Image.fromarray(image).filter(peer)), atol=1)


@pytest.mark.parametrize("lut", [random_lut(4), ie.Lut(np.random.default_rng(1).random((6, 3), np.float32) * 2 - 1)])
def test_files_come_back_bit_for_bit(lut, tmp_path):
    lut = ie.Lut(lut.table, (-0.5, 0.0, 0.1), (1.0, 2.0, 1.5), "Dusk")
    lut.write(tmp_path / "dusk.cube")
    again = ie.Lut.read(tmp_path / "dusk.cube")
    np.testing.assert_array_equal(again.table, lut.table)
    assert (again.domain_min, again.domain_max, again.title) == (lut.domain_min, lut.domain_max, "Dusk")
    assert [file.name for file in tmp_path.iterdir()] == ["dusk.cube"]


def test_a_file_as_the_specification_has_it(tmp_path):
    file = tmp_path / "spec.cube"
    file.write_text('# made by hand\nTITLE "Two"\n\nLUT_3D_SIZE 2\nDOMAIN_MIN 0 0 0\nDOMAIN_MAX 1 1 1\n'
                    "0 0 0\n1 0 0\n0 .75 0\n1 .75 0\n# half way\n0 .25 1\n1 .25 1\n0 1 1\n1 1 1\n")  # fmt: skip
    lut = ie.Lut.read(file)
    assert lut.title == "Two"
    red_green_blue = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    assert lut(red_green_blue).tolist() == [[[255, 0, 0], [0, 191, 0], [0, 64, 255]]]
    np.testing.assert_array_equal(ie.apply_lut(red_green_blue, str(file)), lut(red_green_blue))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "no LUT_1D_SIZE"),
        ("P6 2 2 255", "line 1"),
        ("LUT_3D_SIZE 1\n", "2 to 256"),
        ("LUT_3D_SIZE 4000000\n", "2 to 256"),
        ("LUT_1D_SIZE 2\nLUT_3D_SIZE 2\n0 0 0\n1 1 1\n", "both"),
        ("LUT_1D_SIZE 3\n0 0 0\n1 1 1\n", "2 lines of numbers"),
        ("LUT_1D_SIZE 2\n0 0 0\n1 1\n", "line 3"),
        ("LUT_1D_SIZE 2\n0 0 0\n1 1 nan\n", "line 3"),
        ("LUT_1D_SIZE 2\nGAMMA 2\n0 0 0\n1 1 1\n", "line 2"),
        ("LUT_1D_SIZE 2\nDOMAIN_MIN 1 1 1\n0 0 0\n1 1 1\n", "domain"),
    ],
)
def test_damaged_files_are_refused_by_line(text, word, tmp_path):
    file = tmp_path / "bad.cube"
    file.write_text(text)
    with pytest.raises(ie.errors.UnsupportedFormatError, match=word):
        ie.Lut.read(file)


def test_domain_and_strength_and_mask():
    image = np.array([[0.0, 0.5, 1.0, 2.0]], np.float32)
    lut = ie.Lut(np.array([[0.0] * 3, [1.0] * 3], np.float32), domain_max=(2.0, 2.0, 2.0))
    np.testing.assert_allclose(lut(image), [[0, 0.25, 0.5, 1]], atol=1e-6)
    np.testing.assert_allclose(lut(image, strength=0.5), [[0, 0.375, 0.75, 1.5]], atol=1e-6)
    rgb, mask = photo(), disc_mask()
    result = random_lut()(rgb, mask=mask)
    np.testing.assert_array_equal(result[~mask], rgb[~mask])
    np.testing.assert_array_equal(result[mask], random_lut()(rgb)[mask])


def test_chains():
    image = photo(np.float32)
    contrast = ie.Lut.fit(lambda x: ie.adjust(x, contrast=0.3), size=33)
    warm = ie.Lut.fit(lambda x: ie.adjust(x, temperature=0.3), size=33)
    np.testing.assert_allclose(contrast.then(warm)(image), warm(contrast(image)), atol=5e-3)
    curve = ie.Lut(np.linspace(0, 1, 65, dtype=np.float32)[:, None].repeat(3, axis=1) ** 2)
    assert curve.then(curve).table.ndim == 2
    np.testing.assert_allclose(curve.then(warm)(image), warm(curve(image)), atol=2e-2)
    again = pickle.loads(pickle.dumps(warm))
    np.testing.assert_array_equal(again.table, warm.table)


def test_a_fit_learns_an_edit_and_leaves_other_colours():
    before = photo(np.uint8, 3, (120, 160))
    after = ie.adjust(before, exposure=0.4, saturation=0.3, contrast=0.2)
    lut = ie.Lut.fit(before, after)
    assert ie.psnr(lut(before), after) > 45
    same = ie.Lut.fit(before, before)
    np.testing.assert_allclose(same.table, ie.Lut.identity(17).table, atol=1e-6)
    rgba, hidden = photo(np.uint8, 4, (60, 60)), photo(np.uint8, 4, (60, 60))
    hidden[hidden[..., 3] == 0, :3] = 255
    np.testing.assert_array_equal(ie.Lut.fit(rgba, rgba[..., :3], size=5).table, ie.Lut.fit(hidden, rgba, size=5).table)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: ie.Lut(np.zeros((4, 4), np.float32)), "Nx3"),
        (lambda: ie.Lut(np.zeros((4, 4, 5, 3), np.float32)), "NxNxNx3"),
        (lambda: ie.Lut(np.full((4, 3), np.nan, np.float32)), "NaN"),
        (lambda: ie.Lut(np.zeros((4, 3), np.float32), domain_max=(0, 1, 1)), "domain_max"),
        (lambda: ie.Lut.identity(1), "size"),
        (lambda: ie.Lut.fit(photo()), "after"),
        (lambda: ie.Lut.fit(photo(), photo()[:-1]), "after"),
        (lambda: ie.Lut.fit(lambda x: x[:-1]), "size"),
        (lambda: ie.apply_lut(photo(), ie.Lut.identity(2), strength=2), "strength"),
    ],
)
def test_mistakes_are_named(call, word):
    with pytest.raises(ie.errors.ArgumentError, match=word):
        call()
