"""Devices that really run: what each needs, what of that is missing here, and a session on it that was verified.

ONNX Runtime lists providers whose libraries it can't load, and then quietly gives a session on the CPU (its issues
17801, 23372 and others). So nothing that it lists is believed: the libraries are loaded first, a session must report
the provider that was asked for, at least one node must be placed on it, and `works` runs a small net and looks at the
numbers.
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import functools
import importlib.util
import io
import os
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgedit.errors import ArgumentError, DeviceError, ModelError, ModelTimeoutError, UnknownNameError
from imgedit.models.graph import small_net
from imgedit.models.watching import Late, watched
from imgedit.tables import Table, advice

__all__ = ["DEVICES", "Device", "Settings", "missing", "open_session", "works"]


@dataclass(frozen=True)
class Device:
    """A kind of device: its provider, the provider's options, and the libraries that it can't do without."""

    provider: str
    options: tuple[tuple[str, str], ...] = ()
    libraries: tuple[str, ...] = ()
    remedy: str = ""
    half: bool = False
    """Whether float16 is faster there."""
    memory: str = "cpu"
    """Where its tensors lie, as I/O binding names it."""


# In the order in which they need each other, with the version that goes with the major version of CUDA.
CUDA_LIBRARIES = (
    "cuda.so.1",
    "cudart.so.{cuda}",
    "cublasLt.so.{cuda}",
    "cublas.so.{cuda}",
    "curand.so.10",
    "cudnn.so.9",
)
CUDA_REMEDY = (
    "install an NVIDIA driver for CUDA {cuda}, and the libraries with: pip install 'onnxruntime-gpu[cuda,cudnn]'"
)

# The exhaustive search of convolution algorithms takes seconds for every new size, and images have many. An arena that
# grows by powers of two takes up to twice what is needed.
CUDA_OPTIONS = (("cudnn_conv_algo_search", "HEURISTIC"), ("arena_extend_strategy", "kSameAsRequested"))

DEVICES: Table[Device] = Table(
    "device",
    {
        "cpu": Device("CPUExecutionProvider"),
        "cuda": Device("CUDAExecutionProvider", CUDA_OPTIONS, CUDA_LIBRARIES, CUDA_REMEDY, half=True, memory="cuda"),
        "tensorrt": Device(
            "TensorrtExecutionProvider",
            (),
            (*CUDA_LIBRARIES, "nvinfer.so.10", "nvonnxparser.so.10"),
            f"{CUDA_REMEDY} tensorrt",
            half=True,
            memory="cuda",
        ),
        "directml": Device(
            "DmlExecutionProvider", remedy="on Windows: pip install onnxruntime-directml", half=True, memory="dml"
        ),
        "coreml": Device("CoreMLExecutionProvider", remedy="on macOS: pip install onnxruntime"),
    },
)

# Best first; TensorRT is left out because it compiles for minutes before its first result.
AUTO = ("cuda", "directml", "coreml")

# What other programs call them.
KNOWN_ELSEWHERE = {"gpu": "auto", "nvidia": "cuda", "trt": "tensorrt", "dml": "directml", "mps": "coreml"}

# ONNX Runtime does not promise that sessions may be created side by side (its issue 27089).
CREATION = threading.Lock()

# Seconds for which a load waits for another one, which may be of a file that never ends.
OTHERS = 60.0

# Seconds that a load which is given up may take to end. ONNX Runtime asks between two passes over the graph whether it
# shall go on, and a pass that computes constants can take long; it then ends in the background.
PATIENCE = 0.5

# Names that NVIDIA's libraries have on Windows.
WINDOWS = {
    "cuda.so.1": "nvcuda.dll",
    "cudart.so.{cuda}": "cudart64_{cuda}.dll",
    "cublasLt.so.{cuda}": "cublasLt64_{cuda}.dll",
    "cublas.so.{cuda}": "cublas64_{cuda}.dll",
    "curand.so.10": "curand64_10.dll",
    "cudnn.so.9": "cudnn64_9.dll",
    "nvinfer.so.10": "nvinfer_10.dll",
    "nvonnxparser.so.10": "nvonnxparser_10.dll",
}


@dataclass(frozen=True)
class Settings:
    """How a session is to be opened."""

    threads: int = 1
    profile: Path | None = None
    """Write a profile of each node, for benchmarks: a prefix of the file's name."""
    seconds: float = 600.0
    """Deadline for opening it."""


def parse(device: str) -> tuple[str, int]:
    """Part the name of a device from its number.

    Parameters
    ----------
    device : str
        "cpu", "cuda", "cuda:1".

    Returns
    -------
    tuple of str and int
        A name in DEVICES, and the number, 0 where none stands.

    Raises
    ------
    UnknownNameError
        No such device.
    ArgumentError
        What stands after the colon is no number.
    """
    name, colon, number = str(device).partition(":")
    if name not in DEVICES:
        meant = KNOWN_ELSEWHERE.get(name.lower())
        valid = advice(name, ["auto", *DEVICES])
        remedy = f"did you mean {meant!r}? {valid.rpartition('? ')[2]}" if meant else valid
        raise UnknownNameError("device", f"is {str(device)!r}", remedy)
    if colon and not number.isdecimal():
        raise ArgumentError("device", f"is {device!r}", f"number devices from 0: '{name}:0'")
    if colon and name in ("cpu", "coreml"):
        raise ArgumentError("device", f"is {device!r}", f"there is but one: '{name}'")
    return name, int(number or 0)


@functools.cache
def missing(name: str) -> tuple[str, ...]:
    """Say what a device lacks on this machine.

    Parameters
    ----------
    name : str
        A name in DEVICES.

    Returns
    -------
    tuple of str
        Provider and libraries that can't be found; empty where a session is worth a try.
    """
    import onnxruntime

    device = DEVICES[name]
    if device.provider not in onnxruntime.get_available_providers():
        return (f"a build of onnxruntime with {device.provider}",)
    if not device.libraries:
        return ()
    files = [_file(library) for library in device.libraries]
    if not _loads(files[0]):
        return (f"{files[0]} (an NVIDIA GPU and its driver)",)
    if any(map(importlib.util.find_spec, ("nvidia", "torch", "tensorrt_libs"))):
        _preload()
    return tuple(file for file in files if not _loads(file))


def remedy(name: str) -> str:
    """Say in one line how to get a device to work.

    Parameters
    ----------
    name : str
        A name in DEVICES.

    Returns
    -------
    str
        Without a full stop.
    """
    return DEVICES[name].remedy.format(cuda=_cuda_version())


def version() -> str:
    """Give the version of ONNX Runtime.

    Returns
    -------
    str
        As "1.31.1".
    """
    import onnxruntime

    return str(onnxruntime.__version__)


def _cuda_version() -> str:
    """Major version of CUDA that the installed ONNX Runtime was built for."""
    import onnxruntime

    return (getattr(onnxruntime, "cuda_version", "") or "13").partition(".")[0]


def _file(library: str) -> str:
    name = WINDOWS[library] if os.name == "nt" else f"lib{library}"
    return name.format(cuda=_cuda_version())


def _preload() -> None:
    """Load the libraries that came by pip, which the system's loader does not find."""
    import onnxruntime

    with contextlib.redirect_stdout(io.StringIO()):  # it prints what it can't find; `missing` says that
        onnxruntime.preload_dlls()
    spec = importlib.util.find_spec("tensorrt_libs")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for file in ("nvinfer.so.10", "nvonnxparser.so.10"):
            _loads(str(Path(folder) / _file(file)))


def _loads(file: str) -> bool:
    try:
        ctypes.CDLL(file)
    except OSError:
        return False
    return True


@functools.cache
def works(device: str) -> str:
    """Run a small net on a device.

    Parameters
    ----------
    device : str
        A name in DEVICES, with a number where there are several.

    Returns
    -------
    str
        Empty if the result is right, else what is wrong.
    """
    name, number = parse(device)
    model, x, expected = small_net()
    try:
        session = open_session(model, Path("the small net that tries a device"), name, number, Settings())
        (y,) = session.run(None, {"x": x})
    except DeviceError as problem:
        return problem.problem
    except Exception as problem:  # noqa: BLE001 - whatever a driver raises, the answer is that it does not work
        return f"fails: {first_line(problem)}; {remedy(name)}".removesuffix("; ")
    # float32 sums, TF32 at worst: 10 bits of mantissa.
    error = float(np.abs(y - expected).max())
    return "" if error < 1e-2 * float(np.abs(expected).max()) else f"computes wrong numbers (off by {error:.3g})"


def best() -> str:
    """Give the best device that works here.

    Returns
    -------
    str
        A name in DEVICES.
    """
    return next((name for name in AUTO if not missing(name) and not works(name)), "cpu")


def choose(device: str, fallback: bool) -> str:
    """Turn a wish into a device that works.

    Parameters
    ----------
    device : str
        A name in DEVICES, with a number where there are several, or "auto".
    fallback : bool
        Let the CPU take the place of a device that does not work, with one warning a process.

    Returns
    -------
    str
        The device; never "auto".

    Raises
    ------
    DeviceError
        It does not work; says what is missing and how to get it.
    """
    if device == "auto":
        return best()
    name, _ = parse(device)
    if name == "cpu":
        return device
    absent = missing(name)
    problem = f"needs {', '.join(absent)}; {remedy(name)}" if absent else works(device)
    if not problem:
        return device
    if not fallback:
        raise DeviceError(device, problem)
    _warn_once(f"{device}: {problem}; running on the CPU")
    return "cpu"


@functools.cache
def _warn_once(text: str) -> None:
    warnings.warn(text, RuntimeWarning, stacklevel=6)


def open_session(
    model: Path | bytes,
    path: Path,
    name: str,
    number: int,
    settings: Settings,
    *,
    tick: Callable[[], None] | None = None,
) -> Any:
    """Open a session, and make sure that it runs where it was asked to.

    Parameters
    ----------
    model : Path or bytes
        The ONNX file, or its bytes.
    path : Path
        What to call it in errors.
    name : str
        A name in DEVICES.
    number : int
        Which of them.
    settings : Settings
        Threads and so on.
    tick : callable, optional
        Called while the file is loaded; what it raises gives it up, and is raised.

    Returns
    -------
    onnxruntime.InferenceSession
        On the device.

    Raises
    ------
    ModelError
        Not a model that this version of ONNX Runtime can run.
    ModelTimeoutError
        It was not loaded before the deadline.
    DeviceError
        The session would run elsewhere.
    """
    import onnxruntime

    device = DEVICES[name]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings.threads
    # A plan of memory is one more block for each size of input: half as much again, to save 2 % of the time.
    options.enable_mem_pattern = False
    options.log_severity_level = 4  # errors are raised; they need not be printed as well
    if isinstance(model, bytes):  # else weights in further files would be looked for in the working directory
        folder = str(path.resolve().parent)
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", folder)
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    if settings.profile is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(settings.profile)
    own = dict(device.options)
    if name in ("cuda", "tensorrt", "directml"):
        own["device_id"] = str(number)
    providers: list[Any] = [(device.provider, own)]
    if name == "tensorrt":
        providers.append((DEVICES["cuda"].provider, {**dict(CUDA_OPTIONS), "device_id": str(number)}))

    def create() -> Any:
        alone = CREATION.acquire(timeout=OTHERS)
        try:
            return onnxruntime.InferenceSession(model, options, providers=providers)
        except Exception as problem:
            if name != "cpu":
                raise DeviceError(name, f"can't run {path.name}: {first_line(problem)}") from problem
            raise ModelError(path, f"can't be loaded: {first_line(problem)}") from problem
        finally:
            if alone:
                CREATION.release()

    def stop() -> None:
        options.set_load_cancellation_flag(True)

    try:
        session = watched(create, stop, seconds=settings.seconds, tick=tick, patience=PATIENCE)
    except Late:
        text = (
            f"was not loaded within {settings.seconds:g} s; it may never be: if it is only large, give it more seconds"
        )
        raise ModelTimeoutError(path, text) from None
    running = session.get_providers()
    if running[0] != device.provider:
        raise DeviceError(name, f"was asked for, but ONNX Runtime runs on {running[0]}; {remedy(name)}")
    if name != "cpu" and not placement(session).get(device.provider, 1):
        raise DeviceError(name, f"can't run any node of {path.name}: all would be run on the CPU; ask for device='cpu'")
    return session


def arena(device: str) -> str:
    """Name the pool of memory of a device, as ONNX Runtime wants it to be named when it is to shrink.

    Parameters
    ----------
    device : str
        A name in DEVICES, with a number where there are several.

    Returns
    -------
    str
        Empty where there is none that could shrink.
    """
    name, number = parse(device)
    if name == "cpu":
        return "cpu:0"
    return f"gpu:{number}" if name in ("cuda", "tensorrt") else ""


def memory(device: str) -> tuple[str, int]:
    """Say where the tensors of a device lie, as I/O binding wants it said.

    Parameters
    ----------
    device : str
        A name in DEVICES, with a number where there are several.

    Returns
    -------
    tuple of str and int
        The kind of memory, and its number.
    """
    name, number = parse(device)
    return DEVICES[name].memory, number


def placed(array: NDArray[Any], kind: str, number: int) -> Any:
    """Bring an array to where a device works.

    Parameters
    ----------
    array : ndarray
        Contiguous.
    kind : str
        Kind of memory.
    number : int
        Its number.

    Returns
    -------
    onnxruntime.OrtValue
        A copy in the memory of the device; on the CPU the array itself.
    """
    import onnxruntime

    return onnxruntime.OrtValue.ortvalue_from_numpy(array, kind, number)


def placement(session: Any) -> dict[str, int]:
    """Count the nodes of a session by the provider that runs them.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
        Opened by `open_session`.

    Returns
    -------
    dict of str to int
        Nodes by provider, as the optimised graph has them; empty where ONNX Runtime is too old to tell.
    """
    if not hasattr(session, "get_provider_graph_assignment_info"):
        return {}
    counts = dict.fromkeys(session.get_providers(), 0)
    for part in session.get_provider_graph_assignment_info():
        counts[part.ep_name] = counts.get(part.ep_name, 0) + len(part.get_nodes())
    return counts


def first_line(problem: BaseException) -> str:
    """Give what an exception says, in one line.

    Parameters
    ----------
    problem : BaseException
        Any.

    Returns
    -------
    str
        Never empty.
    """
    return (str(problem).strip() or type(problem).__name__).splitlines()[0]
