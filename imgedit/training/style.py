"""Train a net that repaints pictures in the styles of paintings, one net for all of them.

The losses are those of Gatys, Ecker and Bethge (CVPR 2016, https://doi.org/10.1109/CVPR.2016.265): the Gram matrices
of a teacher's maps shall be the painting's, its third and fourth map the photo's. Johnson, Alahi and Fei-Fei (ECCV
2016, https://arxiv.org/abs/1603.08155) train a net on them. Each difference is divided by the size of what is aimed at,
so that levels and paintings count alike, and style is asked for at two scales, so that strokes and larger shapes both
come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from imgedit.errors import ArgumentError
from imgedit.geometry import resize
from imgedit.io import read
from imgedit.strips import Progress
from imgedit.training.job import Job
from imgedit.training.loop import Task
from imgedit.training.losses import Darknet, gram, lattice, load_teacher
from imgedit.training.making import Plan, make
from imgedit.training.pairs import batch_of, to_unit
from imgedit.training.pictures import at_longest, augment, load_folders, split, to_rgb
from imgedit.training.style_descent import CONTENT, SCALES
from imgedit.training.style_nets import StyleGallery

__all__ = ["COUNT", "StyleLoss", "StyleTask", "crop_of", "photos_to_repaint", "train_style"]

# A painting's longer side, in pixels: its strokes are as large in a repainted picture as they are at this size.
PAINTING = 512
# Longer sides that photos are learnt at: whole scenes, not their grain.
PHOTOS = (420, 640)
HELD = 3
# What sides are halved to the coarsest map of the coarser scale.
MULTIPLE = 32
# The net halves sizes three times: what repeats with that period is its own, no brush's. Where it adds a hundredth to a
# pixel, it costs a third of what the style does.
PERIOD, LATTICE_PRICE = 8, 500.0
# The teacher halves sizes four times: its own grid.
PHASES = 16
# Large crops in a batch, where the job does not say.
COUNT = 4


class StyleLoss(nn.Module):
    """How far pictures are from the style of paintings, and from showing what they should.

    Parameters
    ----------
    teacher : nn.Module
        From N x 3 x H x W to a list of maps.
    paintings : sequence of ndarray of uint8
        HxWx3, of any sizes.
    """

    def __init__(self, teacher: nn.Module, paintings: Sequence[NDArray[np.uint8]]) -> None:
        super().__init__()
        self.teacher = teacher
        with torch.no_grad():
            seen = [self.grams(prepared(painting)) for painting in paintings]
        self.count = len(seen[0]) if seen else 0
        for index, grams in enumerate(zip(*seen, strict=True)):
            self.register_buffer(f"gram{index}", torch.cat(grams))

    def look(self, x: Tensor) -> list[Tensor]:
        """Give the teacher's maps after their nonlinearity.

        Parameters
        ----------
        x : Tensor
            N x 3 x H x W, RGB in [0, 1].

        Returns
        -------
        list of Tensor
            From fine to coarse.
        """
        return [functional.leaky_relu(m, 0.1) for m in self.teacher(x)]

    def grams(self, x: Tensor, fine: list[Tensor] | None = None) -> list[Tensor]:
        """Give the Gram matrices of all maps, at all scales.

        Parameters
        ----------
        x : Tensor
            N x 3 x H x W, RGB in [0, 1].
        fine : list of Tensor, optional
            The maps of `x`, where they are known.

        Returns
        -------
        list of Tensor
            N x C x C each.
        """
        grams: list[Tensor] = []
        for scale in range(SCALES):
            maps = fine if scale == 0 and fine is not None else self.look(functional.avg_pool2d(x, 2**scale))
            grams += [gram(m.float()) for m in maps]
        return grams

    def forward(self, made: Tensor, shown: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Compare with a mix of the paintings.

        Parameters
        ----------
        made : Tensor
            N x 3 x H x W, RGB in [0, 1].
        shown : Tensor
            What the pictures should show, the same shape.
        weights : Tensor
            N x K, how much of which painting.

        Returns
        -------
        tuple of Tensor
            Differences in style and in content, N each; 0 is none, 1 about as much as a grey picture has.
        """
        grams = [getattr(self, f"gram{index}") for index in range(self.count)]
        return self.compare(made, shown, [torch.einsum("nk,kij->nij", weights, of) for of in grams])

    def compare(self, made: Tensor, shown: Tensor, aims: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Compare with Gram matrices.

        Parameters
        ----------
        made, shown : Tensor
            As for `forward`.
        aims : list of Tensor
            As `grams` gives them.

        Returns
        -------
        tuple of Tensor
            As `forward` gives them.
        """
        maps = self.look(made)
        with torch.no_grad():
            wanted = self.look(shown)
        content = made.new_zeros(len(made))
        for level in CONTENT:
            aim = wanted[level].float()
            error = (maps[level].float() - aim).square().mean((1, 2, 3)) / aim.square().mean((1, 2, 3))
            content = content + error / len(CONTENT)
        style = made.new_zeros(len(made))
        for ours, theirs in zip(self.grams(made, maps), aims, strict=True):
            style = style + (ours - theirs).square().sum((1, 2)) / theirs.square().sum((1, 2))
        return style / len(aims), content


def prepared(painting: NDArray[np.uint8]) -> Tensor:
    """Give a painting at the size at which it is a style.

    Parameters
    ----------
    painting : ndarray of uint8
        HxWx3.

    Returns
    -------
    Tensor
        1 x 3 x H x W, RGB in [0, 1].
    """
    factor = PAINTING / max(painting.shape[:2])
    height, width = (round(side * factor) for side in painting.shape[:2])
    return to_unit(batch_of([resize(painting, (height, width))]))


@dataclass
class StyleTask(Task):
    """Learn to repaint photos in the style of paintings.

    Parameters
    ----------
    net : StyleGallery
        The net.
    measure : StyleLoss
        What it is measured by; knows the paintings.
    photos : list of ndarray of uint8
        Photos to repaint.
    held : list of ndarray of uint8
        Photos that are repainted to see, never learnt.
    content, style : float
        Weights of the two differences.
    crop, count : int
        Side of a crop, a multiple of 8, and crops in a batch.
    """

    net: StyleGallery
    measure: StyleLoss
    photos: list[NDArray[np.uint8]]
    held: list[NDArray[np.uint8]]
    content: float
    style: float
    crop: int
    count: int

    def batch(self, rng: np.random.Generator, done: float) -> dict[str, Tensor]:
        """Draw crops and styles.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of chance.
        done : float
            Fraction of the run; the crops do not depend on it.

        Returns
        -------
        dict of Tensor
            "photo", uint8, N x 3 x side x side; "weights", N x K; and "phase", by how much what is compared is cut off
            at its top and left, 2.
        """
        del done
        crops = [crop_of(self.photos, rng, self.crop) for _ in range(self.count)]
        styles = self.net.config["styles"]
        weights = np.eye(styles, dtype=np.float32)[rng.integers(styles, size=self.count)]
        phase = torch.from_numpy(rng.integers(PHASES, size=2))
        return {"photo": batch_of(crops), "weights": torch.from_numpy(weights), "phase": phase}

    def loss(self, net: nn.Module, batch: dict[str, Tensor], done: float) -> tuple[Tensor, Tensor]:
        """Both differences by their weights, and the grid.

        Parameters
        ----------
        net : nn.Module
            The net.
        batch : dict of Tensor
            As `batch` gives it.
        done : float
            Fraction of the run.

        Returns
        -------
        tuple of Tensor
            A scalar, and the painted pictures.
        """
        del done
        photo = to_unit(batch["photo"])
        painted = net(photo, batch["weights"])
        # What holds at one place of the teacher's own grid alone is no style.
        top, left = batch["phase"].tolist()
        height, width = (side - PHASES for side in photo.shape[2:])
        cut = (
            painted[:, :, top : top + height, left : left + width],
            photo[:, :, top : top + height, left : left + width],
        )
        style, content = self.measure.to(photo.device)(*cut, batch["weights"])
        grid = LATTICE_PRICE * lattice(painted, PERIOD)
        return (self.style * style + self.content * content + grid).mean(), painted

    @torch.inference_mode()
    def evaluate(self, net: nn.Module) -> dict[str, float]:
        """Mean differences over the held photos and all styles, and how strong the grid is.

        Parameters
        ----------
        net : nn.Module
            The net.

        Returns
        -------
        dict of float
            "style" and "content"; "grid" in levels of 8 bit.
        """
        figures = []
        for photo in self._held(net):
            for weights in self._each(photo):
                painted = net.eval()(photo, weights)
                differences = self.measure.to(photo.device)(painted, photo, weights)
                figures.append(torch.cat([*differences, lattice(painted, PERIOD)]))
        style, content, grid = torch.stack(figures).mean(0).tolist()
        return {"style": round(style, 4), "content": round(content, 4), "grid": round(255 * grid**0.5, 2)}

    @torch.inference_mode()
    def picture(self, net: nn.Module) -> NDArray[np.uint8]:
        """Show the held photos in all styles: a row a photo.

        Parameters
        ----------
        net : nn.Module
            The net.

        Returns
        -------
        ndarray of uint8
            HxWx3.
        """
        rows = [torch.cat([photo, *(net.eval()(photo, w) for w in self._each(photo))], 3) for photo in self._held(net)]
        sheet = torch.cat(rows, 2)[0].permute(1, 2, 0).mul(255).round().clamp(0, 255).byte()
        return np.asarray(sheet.cpu().numpy())

    def _held(self, net: nn.Module) -> list[Tensor]:
        device = next(net.parameters()).device
        side = self.crop
        return [to_unit(batch_of([photo[:side, :side]])).to(device) for photo in self.held]

    def _each(self, photo: Tensor) -> list[Tensor]:
        return list(torch.eye(self.net.config["styles"], device=photo.device)[:, None])


def sample_photos() -> list[NDArray[np.uint8]]:
    """Give the photos that come with scikit-image: enough to learn a style on.

    Returns
    -------
    list of ndarray of uint8
        HxWx3.
    """
    import skimage.data

    names = ("astronaut", "chelsea", "coffee", "rocket", "hubble_deep_field", "immunohistochemistry")
    return [to_rgb(getattr(skimage.data, name)()) for name in names]


def photos_to_repaint(job: Job, crop: int) -> tuple[list[NDArray[np.uint8]], list[NDArray[np.uint8]]]:
    """Decode photos at the sizes at which whole scenes fit into crops.

    Parameters
    ----------
    job : Job
        Where they lie; by default they are those that come with scikit-image.
    crop : int
        Side of the crops, pixels.

    Returns
    -------
    tuple of list
        Those to learn, and those that are repainted to see.
    """
    loaded = load_folders(job.data, least_side=crop) if job.data else sample_photos()
    learnt, held = split(loaded) if job.held is None else (loaded, load_folders([job.held], least_side=crop))
    photos = [
        sized for photo in learnt for longest in PHOTOS if min((sized := at_longest(photo, longest)).shape[:2]) >= crop
    ]
    shown = [at_longest(photo, PHOTOS[0]) for photo in held]
    shown = [photo for photo in shown if min(photo.shape[:2]) >= crop][:HELD]
    return photos or learnt, shown or held[:HELD]


def crop_of(photos: Sequence[NDArray[np.uint8]], rng: np.random.Generator, side: int) -> NDArray[np.uint8]:
    """Cut a square out of one of some photos, half of the time mirrored.

    Parameters
    ----------
    photos : sequence of ndarray of uint8
        HxWx3.
    rng : numpy.random.Generator
        Source of chance.
    side : int
        Of the square, pixels.

    Returns
    -------
    ndarray of uint8
        side x side x 3.
    """
    photo = photos[int(rng.integers(len(photos)))]
    top, left = (int(rng.integers(extent - side + 1)) for extent in photo.shape[:2])
    return augment(photo[top : top + side, left : left + side], 4 if rng.random() < 0.5 else 0)


def train_style(
    paintings: Sequence[str | Path],
    job: Job,
    *,
    teacher: Path | None = None,
    content: float = 0.5,
    style: float = 3.0,
    crop: int = 256,
    progress: Progress | None = None,
) -> Path:
    """Train a net that repaints pictures in the styles of some paintings, to an ONNX file with manifest and card.

    Where `job` does not say what to start from, it is the shipped style-gallery: it can paint, and only has to learn
    how these paintings are painted.

    Parameters
    ----------
    paintings : sequence of str or Path
        Picture files; a style is called as its file, or by what stands before an equals sign: ``wave=kanagawa.jpg``.
    job : Job
        Photos to repaint (by default those that come with scikit-image), output and length.
    teacher : Path, optional
        A folded .npz, or an ONNX file of features; by default the shipped features-small.
    content, style : float
        How much the picture shall show what the photo shows, and look as the painting does.
    crop : int
        Side of the crops, pixels, a multiple of 32.
    progress : callable, optional
        Given the fraction done; what it raises ends the run after a last checkpoint.

    Returns
    -------
    Path
        The ONNX file.

    Raises
    ------
    ArgumentError
        No painting, two of one name, or a crop that is no multiple of 32.
    """
    named = [_named(str(painting)) for painting in paintings]
    names = [name for name, _ in named]
    if not names or len(set(names)) < len(names):
        raise ArgumentError("paintings", f"are {names}", "name one picture for each style, each with a name of its own")
    if crop % MULTIPLE or crop < 64:
        raise ArgumentError("crop", f"is {crop}", f"give a multiple of {MULTIPLE} from 64")
    pictures = [to_rgb(read(path)) for _, path in named]
    loaded = load_teacher(teacher, pool="mean")

    def fresh() -> StyleGallery:
        net = StyleGallery(len(names))
        if isinstance(loaded, Darknet):
            net.descent.eyes.load_state_dict(loaded.state_dict())
        net.descent.learn_styles([prepared(picture) for picture in pictures], fresh=True)
        return net

    def task(net: nn.Module) -> StyleTask:
        assert isinstance(net, StyleGallery)
        # Another net's eyes may have come since.
        net.descent.learn_styles([prepared(picture) for picture in pictures], fresh=False)
        measure = StyleLoss(loaded, pictures)
        photos, shown = photos_to_repaint(job, crop)
        return StyleTask(net, measure, photos, shown, content, style, crop, job.batch(COUNT))

    plan = Plan(
        kind="style",
        title=f"repaint pictures in {len(names)} style{'s' * (len(names) > 1)}",
        net=fresh,
        task=task,
        # A quarter of an hour on two cores.
        steps=450,
        rate=1e-3,
        shipped="style-gallery",
        examples={"image": torch.rand(1, 3, 64, 96), "weights": torch.eye(len(names))[:1]},
        multiple=MULTIPLE,
        # One picture at a time, as `stylize` asks: with any number torch proves shapes for twice as long.
        free_axes=(2, 3),
        store="int8",
        stepped=True,
        bends=True,
        manifest={
            "task": "style",
            "family": "gallery",
            "inputs": ("image", "weights"),
            "classes": tuple(names),
            "overlap": 64,
            "half": False,
        },
        options={"content": content, "style": style, "crop": crop, "teacher": teacher},
        subjects=[f"{name}={path.name}" for name, path in named],
    )
    return make(plan, job, progress)


def _named(painting: str) -> tuple[str, Path]:
    name, sign, path = painting.partition("=")
    if sign and not Path(painting).exists():
        return name, Path(path)
    return Path(painting).stem.replace("_", "-").lower(), Path(painting)
