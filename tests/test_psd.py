"""Photoshop documents: made by psd-tools, read by us; adjustments against psd-tools' and against known values."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from pictures import photo

import imgedit as ie
from imgedit.compositing import photoshop, psd_adjustments

psd_tools = pytest.importorskip("psd_tools")
SIZE = (24, 32)


def save(path, document):
    document.save(path)
    return path


def make(path, mode="RGB"):
    """A ground, a group and a masked layer, as psd-tools writes them."""
    from PIL import Image
    from psd_tools.constants import BlendMode

    document = psd_tools.PSDImage.new(mode, SIZE[::-1])
    ground = Image.fromarray(photo(np.uint8, 3, SIZE)).convert(mode)
    document.create_pixel_layer(ground, name="ground")
    top = Image.fromarray(photo(np.uint8, 4, (12, 14), seed=1))
    layer = document.create_pixel_layer(top if mode == "RGB" else top.convert(mode), name="top", top=5, left=-3)
    layer.blend_mode = BlendMode.SOFT_LIGHT
    layer.opacity = 128
    return save(path, document)


def test_pixels_modes_and_places_are_read(tmp_path):
    stack = ie.read_layers(make(tmp_path / "a.psd"))
    assert stack.size == SIZE
    ground, top = stack
    np.testing.assert_array_equal(ground.image[..., :3], photo(np.uint8, 3, SIZE))
    assert (top.mode, top.offset, top.name) == ("soft-light", (-3, 5), "top")
    assert top.opacity == pytest.approx(128 / 255)
    alpha = top.image[..., 3] if top.mask is None else ie.to_uint8(top.mask)
    np.testing.assert_array_equal(alpha, photo(np.uint8, 4, (12, 14), seed=1)[..., 3])


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_the_result_is_that_of_psd_tools(tmp_path, mode):
    path = make(tmp_path / "a.psd", mode)
    picture = psd_tools.PSDImage.open(path).composite(apply_icc=False, ignore_preview=True)
    expected = np.asarray(picture.convert("RGBA"))
    result = ie.to_float(ie.flatten(ie.read_layers(path)))
    if result.ndim == 2:
        result = np.repeat(result[..., None], 3, axis=2)
    np.testing.assert_allclose(result[..., :3], expected[..., :3] / 255, atol=1.5 / 255)  # psd-tools truncates


def test_what_is_left_away_is_noted(tmp_path, monkeypatch):
    from psd_tools.constants import Tag

    path = make(tmp_path / "a.psd")
    assert ie.read_layers(path).notes == ()
    document = psd_tools.PSDImage.open(path)
    document[1].tagged_blocks.set_data(Tag.INVERT)
    save(path, document)
    assert ie.read_layers(path)[1].adjustment is not None

    def broken(_):
        raise ValueError

    monkeypatch.setitem(psd_adjustments.ADJUSTMENTS, "invert", broken)
    with pytest.warns(UserWarning, match="layer 'top': invert was left away"):
        assert "invert" in ie.read_layers(path).notes[0]


def effect(kind, **values):
    """A layer with one effect, as Photoshop describes it."""
    from psd_tools.constants import Tag
    from psd_tools.psd.descriptor import Bool, Descriptor, DescriptorBlock2, Double, Enumerated, Integer, UnitFloat
    from psd_tools.terminology import Unit

    def wrap(value):
        if isinstance(value, bool):
            return Bool(value)
        if isinstance(value, int):
            return Integer(value)
        if isinstance(value, tuple):
            return Enumerated(*value)
        if isinstance(value, dict):
            return Descriptor(classID=b"RGBC", items=[(k, Double(v)) for k, v in value.items()])
        return UnitFloat(unit=Unit.Pixels, value=value) if isinstance(value, float) else value

    one = Descriptor(classID=kind, items=[(key.encode(), wrap(value)) for key, value in values.items()])
    block = DescriptorBlock2(classID=b"null", items=[(b"masterFXSwitch", Bool(True)), (kind, one)])
    return lambda layer: layer.tagged_blocks.set_data(Tag.OBJECT_BASED_EFFECTS_LAYER_INFO, block)


COLOR = {b"Rd  ": 255.0, b"Grn ": 0.0, b"Bl  ": 128.0}


def changed(tmp_path, change, mode="RGB"):
    path = make(tmp_path / "a.psd", mode)
    document = psd_tools.PSDImage.open(path)
    change(document[1])
    return save(path, document)


def test_blending_ranges_are_read(tmp_path):
    def change(layer):
        ranges = layer._record.blending_ranges
        ranges.composite_ranges = [(10 * 256 + 20, 200 * 256 + 255), (0, 65535)]
        ranges.channel_ranges[1] = [(0, 65535), (64 * 256 + 64, 255 * 256 + 255)]

    layer = ie.read_layers(changed(tmp_path, change))[1]
    assert set(layer.blend_if) == {"gray", "green"}
    np.testing.assert_allclose(np.multiply(layer.blend_if["gray"], 255), [[10, 20, 200, 255], [0, 0, 255, 255]])
    np.testing.assert_allclose(np.multiply(layer.blend_if["green"], 255), [[0, 0, 255, 255], [64, 64, 255, 255]])


def test_satin_is_read(tmp_path):
    values = {"enab": True, "present": True, "Md  ": (b"BlnM", b"Mltp"), "Clr ": COLOR, "Opct": 40.0}
    change = effect(b"ChFX", **values, Invr=True, lagl=30.0, Dstn=5.0, blur=4.0)
    (made,) = ie.read_layers(changed(tmp_path, change))[1].effects
    assert isinstance(made, ie.Satin)
    assert (made.mode, made.angle, made.distance, made.invert) == ("multiply", 30, 5, True)
    np.testing.assert_allclose(made.color, (1, 0, 128 / 255), atol=1e-6)


STYLE = {"enab": True, "present": True, "Md  ": (b"BlnM", b"Mltp"), "Clr ": COLOR, "Opct": 40.0}
SHADOW = {**STYLE, "lagl": 90.0, "Dstn": 5.0, "Ckmt": 0.0, "blur": 4.0, "layerConceals": True}


def contour(name, *points):
    from psd_tools.psd.descriptor import Descriptor, Double, List, String

    curve = [
        Descriptor(classID=b"CrPt", items=[(b"Hrzn", Double(float(x))), (b"Vrtc", Double(float(y)))]) for x, y in points
    ]
    return Descriptor(classID=b"ShpC", items=[(b"Nm  ", String(name)), (b"Crv ", List(curve))])


@pytest.mark.parametrize(
    ("part", "name", "kind", "values"),
    [
        ("noise", "DropShadow", b"DrSh", {**SHADOW, "Nose": 20.0}),
        ("contour", "DropShadow", b"DrSh", {**SHADOW, "TrnS": contour("Cone", (0, 0), (128, 255), (255, 0))}),
        ("contour", "Satin", b"ChFX", {**STYLE, "Invr": True, "lagl": 30.0, "Dstn": 5.0, "blur": 4.0,
                                       "MpgS": contour("Cone", (0, 0), (128, 255), (255, 0))}),
        ("texture", "DropShadow", b"DrSh", {**SHADOW, "useTexture": True}),
    ],
)  # fmt: skip
def test_an_unread_part_of_an_effect_is_told(tmp_path, part, name, kind, values):
    path = changed(tmp_path, effect(kind, **values))
    with pytest.warns(UserWarning, match=f"layer 'top': the {part} of {name} was left away"):
        stack = ie.read_layers(path)
    assert type(stack[1].effects[0]).__name__ == name


def test_the_usual_contours_are_not_told(tmp_path):
    straight = contour("Linear", (0, 0), (255, 255))
    path = changed(tmp_path, effect(b"DrSh", **SHADOW, TrnS=straight))
    assert ie.read_layers(path).notes == ()
    gaussian = contour("$$$/Contours/Defaults/Gaussian=Gaussian", (0, 0), (64, 38), (191, 217), (255, 255))
    satin = effect(b"ChFX", **STYLE, Invr=True, lagl=30.0, Dstn=5.0, blur=4.0, MpgS=gaussian)
    assert ie.read_layers(changed(tmp_path, satin)).notes == ()


def test_a_gradient_glow_is_told(tmp_path):
    from psd_tools.psd.descriptor import Descriptor

    values = {key: value for key, value in STYLE.items() if key != "Clr "}
    path = changed(tmp_path, effect(b"OrGl", **values, Ckmt=0.0, blur=4.0, Grad=Descriptor(classID=b"Grdn")))
    with pytest.warns(UserWarning, match="layer 'top': OuterGlow was left away"):
        assert ie.read_layers(path)[1].effects == ()


def gradient():
    from psd_tools.psd.descriptor import Descriptor, Double, Integer, List

    def stop(kind, location, *items):
        return Descriptor(classID=kind, items=[*items, (b"Lctn", Integer(location)), (b"Mdpn", Integer(50))])

    colors = [Descriptor(classID=b"RGBC", items=[(key, Double(v)) for key in COLOR]) for v in (0.0, 255.0)]
    return Descriptor(
        classID=b"Grdn",
        items=[
            (b"Clrs", List([stop(b"Clrt", 4096 * n, (b"Clr ", color)) for n, color in enumerate(colors)])),
            (b"Trns", List([stop(b"TrnS", 4096 * n, (b"Opct", Double(100.0))) for n in range(2)])),
        ],
    )


def test_a_stroke_with_a_gradient_is_read(tmp_path):
    values = {key: value for key, value in STYLE.items() if key != "Clr "}
    values |= {"Styl": (b"FStl", b"InsF"), "PntT": (b"FrFl", b"GrFl"), "Sz  ": 3.0, "Type": (b"GrdT", b"Lnr ")}
    path = changed(tmp_path, effect(b"FrFX", **values, Grad=gradient(), Angl=0.0, Rvrs=False))
    (made,) = ie.read_layers(path)[1].effects
    assert (made.size, made.position, made.fill.style, made.fill.angle) == (3, "inside", "linear", 0)
    np.testing.assert_allclose(made.fill.colors, [(0, 0, 0, 1), (1, 1, 1, 1)])


def narrow(layer):
    layer._record.blending_ranges.composite_ranges = [(10 * 256 + 20, 65535), (0, 65535)]


def tagged(name, value=None):
    from psd_tools.constants import Tag

    def change(layer):
        layer.tagged_blocks.set_data(getattr(Tag, name), *([] if value is None else [value]))

    return change


@pytest.mark.parametrize(
    ("what", "changes"),
    [
        ("blend-if", (narrow, tagged("INVERT"))),
        ("knockout", (tagged("KNOCKOUT_SETTING", 1), tagged("INVERT"))),
        ("blend-if, which does not go with effects,", (narrow, effect(b"DrSh", **SHADOW))),
        ("a restriction to some channels", (tagged("CHANNEL_BLENDING_RESTRICTIONS_SETTING", [1]),)),
        ("blending inner effects as a group", (tagged("BLEND_INTERIOR_ELEMENTS", 1), effect(b"DrSh", **SHADOW))),
        ("colorlookup", (tagged("COLOR_LOOKUP"),)),
    ],
)
def test_what_a_layer_can_not_have_is_told(tmp_path, what, changes):
    path = changed(tmp_path, lambda layer: [change(layer) for change in changes])
    with pytest.warns(UserWarning, match=f"layer 'top': {what} was left away"):
        assert len(ie.read_layers(path).notes) == 1


@pytest.mark.parametrize(
    ("what", "change"),
    [("blend-if", narrow), ("knockout", tagged("KNOCKOUT_SETTING", 2))],
    ids=["blend-if", "knockout"],
)
def test_what_a_group_can_not_have_is_told(tmp_path, what, change):
    document = psd_tools.PSDImage.open(make(tmp_path / "a.psd"))
    group = document.create_group(list(document)[1:], name="folder")
    change(group)
    with pytest.warns(UserWarning, match=f"layer 'folder': {what} was left away"):
        ie.read_layers(save(tmp_path / "a.psd", document))


def test_clipped_layers_that_blend_apart_are_told(tmp_path):
    document = psd_tools.PSDImage.open(make(tmp_path / "a.psd"))
    document[1].clipping = True
    tagged("BLEND_CLIPPING_ELEMENTS", 0)(document[0])
    with pytest.warns(UserWarning, match="layer 'ground': blending the clipped layers apart from it was left away"):
        ie.read_layers(save(tmp_path / "a.psd", document))


def test_cmyk_goes_through_its_profile_or_is_refused(tmp_path):
    path = make(tmp_path / "a.psd", "CMYK")
    with pytest.raises(ie.errors.ReadError, match="profile"):
        ie.read_layers(path)


def test_another_profile_is_told(tmp_path):
    from PIL import ImageCms
    from psd_tools.constants import Resource
    from psd_tools.psd.image_resources import ImageResource

    path = make(tmp_path / "a.psd")
    document = psd_tools.PSDImage.open(path)
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    document.image_resources[Resource.ICC_PROFILE] = ImageResource(key=Resource.ICC_PROFILE, data=icc)
    save(path, document)
    with pytest.warns(UserWarning, match="colours stay in the profile"):
        ie.read_layers(path)


@pytest.mark.parametrize("data", [b"", b"8BPS", b"8BPS" + bytes(40), b"not a picture"])
def test_a_broken_file_is_refused(tmp_path, data):
    path = tmp_path / "bad.psd"
    path.write_bytes(data)
    with pytest.raises(ie.errors.ReadError, match=r"bad\.psd"):
        ie.read_layers(path)


def test_a_file_cut_short_is_refused_or_read(tmp_path):
    data = make(tmp_path / "a.psd").read_bytes()
    path = tmp_path / "cut.psd"
    for length in range(26, len(data), 499):
        path.write_bytes(data[:length])
        with contextlib.suppress(ie.errors.ImgeditError):
            ie.flatten(ie.read_layers(path))


def test_without_psd_tools_the_error_says_what_to_install(tmp_path):
    make(tmp_path / "a.psd")
    code = (
        "import sys; sys.modules['psd_tools'] = None\n"
        "import imgedit as ie\n"
        f"try: ie.read_layers({str(tmp_path / 'a.psd')!r})\n"
        "except ie.errors.MissingExtraError as error: print(error)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "imgedit[psd]" in shown


# Adjustments


def theirs(name, image, **fields):
    """Run psd-tools' function on a record of our making."""
    from psd_tools.composite.adjustments import ADJUSTMENT_FUNC
    from psd_tools.constants import ColorMode

    record = SimpleNamespace(_psd=SimpleNamespace(depth=8, color_mode=ColorMode.RGB), **fields)
    # Half a step up: its tables round down, and 8-bit levels do not survive the division exactly.
    return ADJUSTMENT_FUNC[name](image + np.float32(1e-5), ColorMode.RGB, record), record


IMAGE = ie.to_float(photo(np.uint8, 3, SIZE))
LEVEL = SimpleNamespace(input_floor=20, input_ceiling=220, gamma=140, output_floor=10, output_ceiling=250)
PLAIN = SimpleNamespace(input_floor=0, input_ceiling=255, gamma=100, output_floor=0, output_ceiling=255)
CURVE = SimpleNamespace(channel_id=0, points=[(0, 0), (90, 64), (180, 190), (255, 255)])
RED = SimpleNamespace(channel_id=1, points=[(20, 0), (200, 255)])


@pytest.mark.parametrize(
    ("name", "fields", "levels"),
    [
        ("levels", {"data": [LEVEL, PLAIN, LEVEL, PLAIN]}, 2.1),
        ("curves", {"data": SimpleNamespace(extra=[CURVE, RED]), "extra": [CURVE, RED]}, 2.1),
        ("exposure", {"exposure": 0.7, "exposure_offset": 0.02, "gamma": 1.2}, 1.1),
        ("invert", {}, 0.1),
        ("posterize", {"posterize": 5}, 0.1),
        ("threshold", {"threshold": 120}, 0.1),
        ("brightnesscontrast", {"brightness": 40, "contrast": -20, "use_legacy": False}, 1.1),
    ],
)
def test_adjustments_agree_with_psd_tools(name, fields, levels):
    expected, record = theirs(name, IMAGE, **fields)
    result = psd_adjustments.ADJUSTMENTS[name](record)(IMAGE)
    off = np.abs(result - np.clip(expected, 0, 1))
    # psd-tools rounds down to a level between two tables; at a step of a posterization or threshold a rounding decides.
    assert np.percentile(off, 99.5) * 255 <= levels


def test_hue_saturation_at_known_colours():
    primary = np.array([[[1, 0, 0], [0, 0.5, 0], [0.5, 0.5, 0.5]]], np.float32)
    turned = photoshop.HueSaturation(120, 0, 0)(primary)
    np.testing.assert_allclose(turned, [[[0, 1, 0], [0, 0, 0.5], [0.5, 0.5, 0.5]]], atol=1e-5)
    np.testing.assert_allclose(photoshop.HueSaturation(0, -1, 0)(primary)[0, 0], [0.5, 0.5, 0.5], atol=1e-5)
    np.testing.assert_allclose(photoshop.HueSaturation(0, 0, 1)(primary), 1, atol=1e-5)
    reds = photoshop.HueSaturation(0, 0, 0, ranges=(((315, 345, 15, 45), (60, 0, 0)),))(primary)
    np.testing.assert_allclose(reds, [[[1, 1, 0], [0, 0.5, 0], [0.5, 0.5, 0.5]]], atol=1e-5)
    tinted = photoshop.HueSaturation(240, 1.0, 0, colorize=True)(primary)
    np.testing.assert_allclose(tinted[0, 2], [0, 0, 1], atol=1e-5)


def test_the_other_adjustments_at_known_colours():
    row = np.array([[[1, 0, 0], [1, 1, 0], [0.2, 0.4, 0.6]]], np.float32)
    mixed = photoshop.ChannelMixer(((0, 1, 0, 0), (1, 0, 0, 0), (0, 0, 1, 0.1)))(row)
    np.testing.assert_allclose(mixed[0], [[0, 1, 0.1], [1, 1, 0.1], [0.4, 0.2, 0.7]], atol=1e-6)
    grey = photoshop.ChannelMixer(((0.5, 0.5, 0, 0),))(row)
    np.testing.assert_allclose(grey[0, :, 0], [0.5, 1, 0.3], atol=1e-6)
    weights = (0.4, 0.6, 0.4, 0.6, 0.2, 0.8)  # Photoshop's defaults
    np.testing.assert_allclose(photoshop.BlackWhite(weights)(row)[0, :, 1], [0.4, 0.6, 0.36], atol=1e-6)
    mapped = photoshop.ToneMap((0.0, 1.0), ((0.0, 0.0, 1.0), (1.0, 1.0, 0.0)))(np.ones((1, 1, 3), np.float32))
    np.testing.assert_allclose(mapped[0, 0], [1, 1, 0], atol=1e-6)
    glass = photoshop.PhotoFilter((1.0, 0.5, 0.0), 1.0, keeps_luma=False)(row)
    np.testing.assert_allclose(glass[0, 2], [0.2, 0.2, 0], atol=1e-6)
    kept = photoshop.PhotoFilter((1.0, 0.5, 0.0), 0.2)(row)
    assert kept[0, 2] @ photoshop.LUMA == pytest.approx(row[0, 2] @ photoshop.LUMA, abs=1e-5)
    nothing = ((0.0,) * 4,) * 8
    cyan = photoshop.SelectiveColor(((1.0, 0.0, 0.0, 0.0), *nothing), relative=False)(row)
    np.testing.assert_allclose(cyan[0], [[0, 0, 0], [1, 1, 0], [0.2, 0.4, 0.6]], atol=1e-6)


@pytest.mark.parametrize(
    "adjustment",
    [
        photoshop.ToneCurve(),
        photoshop.ToneCurve(master=photoshop.levels_table(0, 1, 1, 0, 1)),
        photoshop.ToneCurve(master=photoshop.curve_table([(0, 0), (0.4, 0.4), (1, 1)])),
        photoshop.ToneCurve(master=photoshop.exposure_table(0, 0, 1)),
        photoshop.ToneCurve(master=photoshop.brightness_contrast_table(0, 0)),
        photoshop.HueSaturation(0, 0, 0.0, ranges=(((315, 345, 15, 45), (0, 0, 0)),)),
        photoshop.ChannelMixer(((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0))),
        photoshop.PhotoFilter((1.0, 0.5, 0.0), 0.0),
        photoshop.SelectiveColor(((0.0,) * 4,) * 9, relative=True),
        photoshop.ColorBalance((0.0,) * 3, (0.0,) * 3, (0.0,) * 3, keeps_luma=True),
        photoshop.Vibrance(0.0, 0.0),
    ],
    ids=lambda adjustment: type(adjustment).__name__,
)
def test_neutral_settings_change_nothing(adjustment):
    # Saturation is divided by 1.01 at full strength of a range; without one nothing is lost but rounding.
    np.testing.assert_allclose(adjustment(IMAGE), IMAGE, atol=0.011 if hasattr(adjustment, "ranges") else 2e-5)
    grey = np.ascontiguousarray(IMAGE[..., 0])
    np.testing.assert_allclose(adjustment(grey), grey, atol=2e-5)
