"""How each shipped net was made: the commands, with places for data and results."""

from __future__ import annotations

from imgedit.tables import Table

__all__ = ["RECIPES", "arguments"]

PHOTOS = "--data {data}/train/photos-cc0 --license BSD-3-Clause --commercial-use"
SET5 = "--held {data}/eval/set5"
BSDS = "--held {data}/eval/bsds-dev"
TEACHER = "--teacher {data}/features/darknet-reference-conv1-5/folded.npz"
EVERYTHING = (
    "--data {data}/train/photos-cc0 --data {data}/train/flowers-ccby-128 --data {data}/train/noto-emoji-128 "
    "--data {data}/train/paintings --license BSD-3-Clause --commercial-use"
)
PAINTINGS = {
    "great-wave": "hokusai_great_wave_1831",
    "starry-night": "van_gogh_starry_night_1889",
    "scream": "munch_scream_1893",
    "composition-vii": "kandinsky_composition_vii_1913",
    "woman-with-a-hat": "matisse_woman_with_a_hat_1905",
    "san-giorgio": "monet_san_giorgio_maggiore_1908",
    "udnie": "picabia_udnie_1913",
    "edtaonisl": "picabia_edtaonisl_1913",
    "shipwreck": "turner_shipwreck_minotaur_1810",
    "night-cafe": "van_gogh_night_cafe_1888",
    "olive-trees": "van_gogh_olive_trees_1889",
    "self-portrait": "van_gogh_self_portrait_1887",
    "metzinger": "delaunay_portrait_metzinger_1906",
    "wheat-field": "van_gogh_wheat_field_cypresses_1889",
}
STYLES = " ".join(f"{name}={{data}}/train/paintings/{file}.jpg" for name, file in PAINTINGS.items())
LARGE = "--crop 64 --count 8"
FLOWERS = "--data {data}/train/flowers-ccby-128 --license BSD-3-Clause --commercial-use"
# Of five skin tones, one: the others are the same drawing.
EMOJI = "--data {data}/train/noto-emoji-128 --exclude *_1f3f[c-f]* --alpha --license BSD-3-Clause --commercial-use"

RECIPES: Table[str] = Table(
    "recipe",
    {
        "features-small": f"features {EVERYTHING} {TEACHER} --steps 3200 --count 8",
        "sr-x2": f"superres {PHOTOS} {SET5} {LARGE} --scale 2 --scratch --steps 60000",
        "sr-x3": f"superres {PHOTOS} {SET5} {LARGE} --scale 3 --steps 30000 --init-from {{out}}/sr-x2/sr-x2.onnx",
        "sr-x4": f"superres {PHOTOS} {SET5} {LARGE} --scale 4 --steps 30000 --init-from {{out}}/sr-x2/sr-x2.onnx",
        "sr-x4-photo-plain": f"superres {PHOTOS} {BSDS} --scale 4 --photo --steps 100000 "
        "--init-from {out}/sr-x4/sr-x4.onnx",
        "sr-x4-photo-sharp": f"superres {PHOTOS} {BSDS} --scale 4 --photo --steps 40000 --rate 3e-4 {TEACHER} "
        "--perceptual 0.03 --adversarial 0.05 --init-from {out}/sr-x4-photo-plain/sr-x4-photo-plain.onnx",
        # A quarter of the way.
        "sr-x4-photo": "mean"
        + 3 * " {out}/sr-x4-photo-plain/sr-x4-photo-plain.onnx"
        + " {out}/sr-x4-photo-sharp/sr-x4-photo-sharp.onnx",
        "restore-jpeg-plain": f"restore {PHOTOS} {BSDS} --scratch --steps 60000",
        "restore-jpeg-relative": f"restore {PHOTOS} {BSDS} --relative --steps 1200 --rate 3e-4 "
        "--init-from {out}/restore-jpeg-plain/restore-jpeg-plain.onnx",
        "restore-jpeg": "mean {out}/restore-jpeg-plain/restore-jpeg-plain.onnx "
        "{out}/restore-jpeg-relative/restore-jpeg-relative.onnx",
        "inpaint-photo": f"inpaint {PHOTOS} {BSDS} --steps 150000 --init-from {{out}}/restore-jpeg/restore-jpeg.onnx",
        "inpaint-photo-sharp": f"inpaint {PHOTOS} {BSDS} --steps 60000 --rate 4e-4 {TEACHER} --perceptual 0.2 "
        "--adversarial 0.08 --init-from {out}/inpaint-photo/inpaint-photo.onnx",
        # Three quarters of the way.
        "inpaint-photo-gan": "mean {out}/inpaint-photo/inpaint-photo.onnx"
        + 3 * " {out}/inpaint-photo-sharp/inpaint-photo-sharp.onnx",
        "style-gallery": f"style {STYLES} {PHOTOS} {BSDS} {TEACHER} --count 4 --scratch --optimizer muon --steps 40000",
        "style-any": f"style-any {{data}}/train/paintings {PHOTOS} {BSDS} {TEACHER} --count 4 --scratch --steps 40000",
        "gan-flowers-64": f"gan {FLOWERS} {TEACHER} --count 32 --steps 100000",
        "gan-emoji-64": f"gan {EMOJI} {TEACHER} --count 32 --steps 100000",
        "dcgan-flowers-64": f"gan {FLOWERS} {TEACHER} --count 32 --steps 100000 --baseline",
        "vae-emoji-64": f"vae {EMOJI} --count 32 --steps 40000",
    },
)
"""What follows ``imgedit train``, without the folder of the result; a net stands after those that it starts from."""


def arguments(name: str, data: str, out: str, *, steps: int | None = None) -> list[str]:
    """Give the words of a recipe's command.

    Parameters
    ----------
    name : str
        A name of `RECIPES`.
    data, out : str
        Folder of all data, and folder of all results.
    steps : int, optional
        Length of the run, in place of what the recipe says.

    Returns
    -------
    list of str
        What follows ``imgedit train``.
    """
    words = [word.format(data=data, out=out) for word in RECIPES[name].split()]
    if steps is not None and "--steps" in words:
        words[words.index("--steps") + 1] = str(steps)
    return [*words, "--output", f"{out}/{name}"]
