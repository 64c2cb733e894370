"""A network file that another program generates, with the logits that NumPy computes of it: nothing of ravelin or torch.

Writes ours.json, torch.json (the same weights in the layout of PyTorch), their safetensors files and expected.json into
network-files/ beside this file. Made with NumPy 2.4.6 (Python 3.11); needs NumPy alone:

    python test/reference/network_file.py
"""

import json
import struct
from pathlib import Path

import numpy as np

folder = Path(__file__).parent / "network-files"
random = np.random.default_rng(16)


def save_safetensors(path, tensors, metadata):
    """The format: eight bytes of header length, the header as JSON, the numbers."""
    header, data = {"__metadata__": metadata}, b""
    for name, values in tensors.items():
        raw = np.ascontiguousarray(values, dtype="<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def conv(name, source, kernel, stride, padding, filters, groups=1, bias=True):
    return {"op": "conv", "name": name, "inputs": [source], "kernel": kernel, "stride": stride, "padding": padding,
            "filters": filters, "groups": groups, "bias": bias}  # fmt: skip


def simple(op, name, *sources, **fields):
    return {"op": op, "name": name, "inputs": list(sources), **fields}


height, width, channels, classes = 9, 8, 3, 5
nodes = [
    conv("stem", "input", [3, 2], [2, 1], [0, 1, 1, 0], 6, bias=False),
    simple("batch-norm", "stem.norm", "stem", epsilon=0.001, momentum=0.1),
    simple("silu", "stem.silu", "stem.norm"),
    conv("depthwise", "stem.silu", [3, 3], [1, 1], [1, 1, 1, 1], 12, groups=6),
    conv("grouped", "depthwise", [1, 1], [1, 1], [0, 0, 0, 0], 6, groups=3),
    simple("add", "sum", "grouped", "stem.silu"),
    simple("relu6", "active", "sum"),
    simple("max-pool", "pool", "active", kernel=[2, 2], stride=[2, 2], padding=[0, 0, 0, 0], ceil=False, countPadding=True),
    simple("global-average-pool", "mean", "pool"),
    simple("dense", "gate", "mean", units=6, bias=True),
    simple("sigmoid", "gate.open", "gate"),
    simple("multiply", "gated", "pool", "gate.open"),
    simple("concat", "joined", "gated", "pool"),
    simple("flatten", "flat", "joined"),
    simple("dropout", "dropped", "flat", rate=0.5),
    simple("dense", "logits", "dropped", units=classes, bias=False),
]  # fmt: skip

normal = lambda *shape: (random.standard_normal(shape) * 0.4).astype("float32")
weights = {
    "stem.weight": normal(3, 2, 3, 6),
    "stem.norm.weight": 1 + normal(6),
    "stem.norm.bias": normal(6),
    "stem.norm.running_mean": normal(6),
    "stem.norm.running_var": 0.5 + normal(6) ** 2,
    "depthwise.weight": normal(3, 3, 6, 2),
    "depthwise.bias": normal(12),
    "grouped.weight": normal(1, 1, 4, 6),
    "grouped.bias": normal(6),
    "gate.weight": normal(6, 6),
    "gate.bias": normal(6),
    "logits.weight": normal(2 * 4 * 12, classes),
}
preprocessing = {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.25, 0.3]}


def forward(pixels):
    """Logits of one image [height, width, channels], in float64."""
    value = {"input": (pixels - preprocessing["mean"]) / preprocessing["std"]}
    for node in nodes:
        sources = [value[name] for name in node["inputs"]]
        value[node["name"]] = compute(node, *sources)
    return value["logits"]


def windows(x, node, fill):
    top, bottom, left, right = node["padding"]
    x = np.pad(x, ((top, bottom), (left, right), (0, 0)), constant_values=fill)
    view = np.lib.stride_tricks.sliding_window_view(x, node["kernel"], axis=(0, 1))
    down, over = node["stride"]
    return view[::down, ::over]  # [rows, columns, channels, kernel height, kernel width]


def compute(node, x, y=None):
    name, op = node["name"], node["op"]
    tensor = lambda part: weights[f"{name}.{part}"].astype("float64")
    if op == "conv":
        seen, w, groups, filters = windows(x, node, 0), tensor("weight"), node["groups"], node["filters"]
        size, each = x.shape[-1] // groups, filters // groups
        outputs = []
        for group in range(groups):
            part = seen[:, :, group * size : (group + 1) * size]
            # The filters of a depthwise convolution lie by their channel.
            own = w[:, :, group : group + 1] if groups == x.shape[-1] else w[..., group * each : (group + 1) * each]
            outputs.append(np.einsum("rckhw,hwkf->rcf", part, own))
        return np.concatenate(outputs, -1) + (tensor("bias") if node["bias"] else 0)
    if op == "batch-norm":
        scale = tensor("weight") / np.sqrt(tensor("running_var") + node["epsilon"])
        return (x - tensor("running_mean")) * scale + tensor("bias")
    if op == "dense":
        return x @ tensor("weight") + (tensor("bias") if node["bias"] else 0)
    sigmoid = lambda z: 1 / (1 + np.exp(-z))
    return {
        "silu": lambda: x * sigmoid(x),
        "sigmoid": lambda: sigmoid(x),
        "relu6": lambda: np.clip(x, 0, 6),
        "add": lambda: x + y,
        "multiply": lambda: x * y,
        "concat": lambda: np.concatenate([x, y], -1),
        "max-pool": lambda: windows(x, node, -np.inf).max((-2, -1)),
        "global-average-pool": lambda: x.mean((0, 1)),
        "flatten": lambda: x.reshape(-1),
        "dropout": lambda: x,
    }[op]()


def torch_layout(name, values):
    """PyTorch has filters first, and flattens images channels first."""
    if name == "depthwise.weight":
        return values.transpose(2, 3, 0, 1).reshape(12, 1, 3, 3)
    if values.ndim == 4:
        return values.transpose(3, 2, 0, 1)
    if name == "logits.weight":
        return values.reshape(2, 4, 12, classes).transpose(3, 2, 0, 1).reshape(classes, -1)
    return values.T if values.ndim == 2 else values


folder.mkdir(exist_ok=True)
for layout, tensors in {
    "ravelin": weights,
    "torch": {name: torch_layout(name, values) for name, values in weights.items()},
}.items():
    stem = "ours" if layout == "ravelin" else "torch"
    save_safetensors(folder / f"{stem}.safetensors", tensors, {"made by": "network_file.py"})
    network = {
        "format": "ravelin-network",
        "version": 1,
        "architecture": "generated",
        "inputShape": [height, width, channels],
        "classes": classes,
        "preprocessing": preprocessing,
        "weights": {"file": f"{stem}.safetensors", "layout": layout},
        "output": "logits",
        "nodes": nodes,
    }
    (folder / f"{stem}.json").write_text(json.dumps(network, indent=1) + "\n")

pixels = random.random((2, height, width, channels)).astype("float32")
expected = {"pixels": pixels.ravel().tolist(), "logits": [forward(image).tolist() for image in pixels.astype("float64")]}
(folder / "expected.json").write_text(json.dumps(expected) + "\n")
