"""Reference numbers for the network architectures: parameters, tensor names, layer shapes, and logits on made-up weights.

Writes architectures.json beside this file. Needs torch, torchvision, timm (versions are written into the file). Where
torchvision's compiled operators do not fit the installed torch, two empty declarations stand in: no model here uses them.

    pip install torch==2.13.0 numpy pyyaml safetensors pillow && pip install --no-deps torchvision==0.28.0 timm==1.0.31
    python test/reference/architectures.py
"""

import hashlib
import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torchvision_operators = torch.library.Library("torchvision", "DEF")
torchvision_operators.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
torchvision_operators.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
import torchvision  # noqa: E402
import timm  # noqa: E402
from torchvision import models as tv  # noqa: E402


class BasicBlock(nn.Module):
    """He et al. 2016, section 4.2, option A; names of akamaster/pytorch_resnet_cifar10."""

    def __init__(self, channels, filters, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, filters, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(filters)
        self.stride, self.added = stride, (filters - channels) // 2

    def forward(self, x):
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        kept = x if self.stride == 1 else F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.added, self.added))
        return F.relu(out + kept)


class CifarResnet(nn.Module):
    def __init__(self, depth, num_classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        channels = 16
        for stage, filters in enumerate((16, 32, 64)):
            blocks = []
            for block in range((depth - 2) // 6):
                blocks.append(BasicBlock(channels, filters, 2 if stage > 0 and block == 0 else 1))
                channels = filters
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.linear = nn.Linear(64, num_classes)

    def forward(self, x):
        out = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        return self.linear(F.adaptive_avg_pool2d(out, 1).flatten(1))


def inception_v3(num_classes):
    # transform_input re-normalises for torchvision's own weights: preprocessing, no part of the network.
    return tv.inception_v3(num_classes=num_classes, aux_logits=False, transform_input=False, init_weights=False)


ARCHITECTURES = {
    **{f"cifar-resnet{d}": (lambda n, d=d: CifarResnet(d, n), 32, 10) for d in (20, 32, 56)},
    **{f"resnet{d}": (lambda n, d=d: getattr(tv, f"resnet{d}")(num_classes=n), 224, 1000) for d in (18, 34, 50, 101)},
    **{f"squeezenet{v}": (lambda n, v=v: getattr(tv, f"squeezenet{v}")(num_classes=n), 224, 1000) for v in ("1_0", "1_1")},
    "vgg16": (lambda n: tv.vgg16(num_classes=n, init_weights=False), 224, 1000),
    **{f"densenet{d}": (lambda n, d=d: getattr(tv, f"densenet{d}")(num_classes=n), 224, 1000) for d in (121, 169)},
    "inception-v3": (inception_v3, 299, 1000),
    "inception-v4": (lambda n: timm.create_model("inception_v4", num_classes=n), 299, 1000),
    "inception-resnet-v2": (lambda n: timm.create_model("inception_resnet_v2", num_classes=n), 299, 1000),
    "mobilenet-v2": (lambda n: tv.mobilenet_v2(num_classes=n), 224, 1000),
    "efficientnet-lite0": (lambda n: timm.create_model("efficientnet_lite0", num_classes=n), 224, 1000),
    "efficientnet-lite1": (lambda n: timm.create_model("tf_efficientnet_lite1", num_classes=n), 240, 1000),
    "efficientnet-lite2": (lambda n: timm.create_model("tf_efficientnet_lite2", num_classes=n), 260, 1000),
}


def made_up(name, count):
    """`count` numbers in [0, 1), multiples of 2^-24: MurmurHash3's finaliser of the index, offset by the name's FNV-1a."""
    offset = 0x811C9DC5
    for byte in name.encode():
        offset = ((offset ^ byte) * 0x01000193) & 0xFFFFFFFF
    x = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32(offset)
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x85EBCA6B)
    x ^= x >> np.uint32(13)
    x *= np.uint32(0xC2B2AE35)
    x ^= x >> np.uint32(16)
    return (x >> np.uint32(8)).astype(np.float64) / 2**24


def made_up_weight(name, shape):
    u = made_up(name, int(np.prod(shape)))
    if name.endswith(".running_var") or (name.endswith(".weight") and len(shape) == 1):
        values = 0.8 + 0.4 * u
    elif name.endswith(".running_mean") or name.endswith(".bias"):
        values = 0.2 * u - 0.1
    else:
        values = (2 * u - 1) * np.sqrt(6 / np.prod(shape[1:]))
    return torch.from_numpy(values.astype(np.float32).reshape(shape))


def sha(lines):
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16]


def reference(make, size, classes):
    model = make(classes).eval()
    state = {k: v for k, v in model.state_dict().items() if not k.endswith("num_batches_tracked")}
    layers = []

    def record(name):
        def hook(_module, _inputs, output):
            shape = list(output.shape[1:])
            layers.append((name, shape[1:] + shape[:1]))  # height, width, channels

        return hook

    for name, module in model.named_modules():
        if isinstance(module, (nn.Conv2d, nn.BatchNorm2d, nn.Linear)):
            module.register_forward_hook(record(name))
    image = torch.from_numpy(made_up("image", size * size * 3).astype(np.float32).reshape(1, size, size, 3))
    with torch.no_grad():
        model(image.permute(0, 3, 1, 2))
    ten = make(10).eval()
    ten.load_state_dict(
        {k: v if k.endswith("num_batches_tracked") else made_up_weight(k, tuple(v.shape)) for k, v in ten.state_dict().items()}
    )
    with torch.no_grad():
        logits = ten.double()(image.double().permute(0, 3, 1, 2))[0]
    shapes = Counter("x".join(map(str, shape)) for _, shape in layers)
    return {
        "size": size,
        "classes": classes,
        "parameters": sum(p.numel() for p in model.parameters()),
        "tensors": sha(f"{name} {'x'.join(map(str, value.shape))}" for name, value in state.items()),
        "layers": sha(f"{name} {'x'.join(map(str, shape))}" for name, shape in layers),
        "layerShapes": dict(sorted(shapes.items())),
        "logits": [float(f"{value:.7g}") for value in logits.tolist()],
    }


if __name__ == "__main__":
    table = {
        "versions": {"torch": torch.__version__, "torchvision": torchvision.__version__, "timm": timm.__version__},
        "architectures": {},
    }
    for name, (make, size, classes) in ARCHITECTURES.items():
        table["architectures"][name] = reference(make, size, classes)
        print(name, table["architectures"][name]["parameters"], table["architectures"][name]["logits"][:3], file=sys.stderr)
    Path(__file__).with_suffix(".json").write_text(json.dumps(table, indent=2) + "\n")
