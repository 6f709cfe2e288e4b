"""One ONNX model on one device that really runs: the only import of onnxruntime.

ONNX Runtime lists providers that it can't load and quietly runs on the CPU instead, so what was asked for is checked
after the session exists: a device that is not active is an error that says what is missing, unless ``fallback=True``
allows the CPU.
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import importlib.util
import io
import os
import threading
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.errors import ArgumentError, DeviceError, ModelError, ModelTimeoutError
from imgedit.models.manifest import Manifest
from imgedit.tables import Table

__all__ = ["DEVICES", "Device", "Model", "Port"]

# What a file that is no model usually begins with, and what it then is.
IMPOSTORS = {
    b"version https://git-lfs": "is a git-LFS pointer, not the model itself; fetch it with git lfs pull",
    b"<!DOCTYPE": "is a web page, not a model; the download went wrong",
    b"<html": "is a web page, not a model; the download went wrong",
    b"PK\x03\x04": "is a zip archive (a PyTorch file?), not ONNX; export it to ONNX first",
    b"\x80\x02": "is a Python pickle, not ONNX; export it to ONNX first",
}


@dataclass(frozen=True)
class Device:
    """A kind of device: its provider, the provider's options, and the libraries that it can't do without."""

    provider: str
    options: tuple[tuple[str, str], ...] = ()
    libraries: tuple[str, ...] = ()
    remedy: str = ""


CUDA_LIBRARIES = ("cuda", "cudart", "cublasLt", "cudnn")
CUDA_REMEDY = (
    "install an NVIDIA driver for CUDA 13 and the libraries from pip: onnxruntime-gpu with nvidia-cuda-runtime, "
    "nvidia-cublas, nvidia-cufft, nvidia-curand and nvidia-cudnn-cu13"
)

DEVICES: Table[Device] = Table(
    "device",
    {
        "cpu": Device("CPUExecutionProvider"),
        # The exhaustive search of convolution algorithms takes seconds for every new size, and images have many.
        "cuda": Device(
            "CUDAExecutionProvider",
            (("cudnn_conv_algo_search", "HEURISTIC"), ("arena_extend_strategy", "kSameAsRequested")),
            CUDA_LIBRARIES,
            CUDA_REMEDY,
        ),
        "tensorrt": Device(
            "TensorrtExecutionProvider",
            (("trt_fp16_enable", "0"),),
            (*CUDA_LIBRARIES, "nvinfer"),
            f"{CUDA_REMEDY}, and tensorrt",
        ),
        "directml": Device("DmlExecutionProvider", remedy="on Windows: pip install onnxruntime-directml"),
        "coreml": Device("CoreMLExecutionProvider", remedy="on macOS: pip install onnxruntime"),
    },
)

# Best first; TensorRT is left out because it compiles for minutes before its first result.
AUTO = ("cuda", "directml", "coreml", "cpu")


@dataclass(frozen=True)
class Port:
    """An input or output of a model: name, shape (None where any size goes) and dtype, as the file declares them."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


class Model:
    """An ONNX model, loaded.

    It may be used from several threads at once, but not in a process that was forked off after it was made, and it does
    not pickle: make one in each process.

    Parameters
    ----------
    path : Path
        The ONNX file.
    manifest : Manifest
        What the file itself does not say.
    device : str
        A name in DEVICES, with a number after a colon where there are several ("cuda:1"), or "auto" for the best that
        works.
    fallback : bool
        Let the CPU take the place of a device that does not work, with a warning.
    threads : int, optional
        Threads of the CPU; by default as many as OpenCV may use.

    Raises
    ------
    ModelError
        The file is no model, or one that this version of ONNX Runtime can't run.
    DeviceError
        The device does not work; says what is missing.
    """

    def __init__(
        self,
        path: Path,
        manifest: Manifest,
        *,
        device: str = "auto",
        fallback: bool = False,
        threads: int | None = None,
    ) -> None:
        self.path = path
        self.manifest = manifest
        self._process = os.getpid()
        refuse_impostor(path)
        self.device, self._session = _open(path, device, fallback, threads or cv2.getNumThreads() or 1)
        self.inputs = tuple(map(_port, self._session.get_inputs()))
        self.outputs = tuple(map(_port, self._session.get_outputs()))

    def __reduce__(self) -> Any:
        raise TypeError("a Model stays in its process: pass its name or path and load it there")

    def run(self, *arrays: NDArray[Any], seconds: float = 300.0) -> list[NDArray[Any]]:
        """Run the model once.

        Parameters
        ----------
        *arrays : ndarray
            One for each input, in the model's order, of its shape and dtype.
        seconds : float
            Deadline; an endless loop inside a model is stopped then.

        Returns
        -------
        list of ndarray
            One for each output.

        Raises
        ------
        ModelError
            ONNX Runtime failed; the message is its own.
        ModelTimeoutError
            The deadline passed.
        """
        import onnxruntime

        if os.getpid() != self._process:
            raise ModelError(self.path, "was loaded before this process was forked; start processes with 'spawn'")
        feeds = {port.name: array for port, array in zip(self.inputs, arrays, strict=True)}
        options = onnxruntime.RunOptions()
        with _deadline(options, seconds) as passed:
            try:
                results: list[NDArray[Any]] = self._session.run(None, feeds, options)
            except Exception as problem:
                if passed.is_set():
                    raise ModelTimeoutError(self.path, f"ran for more than {seconds:g} s and was stopped") from None
                raise ModelError(self.path, f"failed on {_shapes(arrays)}: {_first_line(problem)}") from problem
        return results


@contextlib.contextmanager
def _deadline(options: Any, seconds: float) -> Iterator[threading.Event]:
    passed = threading.Event()

    def stop() -> None:
        passed.set()
        options.terminate = True

    watch = threading.Timer(seconds, stop)
    watch.daemon = True
    watch.start()
    try:
        yield passed
    finally:
        watch.cancel()


def _open(path: Path, device: str, fallback: bool, threads: int) -> tuple[str, Any]:
    if device == "auto":
        names = [name for name in AUTO if name == "cpu" or not missing(name)]
        for name in names[:-1]:
            with contextlib.suppress(DeviceError):
                return name, _session(path, name, 0, threads)
        return "cpu", _session(path, "cpu", 0, threads)
    name, _, number = device.partition(":")
    DEVICES[name]
    if number and not number.isdecimal():
        raise ArgumentError("device", f"is {device!r}", "number devices from 0: 'cuda:0'")
    try:
        absent = missing(name)
        if absent:
            raise DeviceError(device, f"needs {', '.join(absent)}; {DEVICES[name].remedy}")
        return device, _session(path, name, int(number or 0), threads)
    except DeviceError as problem:
        if not fallback:
            raise
        warnings.warn(f"{problem}; running on the CPU", RuntimeWarning, stacklevel=4)
        return "cpu", _session(path, "cpu", 0, threads)


def missing(name: str) -> list[str]:
    """Say what a device lacks on this machine.

    Parameters
    ----------
    name : str
        A name in DEVICES.

    Returns
    -------
    list of str
        Provider and libraries that can't be found; empty where a session is worth a try.
    """
    import onnxruntime

    device = DEVICES[name]
    if device.provider not in onnxruntime.get_available_providers():
        return [f"a wheel of onnxruntime with {device.provider}"]
    if device.libraries and _loads("cuda") and any(map(importlib.util.find_spec, ("nvidia", "torch"))):
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what it can't find; that is said below
            onnxruntime.preload_dlls()
    return [f"the library {library}" for library in device.libraries if not _loads(library)]


def _loads(library: str) -> bool:
    # The versions that this generation of wheels is built for; the plain name finds what the system has.
    names = [f"lib{library}.so.{version}" for version in (13, 12, 10, 9, 1)] + [ctypes.util.find_library(library)]
    if os.name == "nt":
        names = ["nvcuda.dll" if library == "cuda" else ctypes.util.find_library(f"{library}64_13")]
    for name in filter(None, names):
        with contextlib.suppress(OSError):
            ctypes.CDLL(name)
            return True
    return False


def _session(path: Path, name: str, number: int, threads: int) -> Any:
    import onnxruntime

    device = DEVICES[name]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    settings = dict(device.options)
    if name in ("cuda", "tensorrt", "directml"):
        settings["device_id"] = str(number)
    try:
        session = onnxruntime.InferenceSession(path, options, providers=[(device.provider, settings)])
    except Exception as problem:
        if name != "cpu":
            raise DeviceError(name, f"can't run {path.name}: {_first_line(problem)}") from problem
        raise ModelError(path, f"can't be loaded: {_first_line(problem)}") from problem
    running = session.get_providers()
    if running[0] != device.provider:
        raise DeviceError(name, f"was asked for, but ONNX Runtime runs on {running[0]}; {device.remedy}")
    return session


def refuse_impostor(path: Path) -> None:
    """Refuse a file that is plainly not a model, with the reason.

    Parameters
    ----------
    path : Path
        What is given as an ONNX file.

    Raises
    ------
    ModelError
        Empty, a pointer, a web page, an archive or a pickle; or not a regular file.
    """
    if not path.is_file():
        raise ModelError(path, "is not a file; imgedit models lists what there is")
    with path.open("rb") as file:
        head = file.read(64)
    if not head:
        raise ModelError(path, "is empty")
    for start, reason in IMPOSTORS.items():
        if head.lstrip().lower().startswith(start.lower()):
            raise ModelError(path, reason)


def _port(node: Any) -> Port:
    shape = tuple(side if isinstance(side, int) and side > 0 else None for side in node.shape)
    return Port(node.name, shape, str(node.type).removeprefix("tensor(").removesuffix(")"))


def _first_line(problem: BaseException) -> str:
    text = str(problem).strip() or type(problem).__name__
    return text.splitlines()[0]


def _shapes(arrays: Sequence[NDArray[Any]]) -> str:
    return ", ".join(f"{'x'.join(map(str, np.shape(array)))} {array.dtype}" for array in arrays)
