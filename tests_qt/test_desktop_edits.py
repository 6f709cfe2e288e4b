"""What the sample editor does to a document, without a window: edits, layers, history, files, and the recipe."""

import numpy as np
import pytest
from desktop import edits
from desktop.document import Document, State, open_document, picture, save, save_recipe
from desktop.tasks import methods, of_painting, painted
from PIL import Image

import imgedit as ie


def photo(height=60, width=80, dtype=np.uint8, channels=3):
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / 9 + n) * np.cos(y / 7 - n) * 0.35 + 0.5 for n in range(channels)]
    if channels == 4:
        waves[3] = np.where(x > 70, 0.5, 1)
    image = np.stack(waves, axis=2).astype(np.float32)
    return {np.uint8: ie.to_uint8, np.uint16: ie.to_uint16, np.float32: ie.to_float}[dtype](image)


def disc(height=60, width=80, x=30, y=25, radius=9):
    rows, columns = np.mgrid[:height, :width]
    return np.hypot(rows - y, columns - x) <= radius


def opened(image):
    return State((ie.Layer(image, name="Photo"),))


def change(state, **changes):
    return state.edited("change", **changes)


def nothing(_fraction):
    pass


@pytest.mark.parametrize("method", methods(learned=True))
def test_removing_changes_what_the_mask_covers_and_nothing_else(method):
    state = opened(photo())
    removed = edits.remove(state, disc(), {"method": method, "grow": 0, "feather": 0}, progress=nothing)
    changed = (picture(removed) != picture(state)).any(-1)
    assert changed.any()
    assert not changed[~disc()].any()
    assert removed.mask is not None
    assert removed.title == f"Remove ({method})"


def test_a_fill_that_was_compared_is_the_fill_itself():
    state, options = opened(photo()), {"method": "telea", "grow": 2, "feather": 3}
    whole = edits.remove(state, disc(), options)
    box = (slice(5, 50), slice(10, 60))
    taken = edits.replace_inside(state, disc(), options, box, whole.layer.image[box])
    np.testing.assert_array_equal(picture(taken), picture(whole))
    assert [step.op for step in taken.steps] == ["inpaint"]


@pytest.mark.parametrize("offset", [(0, 0), (5, -7), (-20, 40), (100, 0)])
def test_part_of_a_mask_over_a_layer(offset):
    mask, layer = disc(), ie.Layer(np.zeros((20, 30), np.uint8), offset=offset)
    expected = np.zeros((20, 30), bool)
    for y in range(20):
        for x in range(30):
            row, column = y + offset[1], x + offset[0]
            if 0 <= row < 60 and 0 <= column < 80:
                expected[y, x] = mask[row, column]
    np.testing.assert_array_equal(edits.over_layer(mask, layer), expected)


def test_a_copy_over_its_origin_is_not_seen_and_a_cut_leaves_a_hole():
    state, mask = opened(photo()), disc().astype(np.float32)
    copied = edits.cut_out(state, mask, leave=True)
    np.testing.assert_array_equal(picture(copied)[..., :3], picture(state))
    assert copied.layer.offset == (21, 16)
    assert copied.layer.image.shape == (19, 19, 4)
    cut = change(edits.cut_out(state, mask, leave=False), offset=(50, 30))
    clear = picture(cut)[..., 3] == 0
    moved = np.roll(disc(), (14, 29), (0, 1))
    np.testing.assert_array_equal(clear, disc() & ~moved)
    np.testing.assert_array_equal(picture(cut)[moved][:, :3], picture(state)[disc()])
    with pytest.raises(ie.errors.ImageError, match="layer"):
        edits.cut_out(change(copied, offset=(-40, -40)), mask, leave=True)


def test_what_is_pasted_fits_and_lies_in_the_middle():
    state = opened(photo())
    small = edits.paste(state, photo(20, 30), "small")
    assert (small.layer.offset, small.layer.image.shape) == ((25, 20), (20, 30, 3))
    large = edits.paste(state, photo(600, 400), "large")
    assert (large.layer.offset, large.layer.image.shape) == ((20, 0), (60, 40, 3))


def edited_in_every_way(image):
    """A document with each kind of edit that a recipe has to hold."""
    state = opened(image)
    yield state
    state = edits.remove(state, disc(), {"method": "telea", "grow": 1, "feather": 2}, progress=nothing)
    yield state
    state = edits.cut_out(state, disc(x=50).astype(np.float32), leave=True)
    state = change(change(state, offset=(3, 20)), mode="multiply", opacity=0.7)
    yield state
    state = edits.merge_down(state, "as shown", progress=nothing)
    yield state
    state = change(edits.paste(state, photo(20, 20, channels=4), "piece"), offset=(55, -5))
    yield edits.merge_down(state, "seamless, mixed", progress=nothing)
    state = edits.paste(state, photo(30, 10), "piece")
    yield state
    lower = change(State(state.layers, 1, state.steps), visible=False)
    yield lower
    state = edits.merge_down(state, "as shown", progress=nothing)  # of two layers above the photo
    yield state
    yield edits.enlarge(state, 2, None, progress=nothing)
    photo_chosen = State(state.layers, 0, state.steps)
    yield edits.mix_in(photo_chosen, ie.to_uint8(255 - ie.to_uint8(photo_chosen.layer.image)), 0.0, {"style": "none"})


@pytest.mark.parametrize(("dtype", "channels", "level"), [(np.uint8, 3, 1), (np.uint8, 4, 2), (np.uint16, 3, 2)])
def test_the_recipe_makes_the_same_picture_of_the_same_photo(tmp_path, dtype, channels, level):
    image = photo(dtype=dtype, channels=channels)
    count = 0
    for number, state in enumerate(edited_in_every_way(image)):
        if not state.recipe_steps() or state.recipe_steps()[-1].op == "stylize" or state.title == "Style":
            continue
        count += 1
        folder = tmp_path / str(number)
        folder.mkdir()
        save_recipe(state, folder / "what I did.toml")
        repeated = ie.Recipe.from_toml(folder / "what I did.toml").apply(image)
        expected = picture(state)
        assert repeated.shape == expected.shape
        # A layer that is blended rounds once each, a stack once in all.
        assert np.abs(repeated.astype(int) - expected.astype(int)).max() <= level, state.title
    assert count == 8


def test_a_style_is_a_step_with_its_strength(tmp_path):
    image, painting = photo(32, 32), tmp_path / "painting.png"
    ie.write(painting, photo(40, 40)[::-1].copy())
    style = of_painting(painting, 10)
    result, pyramid = painted(opened(image), style, progress=nothing)
    assert pyramid.size == (32, 32)
    state = edits.mix_in(opened(image), result, 0.5, style)
    assert np.abs(picture(state).astype(int) - (image.astype(int) + result) / 2).max() <= 1
    recipe = save_recipe(state, tmp_path / "recipe.toml")
    assert (tmp_path / "recipe-files/1-style.png").exists()
    assert recipe.steps[0].parameters["strength"] == 0.5
    assert np.abs(recipe.apply(image).astype(int) - picture(state).astype(int)).max() <= 1


def test_a_hidden_photo_has_no_recipe():
    state = edits.paste(opened(photo()), photo(20, 20), "piece")
    with pytest.raises(ie.errors.RecipeError, match="hidden"):
        change(State(state.layers, 0), visible=False).recipe_steps()


def test_history_goes_back_and_on_and_forgets_what_was_left():
    first = opened(photo())
    document = Document(first, None)
    second = change(first, opacity=0.5)
    document.commit(second)
    document.commit(change(second, opacity=0.4), amend=True)
    assert [state.layer.opacity for state in document.states] == [1, 0.4]
    document.index = 0
    document.commit(edits.paste(first, photo(9, 9), "piece"))
    assert [state.title for state in document.states] == ["Open", "Paste piece"]


def test_history_keeps_within_its_memory(monkeypatch):
    monkeypatch.setattr("desktop.document.MOST_BYTES", 5 * photo().nbytes)
    document = Document(opened(photo()), None)
    for seed in range(20):
        document.commit(change(document.state, image=photo() + np.uint8(seed)))
    assert len(document.states) == 5
    assert document.state.layer.image[0, 0, 0] == photo()[0, 0, 0] + 19
    kept = [change(document.state, opacity=0.1 * n) for n in range(10)]
    for state in kept:  # states that share their pixels cost nothing
        document.commit(state)
    assert len(document.states) > 10


def maker(path):
    with Image.open(path) as saved:
        return saved.getexif()[0x010F]


def test_a_photo_is_saved_with_its_metadata(tmp_path):
    source, target = tmp_path / "in.jpg", tmp_path / "out.jpg"
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    Image.fromarray(photo()).save(source, exif=exif, quality=95)
    document = open_document(source)
    state = edits.remove(document.state, disc(), {"method": "push-pull", "grow": 0, "feather": 0})
    save(state, target, document.metadata)
    assert maker(target) == "A camera"
    with pytest.raises(ie.errors.AlphaLossError):
        save(edits.cut_out(state, disc().astype(np.float32), leave=False), target, document.metadata)
    assert maker(target) == "A camera"


def test_layers_come_back_from_openraster(tmp_path):
    state = edits.cut_out(opened(photo()), disc().astype(np.float32), leave=True)
    state = change(state, mode="screen", opacity=0.5, offset=(7, 9), name="Spot")
    save(state, tmp_path / "layers.ora", None)
    again = open_document(tmp_path / "layers.ora").state
    assert [(layer.name, layer.mode, layer.offset) for layer in again.layers] == [
        ("Photo", "normal", None),
        ("Spot", "screen", (7, 9)),
    ]
    assert np.abs(picture(again).astype(int) - picture(state)).max() <= 1


def test_a_document_with_more_than_the_panel_shows_is_flattened(tmp_path):
    group = ie.Group([ie.Layer(photo(), offset=(0, 0))])
    ie.write_layers(tmp_path / "group.ora", [ie.Layer(photo()), group], size=(60, 80))
    state = open_document(tmp_path / "group.ora").state
    assert [layer.name for layer in state.layers] == ["Flattened"]
    np.testing.assert_array_equal(picture(state)[..., :3], photo())
