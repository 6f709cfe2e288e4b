"""Look at a file before ONNX Runtime does: whether it is a model at all, and holds what it claims.

ONNX Runtime refuses most hostile files, but not all: external data that is hard-linked to a file elsewhere is read, and
a constant that declares terabytes is made. The numbers of the fields are those of onnx.proto
(https://github.com/onnx/onnx/blob/main/onnx/onnx.proto); the rules for external data are those of onnx's
docs/ExternalData.md and docs/security.md. What only a run can show (an endless loop, a tensor that grows) is left to
the deadline of `Model.run` and, for a file that nobody vouches for, to the process in which it is probed.
"""

from __future__ import annotations

import math
import mmap
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from imgedit.errors import ModelError
from imgedit.models.manifest import file_hash
from imgedit.models.wire import WireError, fields, numbers

__all__ = ["external_files", "impostor", "refuse_impostor", "screen"]

# What a file that is no model usually begins with, and what it then is.
IMPOSTORS = {
    b"version https://git-lfs": "a git-LFS pointer, not the model itself; fetch it with git lfs pull",
    b"<!doctype": "a web page, not a model; the download went wrong",
    b"<html": "a web page, not a model; the download went wrong",
    b"<?xml": "an XML file, not a model; the download went wrong",
    b"{": "a JSON file, not a model; the download went wrong",
    b"pk\x03\x04": "a zip archive (a PyTorch file?), not ONNX; export it to ONNX first",
    b"\x80": "a Python pickle, not ONNX; export it to ONNX first",
    b"\x1f\x8b": "a gzip archive; unpack it first",
}

TEXT = re.compile(rb"[\t\n\r -~]+")

# A tensor of more numbers than this would not fit the memory that a picture editor may take.
MOST_NUMBERS = 1 << 30
# Graphs within graphs (branches, loops), and fields looked at: hostile files nest without end.
DEEPEST, MOST_FIELDS = 16, 2_000_000
# Nodes once all functions are written out: two calls each, 40 deep, are more than any machine can load.
MOST_NODES = 1_000_000

MODEL_GRAPH, MODEL_TRAINING, MODEL_FUNCTION = 7, 20, 25
GRAPH_NODE, GRAPH_TENSOR, GRAPH_INPUT, GRAPH_SPARSE = 1, 5, 11, 15
FUNCTION_NAME, FUNCTION_NODE, FUNCTION_DOMAIN = 1, 7, 10
OWN = (FUNCTION_NAME, FUNCTION_DOMAIN)
NODE_INPUT, NODE_OUTPUT, NODE_OP, NODE_ATTRIBUTE, NODE_DOMAIN = 1, 2, 4, 5, 7
ATTRIBUTE_TENSOR, ATTRIBUTE_GRAPH, ATTRIBUTE_TENSORS, ATTRIBUTE_GRAPHS = 5, 6, 10, 11
ATTRIBUTE_SPARSE, ATTRIBUTE_SPARSES = 22, 23
TENSOR_DIMS, TENSOR_INT64, TENSOR_NAME, TENSOR_RAW, TENSOR_EXTERNAL = 1, 7, 8, 9, 13

# Operations that make as many numbers as a constant input says: the position of that input.
MAKERS = {b"ConstantOfShape": 0, b"Expand": 1}


_Name = tuple[bytes, bytes]  # domain and name of an operation or function


@dataclass
class _Findings:
    external: dict[str, int] = field(default_factory=dict)  # file name -> the bytes that it must have at least
    calls: dict[_Name, list[_Name]] = field(default_factory=dict)  # function -> what its nodes are
    inside: _Name = (b"", b"")  # the function whose nodes are looked at, or the model's own graph
    seen: int = 0


def impostor(path: Path) -> str | None:
    """Tell what a file is that is plainly no ONNX model.

    Parameters
    ----------
    path : Path
        A regular file.

    Returns
    -------
    str or None
        "a web page, not a model; the download went wrong"; None where it may be a model.
    """
    with path.open("rb") as file:
        head = file.read(64)
    if not head:
        return "empty"
    start = head.lstrip().lower()
    known = next((kind for mark, kind in IMPOSTORS.items() if start.startswith(mark)), None)
    return known or ("a text file, not a model" if TEXT.fullmatch(head) else None)


def refuse_impostor(path: Path) -> None:
    """Refuse what is plainly no model, with the reason.

    Parameters
    ----------
    path : Path
        What is given as an ONNX file.

    Raises
    ------
    ModelError
        Missing, not a regular file, empty, a pointer, a web page, an archive, a pickle or a text.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise ModelError(path, "does not exist; imgedit models list shows what there is") from None
    if not stat.S_ISREG(mode):
        raise ModelError(path, "is not a regular file")
    if (kind := impostor(path)) is not None:
        raise ModelError(path, f"is {kind}")


def screen(path: Path, external: Mapping[str, str] | None = None) -> None:
    """Refuse a file that is no model, or that claims more than it holds, before anything is allocated.

    Parameters
    ----------
    path : Path
        What is given as an ONNX file.
    external : mapping of str to str, optional
        Files of weights that may lie beside it, with their SHA-256; by default any that lies there and is a plain
        file of its own.

    Raises
    ------
    ModelError
        Says what is wrong with it.
    """
    refuse_impostor(path)
    for name, least in external_files(path).items():
        _check_beside(path, name, least, external)


def external_files(path: Path) -> dict[str, int]:
    """List the files of weights that a model refers to, and check all that it declares on the way.

    Parameters
    ----------
    path : Path
        An ONNX file.

    Returns
    -------
    dict of str to int
        Names, as they stand in the file, and the bytes that each must have at least.

    Raises
    ------
    ModelError
        The file is damaged, nested without end, or declares more than it holds.
    """
    findings = _Findings()
    with path.open("rb") as file:
        # Not closed by hand: an error's traceback still holds views of it.
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        _walk_model(memoryview(mapped), findings, path)
    except WireError as problem:
        raise ModelError(path, f"is damaged or no ONNX model: {problem}") from problem
    return findings.external


def _check_beside(path: Path, name: str, least: int, external: Mapping[str, str] | None) -> None:
    """Accept a file of weights only if it lies beside the model and is nothing else's."""
    if not name or name in (".", "..") or any(mark in name for mark in "/\\\0:"):
        raise ModelError(path, f"wants weights from {name!r}; they must lie in its own folder")
    beside = path.parent / name
    try:
        state = beside.lstat()
    except OSError:
        raise ModelError(path, f"wants weights from {name}, which is not beside it") from None
    if not stat.S_ISREG(state.st_mode):
        raise ModelError(path, f"wants weights from {name}, which is a link or no file; put a copy there")
    if state.st_nlink > 1:
        raise ModelError(path, f"wants weights from {name}, which has other names too (hard links); put a copy there")
    if state.st_size < least:
        raise ModelError(path, f"wants {least} bytes of weights from {name}, which has {state.st_size}")
    if external is None:
        return
    if name not in external:
        raise ModelError(path, f"wants weights from {name}, which its manifest does not list under external")
    if file_hash(beside) != external[name]:
        raise ModelError(beside, "is not the file of weights that the manifest names")


def _walk_model(data: memoryview, findings: _Findings, path: Path) -> None:
    graphs = 0
    for number, _, value in fields(data):
        _count(findings, path)
        if isinstance(value, int):
            continue
        if number == MODEL_GRAPH:
            graphs += 1
            _walk_graph(value, findings, path, 0)
        elif number == MODEL_TRAINING:
            for part, _, inner in fields(value):
                if part in (1, 2) and not isinstance(inner, int):
                    _walk_graph(inner, findings, path, 0)
        elif number == MODEL_FUNCTION:
            own = {part: bytes(text) for part, _, text in fields(value) if part in OWN and not isinstance(text, int)}
            findings.inside = own.get(FUNCTION_DOMAIN, b""), own.get(FUNCTION_NAME, b"")
            _walk_graph(value, findings, path, 0, node_number=FUNCTION_NODE)
            findings.inside = (b"", b"")
    _check_calls(findings, path)
    if graphs != 1:
        raise ModelError(path, "is no ONNX model: it holds no graph" if not graphs else "holds several graphs")


def _check_calls(findings: _Findings, path: Path) -> None:
    """Refuse functions that call themselves, or each other so often that the graph could not be written out."""
    sizes: dict[_Name, int] = {}
    open_calls: set[_Name] = set()

    def size(name: _Name) -> int:
        if name not in findings.calls:
            return 1
        if name in open_calls or len(open_calls) > 4 * DEEPEST:
            raise ModelError(path, f"has functions that call themselves or nest without end ({name[1][:40]!r})")
        if name not in sizes:
            open_calls.add(name)
            sizes[name] = sum(map(size, findings.calls[name]))
            open_calls.remove(name)
        return sizes[name]

    if size((b"", b"")) > MOST_NODES:
        raise ModelError(path, f"has functions that make more than {MOST_NODES} nodes")


def _walk_graph(
    data: memoryview, findings: _Findings, path: Path, depth: int, *, node_number: int = GRAPH_NODE
) -> None:
    if depth > DEEPEST:
        raise ModelError(path, f"nests graphs more than {DEEPEST} deep")
    shapes: dict[bytes, list[int]] = {}  # small constants that may be shapes
    makers: list[tuple[bytes, bytes]] = []
    for number, _, value in fields(data):
        _count(findings, path)
        if isinstance(value, int):
            continue
        if number == node_number:
            makers += _walk_node(value, findings, path, depth, shapes)
        elif node_number == FUNCTION_NODE:
            continue
        elif number == GRAPH_TENSOR:
            name, constant = _walk_tensor(value, findings, path)
            shapes[name] = constant
        elif number == GRAPH_SPARSE:
            _walk_sparse(value, findings, path)
        elif number == GRAPH_INPUT:
            _check_input(value, path)
    for operation, name in makers:
        if _product(shapes.get(name, [])) > MOST_NUMBERS:
            raise ModelError(path, f"makes a tensor of {_product(shapes[name]):.3g} numbers ({operation.decode()})")


def _walk_node(
    data: memoryview, findings: _Findings, path: Path, depth: int, shapes: dict[bytes, list[int]]
) -> Iterator[tuple[bytes, bytes]]:
    """Look at a node's attributes; yields what it makes of a shape that may be constant."""
    inputs: list[bytes] = []
    outputs: list[bytes] = []
    operation = domain = b""
    for number, _, value in fields(data):
        _count(findings, path)
        if isinstance(value, int):
            continue
        if number == NODE_INPUT:
            inputs.append(bytes(value))
        elif number == NODE_OUTPUT:
            outputs.append(bytes(value))
        elif number == NODE_OP:
            operation = bytes(value[:256])
        elif number == NODE_DOMAIN:
            domain = bytes(value[:256])
        elif number == NODE_ATTRIBUTE:
            constant = _walk_attribute(value, findings, path, depth)
            if operation in (b"Constant", b"") and constant and outputs:
                shapes[outputs[0]] = constant
    findings.calls.setdefault(findings.inside, []).append((domain, operation))
    if operation in MAKERS and len(inputs) > MAKERS[operation]:
        yield operation, inputs[MAKERS[operation]]


def _walk_attribute(data: memoryview, findings: _Findings, path: Path, depth: int) -> list[int]:
    constant: list[int] = []
    for number, _, value in fields(data):
        _count(findings, path)
        if isinstance(value, int):
            continue
        if number in (ATTRIBUTE_TENSOR, ATTRIBUTE_TENSORS):
            _, constant = _walk_tensor(value, findings, path)
        elif number in (ATTRIBUTE_SPARSE, ATTRIBUTE_SPARSES):
            _walk_sparse(value, findings, path)
        elif number in (ATTRIBUTE_GRAPH, ATTRIBUTE_GRAPHS):
            _walk_graph(value, findings, path, depth + 1)
    return constant


def _walk_sparse(data: memoryview, findings: _Findings, path: Path) -> None:
    dims: list[int] = []
    for number, wire, value in fields(data):
        if number == 3:
            dims += numbers(wire, value)
        elif not isinstance(value, int):
            _walk_tensor(value, findings, path)
    if min(dims, default=0) < 0 or _product(dims) > MOST_NUMBERS:
        raise ModelError(path, f"declares a sparse tensor of {'x'.join(map(str, dims))} numbers")


def _walk_tensor(data: memoryview, findings: _Findings, path: Path) -> tuple[bytes, list[int]]:
    """Compare what a tensor declares with what it holds; gives its name, and its values if it may be a shape."""
    dims: list[int] = []
    name, constant = b"", []
    outside: dict[bytes, bytes] = {}
    for number, wire, value in fields(data):
        _count(findings, path)
        if number == TENSOR_DIMS:
            dims += numbers(wire, value)
        elif number == TENSOR_INT64 and len(dims) <= 1 and (isinstance(value, int) or len(value) <= 80):
            constant += numbers(wire, value)
        elif isinstance(value, int):
            continue
        elif number == TENSOR_NAME:
            name = bytes(value)
        elif number == TENSOR_RAW and len(value) <= 64 and len(value) % 8 == 0:
            constant = list(memoryview(bytes(value)).cast("q"))
        elif number == TENSOR_EXTERNAL:
            pair = {part: bytes(text) for part, _, text in fields(value) if not isinstance(text, int)}
            outside[pair.get(1, b"")] = pair.get(2, b"")
    count = _product(dims)
    declared = f"tensor {name.decode(errors='replace')!r} of {'x'.join(map(str, dims)) or 'no'} numbers"
    if min(dims, default=0) < 0 or count > MOST_NUMBERS:
        raise ModelError(path, f"declares a {declared}")
    if b"location" in outside:
        _note_external(outside, findings, path)
    elif count > 4 * len(data):  # the smallest kind packs four numbers into a byte
        raise ModelError(path, f"declares a {declared} and holds {len(data)} bytes of it")
    return name, constant


def _note_external(outside: dict[bytes, bytes], findings: _Findings, path: Path) -> None:
    name = outside[b"location"].decode(errors="replace").removeprefix("./")
    try:
        least = sum(int(outside.get(part, b"0")) for part in (b"offset", b"length"))
    except ValueError:
        raise ModelError(path, f"names no place for its weights in {name!r}") from None
    findings.external[name] = max(least, findings.external.get(name, 0))


def _check_input(data: memoryview, path: Path) -> None:
    """Refuse an input whose declared size could never be given."""
    dims: list[int] = []
    for number, _, kind in fields(data):
        if number == 2 and not isinstance(kind, int):
            dims = [
                value
                for shape in _inside(kind, 1, 2)
                for side in _inside(shape, 1)
                for part, _, value in fields(side)
                if part == 1 and isinstance(value, int)
            ]
    if _product(dims) > MOST_NUMBERS:
        raise ModelError(path, f"declares an input of {'x'.join(map(str, dims))} numbers")


def _inside(data: memoryview, *route: int) -> Iterator[memoryview]:
    """Give the messages at the end of a route of field numbers."""
    if not route:
        yield data
        return
    for number, _, value in fields(data):
        if number == route[0] and not isinstance(value, int):
            yield from _inside(value, *route[1:])


def _product(dims: list[int]) -> int:
    return math.prod(dims)


def _count(findings: _Findings, path: Path) -> None:
    findings.seen += 1
    if findings.seen > MOST_FIELDS:
        raise ModelError(path, f"has more than {MOST_FIELDS} parts")
