"""Small ONNX files for test/models/onnx: networks of both exporters of PyTorch with what PyTorch computes, and graphs written by hand
as tf2onnx and Paddle write them, with what ONNX Runtime computes.

    python onnx_files.py    (writes onnx-files/ beside itself)

Made with Python 3.11, torch 2.13.0 (CPU), onnx 1.23.2, onnxscript 0.7.2, onnxruntime 1.32.0.
"""

import json
import os

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from torch import nn

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "onnx-files")
os.makedirs(folder, exist_ok=True)
results = {}


def listed(tensor):
    return [float(f"{value:.7g}") for value in np.asarray(tensor, dtype=np.float64).ravel()]


class Flattened(nn.Module):
    """Normalisation inside, uneven windows, and a flattened image of more than one pixel before a dense layer."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.4, 0.5, 0.6]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.2, 0.3, 0.25]).view(1, 3, 1, 1))
        self.conv = nn.Conv2d(3, 6, (3, 2), stride=(1, 2), padding=(1, 0))
        self.dilated = nn.Conv2d(6, 4, 3, padding=2, dilation=2)
        self.norm = nn.BatchNorm2d(4)
        self.hidden = nn.Linear(4 * 4 * 2, 5)
        self.classes = nn.Linear(5, 3)

    def forward(self, x):
        x = F.relu(self.conv(F.pad((x - self.mean) / self.std, (1, 0, 0, 1))))
        x = F.leaky_relu(self.norm(self.dilated(x)), 0.1)
        x = F.max_pool2d(x, 3, 2, padding=1, ceil_mode=False)
        x = F.avg_pool2d(x, (2, 1), stride=1, padding=(0, 0), count_include_pad=False)
        return self.classes(F.dropout(F.relu(self.hidden(torch.flatten(x, 1))), 0.5, self.training))


class Gated(nn.Module):
    """Groups, depthwise, SiLU, hard swish, squeeze and excitation, joined and added branches, a mean over the image."""

    def __init__(self):
        super().__init__()
        self.grouped = nn.Conv2d(3, 6, 3, padding=1, groups=3, bias=False)
        self.norm = nn.BatchNorm2d(6)
        self.pairs = nn.Conv2d(6, 6, 3, padding=1, groups=2)
        self.deep = nn.Conv2d(6, 12, 3, stride=2, padding=1, groups=6)
        self.narrow = nn.Conv2d(12, 3, 1)
        self.wide = nn.Conv2d(3, 12, 1)
        self.slopes = nn.PReLU(12)
        self.classes = nn.Linear(24, 4)

    def forward(self, x):
        x = F.silu(self.norm(self.grouped(x)))
        x = x + F.hardswish(self.pairs(x))
        x = F.relu6(self.deep(x) * 4)
        gate = F.hardsigmoid(self.wide(F.relu(self.narrow(x.mean((2, 3), keepdim=True)))))
        x = torch.cat([x * gate, self.slopes(x - 1)], 1)
        x = F.avg_pool2d(x, 3, 1, 1) + torch.sigmoid(x) + torch.tanh(x)
        return self.classes(x.mean((2, 3)))


def made_up(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in [*model.named_parameters(), *model.named_buffers()]:
            if name.endswith("running_var") or (value.dim() == 1 and name.endswith("weight")):
                value.uniform_(0.6, 1.4, generator=generator)
            elif name.endswith("running_mean") or name.endswith("bias"):
                value.normal_(0, 0.2, generator=generator)
            elif value.dim() > 1 and name.endswith("weight"):
                value.normal_(0, (2 / value[0].numel()) ** 0.5, generator=generator)
    return model.eval()


def from_torch(name, model, height, width, exports):
    pixels = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(3))
    given = pixels.clone().requires_grad_()
    logits = model(given)
    weights = torch.tensor([[1.0, -2.0, 0.5, 3.0], [-1.0, 0.5, 2.0, 1.0]])[:, : logits.shape[1]]
    (logits * weights).sum().backward()
    results[name] = {
        "files": [],
        "shape": [2, height, width, 3],
        "pixels": listed(pixels.permute(0, 2, 3, 1)),
        "logits": listed(logits.detach()),
        "cotangent": listed(weights),
        "gradient": listed(given.grad.permute(0, 2, 3, 1)),
    }
    for suffix, options in exports.items():
        path = os.path.join(folder, f"{name}-{suffix}.onnx")
        example = pixels[: options.pop("images")]
        torch.onnx.export(model, (example,), path, input_names=["images"], output_names=["logits"], **options)
        results[name]["files"].append(f"{name}-{suffix}.onnx")


def both():
    dynamo = {"dynamo": True, "verbose": False, "dynamic_shapes": ({0: torch.export.Dim("batch")},), "images": 2}
    script = {"dynamo": False, "opset_version": 17, "dynamic_axes": {"images": {0: "batch"}}, "images": 1}
    return {
        "torchscript": dict(script),
        "torchscript-static": {"dynamo": False, "opset_version": 13, "images": 1},
        "torchscript-training": {**script, "training": torch.onnx.TrainingMode.PRESERVE},
        "dynamo": {**dynamo, "external_data": True},
        "dynamo-static": {"dynamo": True, "verbose": False, "external_data": False, "images": 1},
    }


from_torch("flattened", made_up(Flattened(), 5), 8, 7, both())
from_torch("gated", made_up(Gated(), 6), 8, 7, both())


def by_hand(name, nodes, initializers, shape, opset, is_last):
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.save(model, os.path.join(folder, f"{name}.onnx"))
    extents = (2, 6, 5, 3)
    pixels = np.random.default_rng(4).random(extents, dtype=np.float32)
    given = pixels if is_last else np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
    # Not onnx's own evaluator, which differs by 2 % from ONNX Runtime on the graph `paddle`.
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    [probabilities] = session.run(None, {"x": given})
    results[name] = {
        "files": [f"{name}.onnx"],
        "shape": list(extents),
        "pixels": listed(pixels),
        "probabilities": listed(probabilities),
    }


def random(seed, *shape):
    return np.random.default_rng(seed).normal(0, 0.4, shape).astype(np.float32)


def constant(name, value):
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.asarray(value), name))


by_hand(
    "tf2onnx",
    [
        helper.make_node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["t", "w", "b"], ["c"], auto_pad="SAME_UPPER", strides=[2, 2], kernel_shape=[3, 3]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Transpose", ["r"], ["back"], perm=[0, 2, 3, 1]),
        helper.make_node("Mul", ["back", "scale"], ["m"]),
        helper.make_node("Reshape", ["m", "flat"], ["f"]),
        helper.make_node("MatMul", ["f", "dense"], ["d"]),
        helper.make_node("Add", ["d", "bias"], ["l"]),
        helper.make_node("Softmax", ["l"], ["y"], axis=1),
    ],
    [
        numpy_helper.from_array(random(1, 4, 3, 3, 3), "w"),
        numpy_helper.from_array(random(2, 4), "b"),
        numpy_helper.from_array(random(3, 4) + 1, "scale"),
        numpy_helper.from_array(np.array([-1, 36], np.int64), "flat"),
        numpy_helper.from_array(random(4, 36, 3), "dense"),
        numpy_helper.from_array(random(5, 3), "bias"),
    ],
    [None, 6, 5, 3],
    13,
    True,
)
by_hand(
    "paddle",
    [
        constant("w", random(6, 6, 3, 3, 3)),
        constant("six", np.float32([6])),
        constant("three", np.float32([3])),
        constant("low", np.float32(0)),
        constant("high", np.float32(6)),
        constant("g", random(7, 6) + 1),
        constant("b", random(8, 6)),
        constant("m", random(9, 6)),
        constant("v", np.abs(random(10, 6)) + 0.5),
        constant("se", random(11, 6, 6, 1, 1)),
        constant("added", random(12, 6)),
        constant("seven", np.array([1, 6, 1, 1], np.int64)),
        constant("begin", np.array([0], np.int64)),
        constant("end", np.array([1], np.int64)),
        constant("rest", np.array([-1], np.int64)),
        constant("dense", random(13, 6, 2)),
        constant("bias", random(14, 2)),
        helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1], kernel_shape=[3, 3]),
        helper.make_node("BatchNormalization", ["c", "g", "b", "m", "v"], ["n"], epsilon=1e-5),
        helper.make_node("Add", ["n", "three"], ["plus"]),
        helper.make_node("Clip", ["plus", "low", "high"], ["gate"]),
        helper.make_node("Mul", ["n", "gate"], ["product"]),
        helper.make_node("Div", ["product", "six"], ["swish"]),
        helper.make_node("GlobalAveragePool", ["swish"], ["mean"]),
        helper.make_node("Conv", ["mean", "se"], ["narrow"], kernel_shape=[1, 1]),
        helper.make_node("Reshape", ["added", "seven"], ["shift"]),
        helper.make_node("Add", ["narrow", "shift"], ["shifted"]),
        helper.make_node("HardSigmoid", ["shifted"], ["open"], alpha=0.2, beta=0.5),
        helper.make_node("Mul", ["swish", "open"], ["excited"]),
        helper.make_node("GlobalAveragePool", ["excited"], ["pooled"]),
        helper.make_node("Shape", ["pooled"], ["shape"]),
        helper.make_node("Slice", ["shape", "begin", "end"], ["batch"]),
        helper.make_node("Concat", ["batch", "rest"], ["target"], axis=0),
        helper.make_node("Reshape", ["pooled", "target"], ["f"]),
        helper.make_node("MatMul", ["f", "dense"], ["d"]),
        helper.make_node("Add", ["d", "bias"], ["l"]),
        helper.make_node("Softmax", ["l"], ["s"], axis=-1),
        helper.make_node("Identity", ["s"], ["y"]),
    ],
    [],
    [None, 3, None, None],
    11,
    False,
)
by_hand(
    "half",
    [
        helper.make_node("Identity", ["w"], ["shared"]),
        helper.make_node("Cast", ["x"], ["given"], to=TensorProto.FLOAT16),
        helper.make_node("Conv", ["given", "shared"], ["c"], kernel_shape=[2, 2], pads=[0, 1, 1, 0]),
        helper.make_node("Clip", ["c", "low", "high"], ["k"]),
        helper.make_node("Flatten", ["k"], ["f"]),
        helper.make_node("Gemm", ["f", "dense", "bias"], ["g"], transB=1, alpha=0.5, beta=2.0),
        helper.make_node("Cast", ["g"], ["l"], to=TensorProto.FLOAT),
        helper.make_node("Softmax", ["l"], ["y"], axis=1),
    ],
    [
        numpy_helper.from_array(random(15, 2, 3, 2, 2).astype(np.float16), "w"),
        numpy_helper.from_array(np.float16(-0.25), "low"),
        numpy_helper.from_array(np.float16(0.5), "high"),
        numpy_helper.from_array(random(16, 3, 60).astype(np.float16), "dense"),
        numpy_helper.from_array(random(17, 3).astype(np.float16), "bias"),
    ],
    ["batch", 3, 6, 5],
    13,
    False,
)
with open(os.path.join(folder, "expected.json"), "w") as file:
    json.dump(results, file)
