"""Run samples/demo.toml over the photos of scikit-image with ``imgedit batch``, and make a page of before and after.

    python samples/demo.py demo

leaves ``demo/index.html``, which opens from disk, and beside it the photos, the recipe and the results.
"""

from __future__ import annotations

import html
import json
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

import imgedit as ie

SIZE = (480, 640)

# Pictures that come with scikit-image itself; its other ones are downloads.
PHOTOS = {
    "astronaut.png": "Astronaut",
    "chelsea.png": "Cat",
    "coffee.png": "Cup of coffee",
    "rocket.jpg": "Rocket",
    "motorcycle_left.png": "Motorcycle",
    "hubble_deep_field.jpg": "Deep field",
    "ihc.png": "Stained tissue",
    "retina.jpg": "Retina",
    "camera.png": "Cameraman, grey",
    "brick.png": "Brick, grey",
    "grass.png": "Grass, grey",
    "gravel.png": "Gravel, grey",
}

# One command each: title, and what follows `imgedit`. The result is written to more/, the first photo is "before".
MORE = {
    "Remove, filled with texture": "inpaint gravel.png --mask hole.png --method patchmatch",
    "Narrower, content kept": "carve rocket.png 480 440",
    "Twice the size, by a network": "upscale eye.png 2",
    "Painted like the Great Wave": "stylize astronaut.png great-wave",
    "Half Starry Night, half Scream": 'stylize coffee.png \'{"starry-night" = 0.5, "scream" = 0.5}\'',
    "JPEG traces off, by a network": "restore cat.jpg",
    "Perspective": "warp brick.png '[[1, 0.25, -60], [0, 1.1, 0], [0, 0.0009, 1]]' --background white",
    "Stars on an evening sky": "blend rocket.png hubble_deep_field.png screen --opacity 0.8",
    "The colours of another photo": "match-color coffee.png rocket.png --method transport",
    "Into one another, no seam": "pyramid-blend chelsea.png coffee.png half.png",
    "Local contrast": "clahe retina.png --clip 3",
    "A stamp, repeated": "draw-text astronaut.png imgedit --tile --angle 30 --size 9% --opacity 0.35",
    "Grey, 16 bits": "convert motorcycle_left.png --channels grey --depth 16",
    "Motion": "blur motorcycle_left.png --method motion --radius 18",
    "Gradient over a photo": "fill ihc.png linear:0,0,1,1:navy,orange --mode soft-light",
}


def main(folder: Path) -> int:
    """Make the demo in a folder, from nothing."""
    if folder.exists():
        shutil.rmtree(folder)
    (folder / "photos").mkdir(parents=True)
    shutil.copy(Path(__file__).with_suffix(".toml"), folder / "demo.toml")
    prepare(folder)
    command = ["batch", "demo.toml", "photos", "-o", "after"]
    code = subprocess.run([sys.executable, "-m", "imgedit", *command], cwd=folder, check=False).returncode
    rows = [json.loads(line) for line in (folder / "after/.imgedit/report.jsonl").read_text().splitlines()]
    cards = "\n".join(card(folder, number, title, line) for number, (title, line) in enumerate(MORE.items()))
    (folder / "index.html").write_text(page(rows, cards, (folder / "demo.toml").read_text(), " ".join(command)))
    return code


def prepare(folder: Path) -> None:
    """Bring all photos to one size and scratch them; make the logo and the mask that the recipe names."""
    pictures = Path(find_spec("skimage").origin).parent / "data"
    mask = scratches()
    ie.write(folder / "scratches.png", ie.to_uint8(mask))
    (folder / "more").mkdir()
    for name in PHOTOS:
        photo = ie.resize(ie.read(pictures / name), SIZE, fit="cover")
        ie.write(folder / "more" / f"{Path(name).stem}.png", photo)
        ie.write(folder / "photos" / f"{Path(name).stem}.png", ie.fill(photo, mask, "#f0f0f0", opacity=0.9))
    eye = ie.crop(ie.read(folder / "more" / "chelsea.png"), (160, 110, 320, 230))
    ie.write(folder / "more" / "eye.png", eye)
    ie.write(
        folder / "more" / "cat.jpg", ie.crop(ie.read(folder / "more" / "chelsea.png"), (140, 80, 380, 260)), quality=12
    )
    hole = np.zeros(SIZE, np.uint8)
    hole[200:270, 270:370] = 255
    ie.write(folder / "more" / "hole.png", hole)
    half = np.zeros(SIZE, np.uint8)
    half[:, SIZE[1] // 2 :] = 255
    ie.write(folder / "more" / "half.png", half)
    logo = ie.trim(ie.read(pictures / "logo.png"))
    ie.write(folder / "logo.png", ie.drop_shadow(ie.resize(logo, width=72), size=8, offset=(0, 3), expand=True))


def scratches() -> np.ndarray:
    """Draw a few thin, slightly bent lines."""
    rng = np.random.default_rng(7)
    mask = np.zeros(SIZE, np.uint8)
    for _ in range(9):
        start, angle = rng.uniform((0, 0), SIZE[::-1]), rng.uniform(1.2, 1.9)
        length, bend = rng.uniform(120, 420), rng.uniform(-0.0012, 0.0012)
        along = np.linspace(0, length, 40)
        x = start[0] + along * np.cos(angle) + bend * along**2
        y = start[1] - length / 2 + along * np.sin(angle)
        cv2.polylines(mask, [np.stack([x, y], 1).round().astype(np.int32)], False, 255, 2, cv2.LINE_AA)
    return mask.astype(np.float32) / 255


def card(folder: Path, number: int, title: str, line: str) -> str:
    """Do one command, and write its picture with it."""
    target = f"{number:02}.png"
    words = [*shlex.split(line), "-o", target]
    subprocess.run([sys.executable, "-m", "imgedit", *words], cwd=folder / "more", check=True)
    height, width = ie.info(folder / "more" / target).size
    return f"""<figure>
<div class="single">
<img src="more/{target}" alt="{html.escape(title)}" width="{width}" height="{height}" loading="lazy">
</div>
<figcaption>{html.escape(title)}</figcaption>
<code>imgedit {html.escape(line)} -o {target}</code>
</figure>"""


def page(rows: list[dict], cards: str, recipe: str, command: str) -> str:
    """Write the page: one slider a photo, the recipe, the command, and what single commands do."""
    titles = {Path(name).stem: title for name, title in PHOTOS.items()}
    figures = "\n".join(figure(Path(row["input"]).name, row, titles[Path(row["input"]).stem]) for row in rows)
    done = sum(row["state"] == "done" for row in rows)
    template = Path(__file__).with_suffix(".html").read_text()
    for mark, text in (
        ("{{figures}}", figures),
        ("{{cards}}", cards),
        ("{{recipe}}", html.escape(recipe)),
        ("{{command}}", html.escape(f"imgedit {command}")),
        ("{{count}}", f"{done} of {len(rows)}"),
        ("{{seconds}}", f"{sum(row['seconds'] for row in rows):.1f}"),
    ):
        template = template.replace(mark, text)
    return template


def figure(photo: str, row: dict, title: str) -> str:
    """Write one photo: both pictures on top of each other, and the slider between them."""
    title = html.escape(title)
    if row["state"] != "done":
        return f"<figure><figcaption>{title}: {html.escape(row['problem'])}</figcaption></figure>"
    height, width = SIZE
    size = f'width="{width}" height="{height}"'
    return f"""<figure>
<div class="pair">
<img src="photos/{photo}" alt="{title}, before" {size} loading="lazy">
<img src="after/{row["output"]}" alt="{title}, after" class="after" {size} loading="lazy">
<input type="range" min="0" max="100" value="50" aria-label="{title}: how much of the photo is shown as it was">
</div>
<figcaption>{title} <span>{row["seconds"]:.2f} s</span></figcaption>
</figure>"""


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo")))
