"""Train a net that repaints pictures in the style of any other picture.

It learns on some paintings, in crops, sizes and colours that change all the time, so that it does not know them but
what features say of them. The losses are those of `style`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from imgedit.strips import Progress
from imgedit.training.job import Job
from imgedit.training.loop import Task
from imgedit.training.losses import load_teacher
from imgedit.training.making import Plan, check_crop, make
from imgedit.training.nets import Features
from imgedit.training.pairs import batch_of, to_unit
from imgedit.training.pictures import at_longest, load_folders
from imgedit.training.style import COUNT, StyleLoss, crop_of, photos_to_repaint
from imgedit.training.style_nets import StyleAny

__all__ = ["StyleAnyTask", "train_style_any"]

# Longer sides that paintings are seen at: finer and coarser strokes.
PAINTINGS = (384, 512, 720)
# Share of paintings whose colours change places.
RECOLORED = 0.3
SHOWN = 6
MULTIPLE = 8
# Period of the hatching that it leaves on even ground, pixels.
GRID = 4


@dataclass
class StyleAnyTask(Task):
    """Learn to repaint photos in the style of another picture.

    Parameters
    ----------
    net : StyleAny
        The net.
    measure : StyleLoss
        What it is measured by.
    photos, paintings : list of ndarray of uint8
        Pictures to repaint, and pictures to learn styles from.
    held, unseen : list of ndarray of uint8
        Photos and paintings that are only shown.
    content, style : float
        Weights of the two differences.
    crop, count : int
        Side of a crop, and crops in a batch.
    """

    net: StyleAny
    measure: StyleLoss
    photos: list[NDArray[np.uint8]]
    paintings: list[NDArray[np.uint8]]
    held: list[NDArray[np.uint8]]
    unseen: list[NDArray[np.uint8]]
    content: float
    style: float
    crop: int
    count: int

    def batch(self, rng: np.random.Generator, done: float) -> dict[str, Tensor]:
        """Draw crops of photos and of paintings.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of chance.
        done : float
            Fraction of the run; the crops do not depend on it.

        Returns
        -------
        dict of Tensor
            "photo" and "painting", uint8, N x 3 x side x side.
        """
        del done
        photos = [crop_of(self.photos, rng, self.crop) for _ in range(self.count)]
        paintings = [crop_of(self.paintings, rng, self.crop) for _ in range(self.count)]
        paintings = [work[..., rng.permutation(3)] if rng.random() < RECOLORED else work for work in paintings]
        return {"photo": batch_of(photos), "painting": batch_of(paintings)}

    def loss(self, net: nn.Module, batch: dict[str, Tensor], done: float) -> tuple[Tensor, Tensor]:
        """Both differences by their weights.

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
        photo, painting = to_unit(batch["photo"]), to_unit(batch["painting"])
        painted = net(photo, painting)
        style, content = self._compared(painted, photo, painting)
        return (self.style * style + self.content * content).mean(), painted

    def _compared(self, painted: Tensor, photo: Tensor, painting: Tensor) -> tuple[Tensor, Tensor]:
        measure = self.measure.to(photo.device)
        with torch.no_grad():
            aims = measure.grams(painting)
        differences: tuple[Tensor, Tensor] = measure.compare(painted, photo, aims)
        return differences

    @torch.inference_mode()
    def evaluate(self, net: nn.Module) -> dict[str, float]:
        """Mean differences over the held photos and the paintings that are shown.

        Parameters
        ----------
        net : nn.Module
            The net.

        Returns
        -------
        dict of float
            "style" and "content".
        """
        figures = [
            torch.stack(self._compared(net.eval()(photo, painting), photo, painting)).flatten()
            for photo in self._units(net, self.held)
            for painting in self._units(net, self.unseen)
        ]
        style, content = torch.stack(figures).mean(0).tolist()
        return {"style": round(style, 4), "content": round(content, 4)}

    @torch.inference_mode()
    def picture(self, net: nn.Module) -> NDArray[np.uint8]:
        """Show the paintings, and below them the held photos in their styles, a row a photo.

        Parameters
        ----------
        net : nn.Module
            The net.

        Returns
        -------
        ndarray of uint8
            HxWx3.
        """
        paintings = self._units(net, self.unseen)
        rows = [torch.cat([torch.ones_like(paintings[0]), *paintings], 3)]
        for photo in self._units(net, self.held):
            rows.append(torch.cat([photo, *(net.eval()(photo, painting) for painting in paintings)], 3))
        sheet = torch.cat(rows, 2)[0].permute(1, 2, 0).mul(255).round().clamp(0, 255).byte()
        return np.asarray(sheet.cpu().numpy())

    def _units(self, net: nn.Module, pictures: Sequence[NDArray[np.uint8]]) -> list[Tensor]:
        device = next(net.parameters()).device
        return [to_unit(batch_of([picture[: self.crop, : self.crop]])).to(device) for picture in pictures]


def train_style_any(
    paintings: Sequence[Path],
    job: Job,
    *,
    unseen: Path | None = None,
    teacher: Path | None = None,
    content: float = 0.5,
    style: float = 3.0,
    crop: int = 256,
    progress: Progress | None = None,
) -> Path:
    """Train a net that repaints pictures in the style of any other, to an ONNX file with manifest and card.

    Parameters
    ----------
    paintings : sequence of Path
        Folders of pictures to learn styles from.
    job : Job
        Photos to repaint (by default those that come with scikit-image), output and length.
    unseen : Path, optional
        Folder of paintings that are measured and shown, and not to be found in `paintings`; by default some of those
        that are learnt.
    teacher : Path, optional
        A folded .npz, or an ONNX file of features, that the losses are measured in; by default the shipped
        features-small, which is also what the net sees with.
    content, style : float
        How much the picture shall show what the photo shows, and look as the painting does.
    crop : int
        Side of the crops, pixels, a multiple of 8.
    progress : callable, optional
        Given the fraction done; what it raises ends the run after a last checkpoint.

    Returns
    -------
    Path
        The ONNX file.

    Raises
    ------
    ArgumentError
        No painting, or a crop that is no multiple of 8.
    """
    check_crop(crop, MULTIPLE)

    def net() -> nn.Module:
        eyes = load_teacher(None)
        assert isinstance(eyes, Features)
        return StyleAny(eyes)

    def task(net: nn.Module) -> StyleAnyTask:
        assert isinstance(net, StyleAny)
        photos, held = photos_to_repaint(job, crop)
        works = load_folders(paintings, least_side=crop)
        learnt = [
            sized for work in works for side in PAINTINGS if min((sized := at_longest(work, side)).shape[:2]) >= crop
        ]
        shown = works if unseen is None else load_folders([unseen], least_side=crop)
        shown = [at_longest(work, max(PAINTINGS[1], 2 * crop)) for work in shown[:: max(1, len(shown) // SHOWN)]][
            :SHOWN
        ]
        measure = StyleLoss(load_teacher(teacher, pool="mean"), [])
        return StyleAnyTask(net, measure, photos, learnt or works, held, shown, content, style, crop, job.batch(COUNT))

    plan = Plan(
        kind="style-any",
        title="repaint a picture in the style of another",
        net=net,
        task=task,
        steps=3000,
        rate=1e-3,
        shipped="style-any",
        examples={"image": torch.rand(1, 3, 64, 80), "style": torch.rand(1, 3, 72, 96)},
        multiple=MULTIPLE,
        store="float16",
        manifest={
            "task": "style",
            "family": "pair",
            "inputs": ("image", "style"),
            "overlap": 64,
            "tiling": "avoid",
            "grid": GRID,
            "half": False,
        },
        options={"unseen": unseen, "content": content, "style": style, "crop": crop, "teacher": teacher},
        subjects=[folder.name for folder in paintings],
    )
    return make(plan, job, progress)
