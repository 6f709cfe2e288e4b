"""`imgedit train`: networks from folders of pictures. PyTorch is looked for when a training begins."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter as Option

from imgedit.cli.console import bar, show
from imgedit.errors import MissingExtraError
from imgedit.training.job import Job, Weights

__all__ = ["TRAININGS"]

# Their fields are options of the command themselves.
SharedJob = Annotated[Job, Option(name="*")]
SharedWeights = Annotated[Weights, Option(name="*")]


def superres(
    *,
    job: SharedJob,
    scale: Literal[2, 3, 4] = 4,
    crop: int = 48,
    channels: int = 32,
    blocks: int = 13,
    photo: Annotated[bool, Option(negative=())] = False,
    weights: SharedWeights | None = None,
) -> None:
    """Train a super-resolution net on photos, to an ONNX file that upscale takes at once.

    Parameters
    ----------
    scale : int
        Factor of enlargement.
    crop : int
        Side of the small crops, pixels.
    channels : int
        Width of the net.
    blocks : int
        Depth of the net, three convolutions each.
    photo : bool
        Learn blurred, noisy, compressed pictures, and drawn ones among them, in place of clean reductions.
    """
    options = {"scale": scale, "crop": crop, "channels": channels, "blocks": blocks, "photo": photo, "weights": weights}
    _train("superres", "train_superres", job, options)


def restore(
    *,
    job: SharedJob,
    crop: int = 96,
    channels: int = 48,
    blocks: int = 5,
    relative: Annotated[bool, Option(negative=())] = False,
    weights: SharedWeights | None = None,
) -> None:
    """Train a net that takes JPEG artefacts and noise off a picture.

    Parameters
    ----------
    crop : int
        Side of the crops, pixels, even.
    channels : int
        Width of the net.
    blocks : int
        Depth of the net, three convolutions each.
    relative : bool
        Divide each crop's error by what was wrong with it, so that what is good already comes back as it was: for a
        second stage, from a net that restores.
    """
    options = {"crop": crop, "channels": channels, "blocks": blocks, "relative": relative, "weights": weights}
    _train("restoration", "train_restoration", job, options)


def inpaint(*, job: SharedJob, crop: int = 256, weights: SharedWeights | None = None) -> None:
    """Train a net that fills holes: first as it is, then with --init-from, --perceptual and --adversarial.

    Parameters
    ----------
    crop : int
        Side of the crops, pixels, a multiple of 32.
    """
    _train("inpainting", "train_inpainting", job, {"crop": crop, "weights": weights})


def features(*, job: SharedJob, teacher: Path | None = None, crop: int = 128) -> None:
    """Distil a net of features from a teacher, for perceptual distances and style.

    Parameters
    ----------
    teacher : Path
        A folded .npz, or an ONNX file of this kind; by default the shipped features-small.
    crop : int
        Side of the crops, pixels, a multiple of 16.
    """
    _train("features", "train_features", job, {"teacher": teacher, "crop": crop})


def style(
    paintings: list[str],
    /,
    *,
    job: SharedJob,
    teacher: Path | None = None,
    content: float = 0.5,
    style: float = 3.0,
    crop: int = 256,
) -> None:
    """Train a net that repaints pictures in the styles of paintings.

    Parameters
    ----------
    paintings : list of str
        Picture files. A style is called as its file, or by what stands before an equals sign: wave=kanagawa.jpg.
    teacher : Path
        A folded .npz, or an ONNX file of features; by default the shipped features-small.
    content : float
        How much a result shall show what the photo shows.
    style : float
        How much a result shall look as the painting does.
    crop : int
        Side of the crops, pixels, a multiple of 4.
    """
    options = {"teacher": teacher, "content": content, "style": style, "crop": crop}
    _train("style", "train_style", job, options, paintings)


def style_any(
    paintings: list[Path],
    /,
    *,
    job: SharedJob,
    unseen: Path | None = None,
    teacher: Path | None = None,
    content: float = 0.5,
    style: float = 3.0,
    crop: int = 256,
) -> None:
    """Train a net that repaints pictures in the style of any other picture.

    Parameters
    ----------
    paintings : list of Path
        Folders of pictures to learn styles from.
    unseen : Path
        Folder of paintings that are measured and shown, and not learnt.
    teacher : Path
        A folded .npz, or an ONNX file of features; by default the shipped features-small.
    content : float
        How much a result shall show what the photo shows.
    style : float
        How much a result shall look as the painting does.
    crop : int
        Side of the crops, pixels, a multiple of 8.
    """
    options = {"unseen": unseen, "teacher": teacher, "content": content, "style": style, "crop": crop}
    _train("style_any", "train_style_any", job, options, paintings)


def gatys_graph(*, job: SharedJob, teacher: Path | None = None) -> None:
    """Write the graph of loss and gradient that stylize --method gatys descends on; nothing is learnt.

    Parameters
    ----------
    teacher : Path
        A folded .npz, or an ONNX file of features; by default the shipped features-small.
    """
    _train("gatys", "write_gatys_graph", job, {"teacher": teacher})


def gan(
    *,
    job: SharedJob,
    size: Literal[16, 32, 64, 128] = 64,
    alpha: Annotated[bool, Option(negative=())] = False,
    flip: bool = True,
    exclude: str | None = None,
    width: int = 32,
    baseline: Annotated[bool, Option(negative=())] = False,
    teacher: Path | None = None,
) -> None:
    """Train a generator that draws pictures like those of a folder; its sub-folders are classes.

    Parameters
    ----------
    size : int
        Side of the pictures, pixels.
    alpha : bool
        Draw with transparency.
    flip : bool
        Mirrored pictures are as good.
    exclude : str
        Shell pattern of file names that are left out.
    width : int
        Channels at the full size; more below.
    baseline : bool
        A DCGAN in place of ours, to compare with.
    teacher : Path
        Net of features that the judge looks through and the distance is measured in; by default the shipped
        features-small.
    """
    options = {
        "size": size,
        "alpha": alpha,
        "flip": flip,
        "exclude": exclude,
        "width": width,
        "baseline": baseline,
        "teacher": teacher,
    }
    _train("gan", "train_gan", job, options)


def vae(
    *,
    job: SharedJob,
    size: Literal[16, 32, 64, 128] = 64,
    alpha: Annotated[bool, Option(negative=())] = False,
    flip: bool = True,
    exclude: str | None = None,
    latent: int = 128,
    width: int = 24,
) -> None:
    """Train an encoder and a decoder of small pictures, two ONNX files.

    Parameters
    ----------
    size : int
        Side of the pictures, pixels.
    alpha : bool
        Read and draw transparency.
    flip : bool
        Mirrored pictures are as good.
    exclude : str
        Shell pattern of file names that are left out.
    latent : int
        Numbers in a latent.
    width : int
        Channels at the full size; more below.
    """
    options = {"size": size, "alpha": alpha, "flip": flip, "exclude": exclude, "latent": latent, "width": width}
    _train("vae", "train_vae", job, options)


def recipe(
    names: list[str],
    /,
    *,
    data: Path,
    output: Annotated[Path, Option(alias="-o")],
    steps: int | None = None,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    workers: int = 1,
) -> int:
    """Make shipped nets again, one after another, each in a folder of its own.

    A net that is finished is left alone, and one that was stopped goes on.

    Parameters
    ----------
    names : list of str
        Names of models, as features-small, or "all".
    data : Path
        Folder that holds train, eval and features.
    output : Path
        Folder for the results.
    steps : int
        Length of every run, in place of what the recipe says.
    device : str
        Where to train.
    workers : int
        Threads that prepare pictures while the net works.
    """
    from imgedit.cli import run
    from imgedit.training.recipes import RECIPES, arguments

    for name in RECIPES if names == ["all"] else names:
        words = arguments(name, str(data), str(output), steps=steps)
        if (output / name / f"{name}.md").exists():
            continue
        # A recipe without steps learns nothing, and runs anywhere.
        place = ["--device", device, "--workers", str(workers)] if "--steps" in words else []
        code = run(["train", *words, *place])
        if code:
            return code
    return 0


def quantize(
    model: str,
    /,
    *,
    data: list[Path],
    output: Annotated[Path, Option(alias="-o")],
    as_json: Annotated[bool, Option(name="--json", negative=())] = False,
) -> None:
    """Write a twin of a net that computes in 8-bit whole numbers, quicker on processors, and measure what it loses.

    Needs no torch. The loss stands in the card beside the file, NAME-int8.md.

    Parameters
    ----------
    model : str
        A model's name, or the path of an ONNX file: a net from RGB to RGB.
    data : list of Path
        Folders of photos, two of 240x240 pixels at least.
    output : Path
        Folder for the twin, its manifest and its card.
    as_json : bool
        Print JSON.
    """
    from imgedit.training.pictures import load_folders
    from imgedit.training.quantization import EXAMPLES, SIDE, quantize

    photos = load_folders(data, least_side=SIDE, most_pixels=2 * EXAMPLES * 2_000_000)
    with bar("quantize") as progress:
        twin = quantize(model, photos, output, progress=progress)
    facts: dict[str, Any] = {"path": str(twin.path), "agreement_db": round(twin.agreement, 2)}
    if twin.original is not None and twin.quantized is not None:
        facts |= {"psnr_db": round(twin.quantized, 3), "loss_db": round(twin.original - twin.quantized, 3)}
    show(facts, as_json=as_json)


def mean(models: list[str], /, *, output: Annotated[Path, Option(alias="-o")]) -> None:
    """Write the net whose weights are the mean of others' that began as one; needs no torch.

    Parameters
    ----------
    models : list of str
        Two models or more, by name or as paths of ONNX files; the manifest is the first one's.
    output : Path
        Folder for the mean, which is called as the folder is, its manifest and its card.
    """
    from imgedit.training.mean import mean_of

    print(mean_of(models, output))


def _train(module: str, function: str, job: Job, options: dict[str, Any], *first: Any) -> None:
    try:
        train = getattr(importlib.import_module(f"imgedit.training.{module}"), function)
    except ModuleNotFoundError as missing:
        raise MissingExtraError(missing.name or "torch", "train", "training") from missing
    with bar("train") as progress:
        path = train(*first, job, **options, progress=progress)
    print(path)


TRAININGS: dict[str, Callable[..., Any]] = {
    "features": features,
    "gan": gan,
    "gatys-graph": gatys_graph,
    "inpaint": inpaint,
    "mean": mean,
    "quantize": quantize,
    "recipe": recipe,
    "restore": restore,
    "style": style,
    "style-any": style_any,
    "superres": superres,
    "vae": vae,
}
