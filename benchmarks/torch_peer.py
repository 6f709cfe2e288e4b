"""A super-resolution net in PyTorch, in a process of its own, so that it need not be installed beside imgedit.

``$BENCH_TORCH`` names the Python that has it (by default the one that runs); the process reads a line and answers with
the seconds of one run.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

PROGRAM = """
import sys, time
import torch
from onnx import load, numpy_helper
from torch.nn import functional as F

path, height, width, kind = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), getattr(torch, sys.argv[4])
torch.set_num_threads(int(sys.argv[5]))
graph = load(path).graph
weights = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in graph.initializer}
last = torch.channels_last
weights = {n: w.to(kind) if w.is_floating_point() else w for n, w in weights.items()}
weights = {n: w.contiguous(memory_format=last) if w.ndim == 4 else w for n, w in weights.items()}
from onnx import helper
nodes = [(n.op_type, list(n.input), n.output[0], {a.name: helper.get_attribute_value(a) for a in n.attribute})
         for n in graph.node]
uses = {name: i for i, node in enumerate(nodes) for name in node[1]}
OPS = {
    "Conv": lambda a, k: F.conv2d(
        a[0], a[1], a[2] if len(a) > 2 else None, padding=k.get("pads", [0])[0], groups=k.get("group", 1)),
    "Pad": lambda a, k: F.pad(a[0], [int(a[1][i]) for i in (3, 7, 2, 6)], mode="replicate"),
    "LeakyRelu": lambda a, k: F.leaky_relu(a[0], k["alpha"]),
    "Relu": lambda a, k: F.relu(a[0]),
    "PRelu": lambda a, k: F.prelu(a[0], a[1].flatten()),
    "Add": lambda a, k: a[0] + a[1], "Sub": lambda a, k: a[0] - a[1], "Mul": lambda a, k: a[0] * a[1],
    "Sigmoid": lambda a, k: torch.sigmoid(a[0]), "Concat": lambda a, k: torch.cat(a, dim=k["axis"]),
    "Unsqueeze": lambda a, k: a[0].unsqueeze(int(a[1].reshape(-1)[0])),
    "Shape": lambda a, k: torch.tensor(a[0].shape[k.get("start", 0):k.get("end", None)]),
    "Expand": lambda a, k: a[0].expand(*[max(int(w), s) for w, s in zip(a[1], a[0].shape)]),
    "Reshape": lambda a, k: a[0].reshape(*[int(w) or a[0].shape[i] for i, w in enumerate(a[1])]),
    "DepthToSpace": lambda a, k: F.pixel_shuffle(a[0], k["blocksize"]),
}

@torch.inference_mode()
def run(x):
    values = {**weights, graph.input[0].name: x.to(kind).contiguous(memory_format=last)}
    for i, (op, names, out, attributes) in enumerate(nodes):
        values[out] = OPS[op]([values[n] for n in names if n], attributes)
        for name in names:
            if uses.get(name) == i and name not in weights:
                values.pop(name, None)
    return values[graph.output[0].name].float()

x = torch.rand(1, 3, height, width)
for _ in sys.stdin:
    begin = time.perf_counter()
    run(x)
    print(time.perf_counter() - begin, flush=True)
"""


def python() -> str | None:
    """The Python that has PyTorch, if there is one."""
    named = os.environ.get("BENCH_TORCH")
    return named or (sys.executable if importlib.util.find_spec("torch") else None)


class TorchPeer:
    """The net, loaded; call it to run it once on random pixels (channels last, which is quickest on the CPU)."""

    def __init__(self, model: str, height: int, width: int, kind: str, threads: int) -> None:
        command = [python() or sys.executable, "-c", PROGRAM, model, str(height), str(width), kind, str(threads)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self) -> float:
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()
