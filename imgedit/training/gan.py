"""Train a generator of small pictures against a judge, with a reader at its side.

A generator that only has a judge to learn from soon draws one picture a class, since nothing asks it for the others. So
a second net reads each real picture into a latent, from which the generator draws it again, as near as features can
tell (CVAE-GAN: Bao et al. 2017, https://arxiv.org/abs/1703.10155): every picture is asked for, and the judge sees to it
that the drawing is sharp. How many nats a latent may tell of its picture is fixed (Burgess et al. 2018,
https://arxiv.org/abs/1804.03599, equation 8). Latents for new pictures are mixed from those that were read; see
`Drawing`.

Non-saturating loss (Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661). The judge looks through a net that knows
pictures (see `sampling_nets.Judge`), and its slope is held back every few steps (R1: Mescheder et al. 2018,
https://arxiv.org/abs/1801.04406), with respect to what it sees. That is moved, tinted and cut out, real and drawn
alike, so that it can't learn a small collection by heart (Zhao et al. 2020, https://arxiv.org/abs/2006.10738);
transparent pictures lie on a ground of a random colour. The baseline learns as DCGAN did, without that help.

What lost: a generator that draws from normal latents beside the read ones (it told them from each other, and had only
the judge to please there); a judge alone (after 3,000 steps of 16 flowers, petals all over and one picture a class);
spectral norm in place of R1 (the judge was too weak); batch norm in it as well (blind to how bright pictures are, which
ended in black and white).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import scipy.linalg
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from imgedit.errors import ArgumentError
from imgedit.strips import Progress
from imgedit.training.classes import Gallery, sheet
from imgedit.training.job import Job
from imgedit.training.loop import Task
from imgedit.training.losses import FeatureLoss, load_teacher
from imgedit.training.making import Plan, make
from imgedit.training.pairs import to_unit
from imgedit.training.sampling_nets import Baseline, BaselineJudge, Encoder, Generator, Judge

__all__ = ["Drawing", "GanTask", "Paired", "frechet", "read_all", "train_gan", "vary"]

# Numbers that `vary` wants for each picture, and the colour of the ground.
CHANCES = 7
GROUND = 3
# The slope is paid for every so many steps, so many times as dear.
LAZY = 8
# Nats that a latent tells of its picture, and the price of each more or less.
NATS = 80.0
NAT_PRICE = 0.01
# Weight of the judge's opinion beside the likeness of what was read and drawn again, which is about 1 at first.
OPINION = 0.2
# How much more those count that lie in the direction of a latent: two or three of 600 make up most of a mixture.
SHARPNESS = 3.0
# In the last eighth of a run, when the rate is low: price of the Fréchet distance between the features of real pictures
# and of those that were drawn last, and how many that are.
CROWD_FROM = 0.875
CROWD_PRICE = 0.2
CROWD = 512
# Pictures that the distance is measured on.
MEASURED = 1024
SHOWN = 8
TINY = 1e-6


class Paired(nn.Module):
    """A generator, and the reader that it learns with.

    Parameters
    ----------
    generator : Generator
        Draws.
    width : int
        Channels of the reader at the full size.
    """

    def __init__(self, generator: Generator, *, width: int = 24) -> None:
        super().__init__()
        self.generator, self.config = generator, generator.config
        side, channels, latent = (self.config[name] for name in ("side", "channels", "latent"))
        self.reader = Encoder(side, channels=channels, latent=latent, width=width)

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        """Draw from read or mixed latents.

        Parameters
        ----------
        latents : Tensor
            N x D.
        labels : Tensor
            N x K.

        Returns
        -------
        Tensor
            N x C x side x side.
        """
        drawn: Tensor = self.generator(latents, labels, torch.ones_like(latents[:, 0]))
        return drawn


class Drawing(nn.Module):
    """A generator with the latents of the pictures that it learnt.

    A normal latent asks for what lies in its direction, and gets the mean of what is remembered there, weighted by the
    exponential of how far it lies that way: an average over near neighbours (Nadaraya 1964, Watson 1964), in which
    everything changes smoothly, latents as well as labels.

    Parameters
    ----------
    generator : Generator
        Draws.
    read : Tensor
        N x D, what was read.
    labels : Tensor
        N x K.
    """

    read: Tensor
    toward: Tensor
    labels: Tensor

    def __init__(self, generator: Generator, read: Tensor, labels: Tensor) -> None:
        super().__init__()
        self.generator = generator
        self.register_buffer("read", read)
        self.register_buffer("labels", labels)
        middle = labels.T @ read / labels.sum(0)[:, None].clamp_min(1)
        self.register_buffer("toward", functional.normalize(read - labels @ middle, dim=1))

    def mix(self, latents: Tensor, labels: Tensor) -> Tensor:
        """Mix what was read.

        Parameters
        ----------
        latents : Tensor
            N x D, standard normal.
        labels : Tensor
            N x K.

        Returns
        -------
        Tensor
            N x D.
        """
        shares = (labels @ self.labels.T).clamp_min(1e-30).log()
        return torch.softmax(SHARPNESS * latents @ self.toward.T + shares, 1) @ self.read

    def forward(self, latents: Tensor, labels: Tensor, truncation: Tensor) -> Tensor:
        """Draw.

        Parameters
        ----------
        latents : Tensor
            N x D, standard normal.
        labels : Tensor
            N x K, rows summing to 1; N x 1 of ones where there are no classes.
        truncation : Tensor
            N, 1 for all that was learnt, 0 for the mean picture of the class.

        Returns
        -------
        Tensor
            N x C x side x side in [0, 1].
        """
        drawn: Tensor = self.generator(self.mix(latents, labels), labels, truncation)
        return drawn


@torch.no_grad()
def read_all(net: Paired, gallery: Gallery) -> Drawing:
    """Read all pictures of a gallery.

    Parameters
    ----------
    net : Paired
        The net.
    gallery : Gallery
        What it learns.

    Returns
    -------
    Drawing
        Its generator, with what that draws new pictures from; on the net's device.
    """
    device = next(net.parameters()).device
    parts = torch.from_numpy(gallery.pictures).split(64)
    read = torch.cat([net.reader(to_unit(part.to(device)))[0] for part in parts])
    return Drawing(net.generator, read, gallery.one_hot(gallery.labels).to(device))


def vary(pictures: Tensor, chances: Tensor) -> Tensor:
    """Change brightness, saturation and contrast, move by up to an eighth, cut out a square of half the side.

    Parameters
    ----------
    pictures : Tensor
        N x C x H x W in [0, 1]; alpha, if any, is moved and cut only.
    chances : Tensor
        N x 7, in [0, 1): what is done to each.

    Returns
    -------
    Tensor
        The same shape; differentiable.
    """
    color, rest = pictures[:, :3], pictures[:, 3:]
    brightness, saturation, contrast, *places = chances.unbind(1)
    color = color + (brightness - 0.5)[:, None, None, None]
    grey = color.mean(1, keepdim=True)
    color = grey + (color - grey) * (2 * saturation)[:, None, None, None]
    mean = color.mean((1, 2, 3), keepdim=True)
    color = mean + (color - mean) * (contrast + 0.5)[:, None, None, None]
    height, width = pictures.shape[2:]
    rows = torch.arange(height, device=pictures.device)[None, :, None]
    columns = torch.arange(width, device=pictures.device)[None, None, :]
    down, right, top, left = (place[:, None, None] for place in places)
    shift_down, shift_right = ((x * 2 - 1) * side / 8 for x, side in ((down, height), (right, width)))
    source_row, source_column = rows + shift_down.round().long(), columns + shift_right.round().long()
    inside = (source_row >= 0) & (source_row < height) & (source_column >= 0) & (source_column < width)
    index = source_row.clamp(0, height - 1) * width + source_column.clamp(0, width - 1)
    whole = torch.cat([color, rest], 1)
    moved = whole.flatten(2).gather(2, index.flatten(1)[:, None].expand(-1, whole.shape[1], -1)).view_as(whole)
    centre_row, centre_column = (top * height).round(), (left * width).round()
    cut = ((rows - centre_row).abs() <= height // 4) & ((columns - centre_column).abs() <= width // 4)
    return moved * (inside & ~cut)[:, None]


def frechet(real: NDArray[np.float64], made: NDArray[np.float64]) -> float:
    """Distance of two clouds of features, taken as Gaussians (Heusel et al. 2017, https://arxiv.org/abs/1706.08500).

    Parameters
    ----------
    real, made : ndarray of float64
        N x D.

    Returns
    -------
    float
        Squared distance of the means plus that of the covariances.
    """
    covariances = [np.cov(side, rowvar=False) for side in (real, made)]
    # The trace of a product's root is the sum of the roots of its eigenvalues: real, and at least 0 but for rounding.
    roots = np.sqrt(np.clip(scipy.linalg.eigvals(covariances[0] @ covariances[1]).real, 0, None)).sum()
    apart = np.square(real.mean(0) - made.mean(0)).sum()
    return float(apart + np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * roots)


class Crowd:
    """What was drawn last, as a cloud of features beside that of the real ones.

    Each drawing may please the judge, and all of them together still be too noisy or too much alike: the Fréchet
    distance as a loss (Mathiasen and Hvilshøj 2020, https://arxiv.org/abs/2009.14075) asks for the whole cloud.

    Parameters
    ----------
    real : ndarray of float64
        N x D, features of real pictures.
    made : Tensor
        M x D, of drawn ones, the oldest first.
    """

    def __init__(self, real: NDArray[np.float64], made: Tensor) -> None:
        covariance = np.cov(real, rowvar=False)
        values, vectors = np.linalg.eigh(covariance)
        root = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
        self.mean, self.root = (
            torch.from_numpy(array).to(made.device, torch.float64) for array in (real.mean(0), root)
        )
        self.trace = float(np.trace(covariance))
        self.made = made.detach()

    def distance(self, fresh: Tensor) -> Tensor:
        """Give the Fréchet distance once the oldest are replaced; its slope is as though all were as fresh.

        Parameters
        ----------
        fresh : Tensor
            N x D, features of what was just drawn.

        Returns
        -------
        Tensor
            A scalar.
        """
        cloud = torch.cat([self.made[len(fresh) :], fresh]).double()
        self.made = cloud.detach().to(fresh.dtype)
        away = cloud - cloud.mean(0)
        product = self.root @ (away.T @ away / (len(cloud) - 1)) @ self.root
        roots = torch.linalg.eigvalsh(product + TINY * torch.eye(len(product), device=product.device)).clamp_min(TINY)
        apart = (cloud.mean(0) - self.mean).square().sum() + self.trace
        distance = apart + away.square().sum() / (len(cloud) - 1) - 2 * roots.sqrt().sum()
        share = len(fresh) / len(cloud)
        whole: Tensor = distance.detach() + (distance - distance.detach()) / share
        return whole.float()


@dataclass
class GanTask(Task):
    """Learn to draw the pictures of a gallery.

    Parameters
    ----------
    net : Paired or Baseline
        The net.
    gallery : Gallery
        Real pictures.
    teacher : nn.Module
        Net of features that the distance is measured in.
    count : int
        Pictures in a batch.
    critic : Judge or BaselineJudge
        What it learns against.
    flip : bool
        Mirrored pictures are as good.
    gamma : float
        Weight of the judge's slope.
    known : Drawing, optional
        What is remembered of the pictures; read by the net where it is not given.
    crowd : Crowd, optional
        What was drawn last; drawn anew where it is not given.
    """

    net: Paired | Baseline
    gallery: Gallery
    teacher: nn.Module
    count: int
    critic: Judge | BaselineJudge
    flip: bool = True
    gamma: float = 1.0
    known: Drawing | None = None
    crowd: Crowd | None = None
    # The generator follows a judge that changes: it goes without inertia as well.
    inertia: float = 0.0

    def batch(self, rng: np.random.Generator, done: float) -> dict[str, Tensor]:
        """Draw real pictures, latents, and how both are varied.

        Parameters
        ----------
        rng : numpy.random.Generator
            Source of chance.
        done : float
            Fraction of the run; the batch does not depend on it.

        Returns
        -------
        dict of Tensor
            "real", "place" in the gallery, "label", "latent", "noise", "made label", "chances" (twice N x 10) and
            "pay".
        """
        del done
        places = rng.integers(len(self.gallery.pictures), size=self.count)
        real, label = self.gallery.take(rng, places, flip=self.flip)
        _, wanted = self.gallery.draw(rng, self.count, flip=False)
        latents, noise = rng.standard_normal((2, self.count, self.net.config["latent"]), dtype=np.float32)
        chances = rng.random((2, self.count, CHANCES + GROUND), dtype=np.float32)
        return {
            "real": real,
            "place": torch.from_numpy(places),
            "label": label,
            "latent": torch.from_numpy(latents),
            "noise": torch.from_numpy(noise),
            "made label": wanted,
            "chances": torch.from_numpy(chances),
            "pay": torch.tensor(rng.random() < 1 / LAZY),
        }

    def loss(self, net: nn.Module, batch: dict[str, Tensor], done: float) -> tuple[Tensor, Tensor]:
        """How surely the judge calls drawn pictures drawn, and how little the real ones that were read come back.

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
            A scalar, and the drawn pictures, half of them from pictures that were read.
        """
        latents, labels = batch["latent"], batch["made label"]
        if not isinstance(net, Paired):
            made = _seen(net(latents, labels, torch.ones_like(latents[:, 0])))
            return self._opinion(made, labels, batch), made
        real = to_unit(batch["real"])
        mean, spread = net.reader(real)
        nats = 0.5 * (mean.square() + spread.exp() - 1 - spread).sum(1).mean()
        again = net(mean + batch["noise"] * torch.exp(spread / 2), batch["label"])
        known = self._remembered(net)
        known.read[batch["place"]] = mean.detach()
        half = len(latents) // 2
        free = net(known.mix(latents[half:], labels[half:]), labels[half:])
        made = _seen(torch.cat([again[:half], free]))
        grounds = batch["chances"][1][:, CHANCES:]
        likeness = self._likeness(_on(again, grounds), _on(real, grounds))
        if real.shape[1] > 3:
            likeness = likeness + _coverage(again[:, 3:].float(), real[:, 3:])
        opinion = self._opinion(made, torch.cat([batch["label"][:half], labels[half:]]), batch)
        total = likeness + OPINION * opinion + NAT_PRICE * (nats - NATS).abs()
        if done > CROWD_FROM:
            total = total + CROWD_PRICE * self._crowd(net).distance(self._look(free))
        return total, made

    @torch.no_grad()
    def _crowd(self, net: Paired) -> Crowd:
        """Give what was drawn last; as many as that are drawn anew at first."""
        if self.crowd is None:
            rng = np.random.default_rng(1)
            device = next(net.parameters()).device
            real, labels = self.gallery.draw(rng, max(CROWD, len(self.gallery.pictures)), flip=False)
            latents = torch.from_numpy(rng.standard_normal((CROWD, self.net.config["latent"]), dtype=np.float32))
            draw = self._remembered(net)
            made = [
                self._look(net(draw.mix(part.to(device), label.to(device)), label.to(device)))
                for part, label in zip(latents.split(64), labels[:CROWD].split(64), strict=True)
            ]
            self.crowd = Crowd(self._features(to_unit(real).to(device)), torch.cat(made))
        return self.crowd

    def _look(self, pictures: Tensor) -> Tensor:
        seen: Tensor = self.teacher(_on_grey(pictures))[-1].float().mean((2, 3))
        return seen

    def _remembered(self, net: Paired) -> Drawing:
        """Give what is read of all pictures, as it was when each was last seen."""
        if self.known is None:
            self.known = read_all(net, self.gallery)
        return self.known

    def _likeness(self, drawn: Tensor, truth: Tensor) -> Tensor:
        return FeatureLoss(self.teacher)(drawn, truth) + (drawn - truth).abs().mean()

    def _opinion(self, made: Tensor, labels: Tensor, batch: dict[str, Tensor]) -> Tensor:
        return functional.softplus(-self.critic(self._shown(made, batch["chances"][0]), labels)).mean()

    def critic_loss(self, critic: nn.Module, made: Tensor, batch: dict[str, Tensor]) -> Tensor:
        """How wrong the judge is, and now and then its slope at real pictures.

        Parameters
        ----------
        critic : nn.Module
            The judge.
        made : Tensor
            Drawn pictures.
        batch : dict of Tensor
            As `batch` gives it.

        Returns
        -------
        Tensor
            A scalar.
        """
        half = len(made) // 2 if isinstance(self.net, Paired) else 0
        labels = torch.cat([batch["label"][:half], batch["made label"][half:]])
        loss = functional.softplus(critic(self._shown(made, batch["chances"][0]), labels)).mean()
        real, label = self._shown(_seen(to_unit(batch["real"])), batch["chances"][1]), batch["label"]
        if not (isinstance(critic, Judge) and bool(batch["pay"])):
            return loss + functional.softplus(-critic(real, label)).mean()
        with torch.no_grad():
            seen = critic.look(real)
        with torch.autocast(real.device.type, enabled=False):
            seen = [found.float().requires_grad_() for found in seen]
            score = critic.judge(seen, label)
            slopes = torch.autograd.grad(score.mean(1).sum(), seen, create_graph=True)
        steep = torch.stack([slope.square().sum((1, 2, 3)) for slope in slopes]).sum(0).mean()
        return loss + functional.softplus(-score).mean() + LAZY * 0.5 * self.gamma * steep

    def _shown(self, pictures: Tensor, chances: Tensor) -> Tensor:
        """Give pictures as the judge is shown them."""
        if not isinstance(self.critic, Judge):
            return pictures
        varied = vary(pictures, chances[:, :CHANCES])
        if varied.shape[1] == 3:
            return varied
        return varied[:, :3] + chances[:, CHANCES:, None, None] * (1 - varied[:, 3:])

    @torch.inference_mode()
    def evaluate(self, net: nn.Module) -> dict[str, float]:
        """Fréchet distance in the teacher's last map, mean over the picture, of 1,024 drawn and 1,024 real pictures.

        Parameters
        ----------
        net : nn.Module
            The net.

        Returns
        -------
        dict of float
            "frechet": of the drawn ones, and "frechet of real ones": of one half of the real ones to the other.
        """
        self.known = self.crowd = None  # time to read all anew
        rng = np.random.default_rng(0)
        real, labels = self.gallery.draw(rng, 2 * MEASURED, flip=False)
        device = next(net.parameters()).device
        features = self._features(to_unit(real).to(device))
        latents = torch.from_numpy(rng.standard_normal((MEASURED, self.net.config["latent"]), dtype=np.float32))
        draw = read_all(net, self.gallery) if isinstance(net, Paired) else net
        made = [
            draw.eval()(part.to(device), label.to(device), torch.ones(len(part), device=device))
            for part, label in zip(latents.split(64), labels[:MEASURED].split(64), strict=True)
        ]
        return {
            "frechet": float(f"{frechet(features[MEASURED:], self._features(torch.cat(made))):.4g}"),
            "frechet of real ones": float(f"{frechet(features[MEASURED:], features[:MEASURED]):.4g}"),
        }

    def _features(self, pictures: Tensor) -> NDArray[np.float64]:
        self.teacher.to(pictures.device)
        parts = [self._look(part).cpu().numpy() for part in pictures.split(64)]
        return np.concatenate(parts).astype(np.float64)

    @torch.inference_mode()
    def picture(self, net: nn.Module) -> NDArray[np.uint8]:
        """Show samples: a row a class (or eight rows), truncation 0.7; the last row goes from one latent to another.

        Parameters
        ----------
        net : nn.Module
            The net.

        Returns
        -------
        ndarray of uint8
            HxWx3.
        """
        device = next(net.parameters()).device
        kinds = max(1, len(self.gallery.classes))
        labels = np.arange(kinds).repeat(SHOWN) if kinds > 1 else np.zeros(SHOWN * SHOWN, np.int64)
        rng = np.random.default_rng(1)
        latents = rng.standard_normal((len(labels) + 2, self.net.config["latent"]), dtype=np.float32)
        path = np.linspace(latents[-2], latents[-1], SHOWN, dtype=np.float32)
        every = torch.from_numpy(np.concatenate([latents[:-2], path])).to(device)
        one_hot = self.gallery.one_hot(np.concatenate([labels, np.zeros(SHOWN, np.int64)])).to(device)
        draw = read_all(net, self.gallery) if isinstance(net, Paired) else net
        made = draw.eval()(every, one_hot, torch.full((len(every),), 0.7, device=device))
        return sheet(made, SHOWN)


def _seen(pictures: Tensor) -> Tensor:
    """Premultiply: colour under clear pixels is nobody's business."""
    if pictures.shape[1] == 3:
        return pictures
    return torch.cat([pictures[:, :3] * pictures[:, 3:], pictures[:, 3:]], 1)


def _on(pictures: Tensor, grounds: Tensor) -> Tensor:
    """Lay pictures with alpha on grounds, N x 3 or 3."""
    if pictures.shape[1] == 3:
        return pictures
    return pictures[:, :3] * pictures[:, 3:] + grounds[..., None, None] * (1 - pictures[:, 3:])


def _coverage(drawn: Tensor, truth: Tensor) -> Tensor:
    """Cross entropy of alpha: what is wholly clear can still be led back, where a difference has no slope any more."""
    near = 1e-6
    return -(truth * (drawn + near).log() + (1 - truth) * (1 - drawn + near).log()).mean()


def _on_grey(pictures: Tensor) -> Tensor:
    return _on(pictures, pictures.new_full((3,), 0.5))


def train_gan(
    job: Job,
    *,
    size: Literal[16, 32, 64, 128] = 64,
    alpha: bool = False,
    flip: bool = True,
    exclude: str | None = None,
    width: int = 32,
    baseline: bool = False,
    teacher: Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """Train a generator on a folder of pictures, to an ONNX file with manifest and card.

    Parameters
    ----------
    job : Job
        Data, output and length. Sub-folders of the data are classes.
    size : int
        Side of the pictures, pixels.
    alpha : bool
        Draw with transparency.
    flip : bool
        Mirrored pictures are as good.
    exclude : str, optional
        Shell pattern of names that are left out.
    width : int
        Channels at the full size; more below.
    baseline : bool
        A DCGAN in place of ours, to compare with; 64 pixels only.
    teacher : Path, optional
        Net of features that the judge looks through and the distance is measured in; by default the shipped
        features-small.
    progress : callable, optional
        Given the fraction done; what it raises ends the run after a last checkpoint.

    Returns
    -------
    Path
        The ONNX file.

    Raises
    ------
    ArgumentError
        Too few pictures, or a baseline of another size.
    """
    if baseline and size != 64:
        raise ArgumentError("size", f"is {size}", "the baseline draws 64 pixels")
    gallery = Gallery.load(job.data, side=size, alpha=alpha, exclude=exclude)
    channels, classes = 3 + alpha, len(gallery.classes)

    def net() -> nn.Module:
        if baseline:
            return Baseline(channels=channels, classes=classes, width=width)
        return Paired(Generator(size, channels=channels, classes=classes, width=width))

    def drawing(net: nn.Module) -> nn.Module:
        return read_all(net, gallery) if isinstance(net, Paired) else net

    def task(net: nn.Module) -> GanTask:
        assert isinstance(net, Paired | Baseline)
        eyes = load_teacher(teacher, pool="mean")
        critic: Judge | BaselineJudge
        if baseline:
            critic = BaselineJudge(channels=channels, classes=classes, width=width)
        else:
            examples = _on_grey(to_unit(torch.from_numpy(gallery.pictures[:: 1 + len(gallery.pictures) // 64])))
            critic = Judge(eyes, examples, classes=classes, width=width)
        return GanTask(net, gallery, eyes, job.batch(), critic, flip)

    roles = ("latent", "label", "truncation")
    plan = Plan(
        kind="gan",
        title=f"draw pictures of {size}x{size}, {'of ' + ', '.join(gallery.classes) if classes else 'one kind'}",
        net=net,
        task=task,
        steps=20_000,
        rate=2e-4 if baseline else 3e-4,
        examples=dict(
            zip(roles, (torch.randn(2, 128), torch.eye(max(1, classes))[[0, -1]], torch.ones(2)), strict=True)
        ),
        free_axes=(0,),
        store="float16",
        part=drawing,
        manifest={
            "task": "gan",
            "family": "generator",
            "inputs": roles,
            "classes": gallery.classes,
            "space": "z",
            "tiling": "never",
        },
        options={
            "size": size,
            "alpha": alpha,
            "exclude": exclude,
            "width": width,
            "baseline": baseline,
            "teacher": teacher,
            "no-flip": not flip,
        },
    )
    return make(plan, job, progress)
