"""One ONNX model on one device that really runs."""

from __future__ import annotations

import ctypes
import os
import warnings
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from imgedit.errors import ModelError, ModelMemoryError, ModelTimeoutError
from imgedit.models import devices, graph
from imgedit.models.devices import DEVICES, Settings
from imgedit.models.joining import Joiner
from imgedit.models.manifest import Manifest
from imgedit.models.watching import Late, watched

__all__ = ["Model", "Port"]

DTYPES = {
    "float": np.float32,
    "float16": np.float16,
    "double": np.float64,
    "uint8": np.uint8,
    "int8": np.int8,
    "uint16": np.uint16,
    "int16": np.int16,
    "uint32": np.uint32,
    "int32": np.int32,
    "uint64": np.uint64,
    "int64": np.int64,
    "bool": np.bool_,
}

# How ONNX Runtime, cuDNN, cuBLAS and the C++ library say that memory is short; it raises no type of its own for it.
SHORT_OF_MEMORY = ("failed to allocate memory", "bad_alloc", "bad allocation", "out of memory", "alloc_failed")

# Bytes of an input beyond which what a run took is given back at its end: a tile stays below, so that only an outlier
# pays for it. One picture of 3072x3072 would otherwise leave 1.5 GB behind for good.
OUTLIER = 8 * 2**20

# Of loading: TensorRT compiles for minutes, anything else that takes as long never ends.
LOADING = 600.0


@dataclass(frozen=True)
class Port:
    """An input or output of a model, as the file declares it.

    Parameters
    ----------
    name : str
        Its name in the file.
    shape : tuple of int or None
        None where any size goes.
    dtype : str
        Name of its NumPy dtype, or ONNX's where NumPy has none.

    Examples
    --------
    >>> import imgedit as ie
    >>> [port.name for port in ie.models.load("sr-x2", device="cpu").inputs]
    ['input']
    """

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
    seconds : float
        Deadline for loading; a file that ONNX Runtime would optimise for ever is given up then.
    tick : callable, optional
        Called about ten times a second while the model loads; what it raises gives it up, and is raised.

    Attributes
    ----------
    device : str
        Where it runs; never "auto".
    inputs, outputs : tuple of Port
        As the file declares them, in its order; outputs that are no arrays (sequences, maps) are left out.
    batches : bool
        Whether several pictures may be given at a time.
    joins : bool
        Whether calls that come from several threads at the same time, of pictures of one size, go through the net at
        once: on a GPU.
    half : bool
        Whether it computes in float16: on a GPU, where the manifest says that this is safe. A result that overflows
        brings it back to float32, with a warning.

    Raises
    ------
    ModelError
        The file is no model, or one that this version of ONNX Runtime can't run.
    ModelTimeoutError
        It was not loaded before the deadline.
    DeviceError
        The device does not work; says what is missing.

    Examples
    --------
    >>> import imgedit as ie, numpy as np
    >>> net = ie.models.load("sr-x2", device="cpu")
    >>> (larger,) = net.run(np.zeros((1, 3, 8, 8), np.float32))
    >>> larger.shape
    (1, 3, 16, 16)
    """

    def __init__(
        self,
        path: Path,
        manifest: Manifest,
        *,
        device: str = "auto",
        fallback: bool = False,
        threads: int | None = None,
        seconds: float = LOADING,
        tick: Callable[[], None] | None = None,
    ) -> None:
        self.path = path
        self.manifest = manifest
        self.device = devices.choose(device, fallback)
        self.joins = DEVICES[devices.parse(self.device)[0]].memory != "cpu"
        self._settings = Settings(threads=threads or cv2.getNumThreads() or 1, seconds=seconds)
        self._process = os.getpid()
        self._full: Path | bytes = graph.freed(path.read_bytes()) if manifest.free_size else path
        half = None
        if manifest.half and DEVICES[devices.parse(self.device)[0]].half:
            half = graph.halved(self.source())
        self.half = half is not None
        self._open(half or self._full, tick=tick)

    def _open(
        self, data: Path | bytes, bound: Sequence[NDArray[Any]] = (), *, tick: Callable[[], None] | None = None
    ) -> None:
        self._session = devices.open_session(data, self.path, *devices.parse(self.device), self._settings, tick=tick)
        self._memory = devices.memory(self.device)
        self._bound, self._values = tuple(bound), tuple(devices.placed(array, *self._memory) for array in bound)
        self._arena, self._swollen = devices.arena(self.device), False
        ports = tuple(map(_port, self._session.get_inputs()))
        self.inputs, self._bound_ports = ports[: len(ports) - len(bound)], ports[len(ports) - len(bound) :]
        self.outputs = tuple(port for port in map(_port, self._session.get_outputs()) if port.dtype in DTYPES)
        if not self.outputs:
            raise ModelError(self.path, "gives no array")
        first = self.inputs[0].shape if self.inputs else ()
        self.batches = bool(first) and first[0] != 1
        # What goes in and what comes out must have an axis for it. Together they are no outlier either.
        ports = (*self.inputs, *self.outputs)
        self._joiner = Joiner(OUTLIER) if all(_is_open(port) for port in ports) else None
        OPEN.add(self)

    def edited(self, data: bytes, bound: Sequence[NDArray[Any]] = ()) -> Model:
        """Make a model of an edited graph, on the same device.

        Parameters
        ----------
        data : bytes
            The edited ONNX file.
        bound : sequence of ndarray
            What its last inputs are always given.

        Returns
        -------
        Model
            In float32; its `inputs` are those that are not bound.
        """
        twin = object.__new__(Model)  # not copy.copy: that pickles
        vars(twin).update(vars(self))
        twin.half, twin._full = False, data
        twin._open(data, bound)
        return twin

    def source(self) -> bytes:
        """Give the ONNX file that runs, in float32.

        Returns
        -------
        bytes
            As edited.
        """
        return self._full if isinstance(self._full, bytes) else self._full.read_bytes()

    def __reduce__(self) -> Any:
        raise TypeError("a Model stays in its process: pass its name or path and load it there")

    def run(
        self, *arrays: NDArray[Any], seconds: float = 300.0, tick: Callable[[], None] | None = None
    ) -> list[NDArray[Any]]:
        """Run the model once.

        Parameters
        ----------
        *arrays : ndarray
            One for each input, in the model's order, of its shape and dtype; a float of another size is converted.
        seconds : float
            Deadline; an endless loop inside a model is stopped then.
        tick : callable, optional
            Called about ten times a second while the model runs; what it raises stops the model, and is raised.

        Returns
        -------
        list of ndarray
            One for each of `outputs`.

        Raises
        ------
        ModelError
            An array that does not fit its input, or ONNX Runtime failed; the message is its own.
        ModelMemoryError
            The memory of the device does not suffice.
        ModelTimeoutError
            The deadline passed.
        """
        if os.getpid() != self._process:
            raise ModelError(self.path, "was loaded before this process was forked; start processes with 'spawn'")
        if len(arrays) != len(self.inputs):
            wanted = ", ".join(port.name for port in self.inputs)
            raise ModelError(self.path, f"takes {len(self.inputs)} inputs ({wanted}), not {len(arrays)}")
        feeds = {port.name: self._fitted(array, port) for port, array in zip(self.inputs, arrays, strict=True)}
        joiner = self._joiner if self.joins and self.batches else None
        if joiner is not None and joiner.takes(feeds):
            results = joiner.run(self._run_feeds, feeds, seconds, tick)
        else:
            results = self._run_feeds(feeds, seconds=seconds, tick=tick)
        if not self.half:
            return results
        if all(np.isfinite(result).all() for result in results if result.dtype == np.float16):
            return [result.astype(np.float32) if result.dtype == np.float16 else result for result in results]
        warnings.warn(
            f"{self.path}: float16 overflows on this input; going on in float32", RuntimeWarning, stacklevel=2
        )
        self.half = False
        self._open(self._full, self._bound)
        return self.run(*arrays, seconds=seconds, tick=tick)

    def _run_feeds(
        self, feeds: Mapping[str, NDArray[Any]], *, seconds: float, tick: Callable[[], None] | None
    ) -> list[NDArray[Any]]:
        # The result itself lies in the memory of its run; the run after gives that back.
        large = max((array.nbytes for array in feeds.values()), default=0) > OUTLIER
        shrinks, self._swollen = large or self._swollen, large
        return _Run(self, feeds, shrinks=shrinks).result(seconds, tick)

    def run_named(
        self, arrays: Mapping[str, NDArray[Any]], *, seconds: float = 300.0, tick: Callable[[], None] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Run the model once, inputs and outputs by what they are for.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            By role, as the manifest's `inputs` names them, or by the names in the file.
        seconds : float
            Deadline.
        tick : callable, optional
            Called while the model runs; what it raises stops it.

        Returns
        -------
        dict of str to ndarray
            By role where the manifest has `outputs`, else by the names in the file.

        Raises
        ------
        ModelError
            An input is missing or unknown, and whatever `run` raises.
        """
        roles = self.manifest.inputs or ("",) * len(self.inputs)
        names = [role if role in arrays else port.name for role, port in zip(roles, self.inputs, strict=True)]
        if set(names) != set(arrays):
            wanted = ", ".join(role or port.name for role, port in zip(roles, self.inputs, strict=True))
            raise ModelError(self.path, f"takes the inputs {wanted}, not {', '.join(arrays) or 'none'}")
        results = self.run(*(arrays[name] for name in names), seconds=seconds, tick=tick)
        return dict(zip(self.manifest.outputs or [port.name for port in self.outputs], results, strict=True))

    def _fitted(self, array: NDArray[Any], port: Port) -> NDArray[Any]:
        """Refuse what does not fit an input, with both shapes in the message."""
        wanted = DTYPES.get(port.dtype)
        array = np.asarray(array)
        fits = len(array.shape) == len(port.shape) or not port.shape
        fits = fits and all(side in (None, given) for side, given in zip(port.shape, array.shape, strict=False))
        if wanted is not None and array.dtype.kind == "f" and np.dtype(wanted).kind == "f":
            array = array.astype(wanted, copy=False)
        if not fits or wanted is None or array.dtype != wanted:
            sides = "x".join("?" if side is None else str(side) for side in port.shape)
            raise ModelError(self.path, f"input {port.name} takes {sides} {port.dtype}, not {_shape(array)}")
        return np.ascontiguousarray(array)


class _Run:
    """One run, which can be stopped."""

    def __init__(self, model: Model, feeds: Mapping[str, NDArray[Any]], *, shrinks: bool) -> None:
        import onnxruntime

        self.model, self.feeds = model, feeds
        self.options = onnxruntime.RunOptions()
        self.options.log_severity_level = 4
        if shrinks and model._arena:
            self.options.add_run_config_entry("memory.enable_memory_arena_shrinkage", model._arena)

    def result(self, seconds: float, tick: Callable[[], None] | None) -> list[NDArray[Any]]:
        try:
            return watched(self._work, self._stop, seconds=seconds, tick=tick)
        except Late:
            raise ModelTimeoutError(self.model.path, f"ran for more than {seconds:g} s and was stopped") from None

    def _stop(self) -> None:
        self.options.terminate = True

    def _work(self) -> list[NDArray[Any]]:
        """Run with I/O binding: what goes in is copied to the device once, what comes out stays there until it ends.

        What every run is given lies there already. On the CPU nothing is copied at all.
        """
        model = self.model
        try:
            binding = model._session.io_binding()
            for port, value in zip(model._bound_ports, model._values, strict=True):
                binding.bind_ortvalue_input(port.name, value)
            for name, array in self.feeds.items():
                binding.bind_ortvalue_input(name, devices.placed(array, *model._memory))
            for port in model.outputs:
                binding.bind_output(port.name, *model._memory)
            model._session.run_with_iobinding(binding, self.options)
            return [value.numpy() for value in binding.get_outputs()]
        except Exception as problem:
            raise self._error(problem) from problem

    def _error(self, problem: BaseException) -> ModelError:
        shapes = ", ".join(map(_shape, self.feeds.values()))
        text = f"failed on {shapes}: {devices.first_line(problem)}"
        if isinstance(problem, MemoryError) or any(sign in text.lower() for sign in SHORT_OF_MEMORY):
            return ModelMemoryError(self.model.path, f"{text}; take smaller tiles")
        return ModelError(self.model.path, text)


def _port(node: Any) -> Port:
    shape = tuple(side if isinstance(side, int) and side > 0 else None for side in node.shape)
    return Port(node.name, shape, str(node.type).removeprefix("tensor(").removesuffix(")"))


def _is_open(port: Port) -> bool:
    """Tell whether the first axis may have any length: that of pictures in a batch, if there are more."""
    return len(port.shape) > 1 and port.shape[0] is None


def _shape(array: NDArray[Any]) -> str:
    return f"{'x'.join(map(str, np.shape(array)))} {array.dtype}"


OPEN: weakref.WeakSet[Model] = weakref.WeakSet()


def _keep_in_child() -> None:
    """Let a forked child never destroy a session: its threads live in the parent, and joining them hangs or crashes."""
    for model in OPEN:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(model._session))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_keep_in_child)
