"""Networks of timm and RobustBench as ONNX files of both exporters of PyTorch, with made-up weights, and what PyTorch computes.

    python onnx_models.py FOLDER [NAME ...]

writes for every network and exporter FOLDER/NAME.EXPORTER.onnx (with its data beside it), and for every network
FOLDER/NAME.safetensors: `pixels` [n, h, w, c] in [0, 1], `logits` [n, classes], and `gradient`, that of the sum over the images of
the cross-entropy at `labels` with respect to the pixels. `bench/onnx.ts` compares. Made with Python 3.11, torch 2.13.0 (CPU),
timm 1.0.31, onnx 1.23.2, onnxscript 0.7.2, safetensors 0.8.0.
"""

import copy
import os
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from imported_timm import timm
from safetensors.numpy import save_file
from torch import nn
from wide_resnet import WideResNet

torch.set_num_threads(1)


class Normalised(nn.Module):
    """ImageNet's normalisation before a network."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))

    def forward(self, x):
        return self.inner((x - self.mean) / self.std)


def imagenet(name):
    return lambda: Normalised(timm.create_model(name, pretrained=False, num_classes=1000))


networks = {
    "resnet18": (imagenet("resnet18"), 96),
    "resnet50": (imagenet("resnet50"), 96),
    "resnext50_32x4d": (imagenet("resnext50_32x4d"), 96),
    "densenet121": (imagenet("densenet121"), 96),
    "regnety_002": (imagenet("regnety_002"), 96),
    "efficientnet_b0": (imagenet("efficientnet_b0"), 96),
    "mobilenetv3_small_100": (imagenet("mobilenetv3_small_100"), 96),
    "wide_resnet28_10": (lambda: WideResNet(28, 10), 32),
    "wide_resnet28_10_swish": (lambda: WideResNet(28, 10, nn.SiLU), 32),
}


def make_up(model, generator, bias):
    """Weights that keep the spread of activations, with batch norms that are no identity."""
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            fan = module.weight[0].numel()
            with torch.no_grad():
                module.weight.normal_(0, (2 / fan) ** 0.5, generator=generator)
                if module.bias is not None:
                    module.bias.normal_(0, 0.1, generator=generator)
        elif isinstance(module, nn.BatchNorm2d):
            with torch.no_grad():
                module.weight.uniform_(0.4, 0.8, generator=generator)
                module.bias.normal_(bias, 0.1, generator=generator)
    # Residual branches of trained networks are small; with large ones the gradient is that of noise, also in PyTorch.
    for name, module in model.named_modules():
        last = {"Bottleneck": "bn3", "BasicBlock": "bn2"}.get(type(module).__name__)
        norm = getattr(module, last, None) if last is not None else None
        if norm is not None:
            with torch.no_grad():
                norm.weight.mul_(0.3)
    # The statistics of a batch of noise, so that no activation explodes.
    model.train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
        if isinstance(module, nn.Dropout):
            module.p = 0
    return model


def reference(name, folder):
    build, size = networks[name]
    generator = torch.Generator().manual_seed(7)
    torch.manual_seed(7)
    # Of many ReLUs one behind another some is so near to 0 that rounding decides, unless most are open.
    many = ("densenet", "resnet50", "resnext", "wide_resnet")
    model = make_up(build(), generator, 1.0 if name.startswith(many) else 0.2)
    with torch.no_grad():
        model(torch.rand(8, 3, size, size, generator=generator))
    model.eval()
    pixels = torch.rand(9, 3, size, size, generator=generator)
    labels = torch.arange(9)
    given = pixels.clone().requires_grad_()
    logits = model(given)
    F.cross_entropy(logits, labels, reduction="sum").backward()
    exact = pixels.double().requires_grad_()
    double = copy.deepcopy(model).double()
    F.cross_entropy(double(exact), labels, reduction="sum").backward()
    distance = lambda own, true: ((own - true).flatten(1).norm(dim=1) / true.flatten(1).norm(dim=1)).median().item()
    print(f"{name}: PyTorch's float32 gradient differs from its float64 one by {distance(given.grad, exact.grad):.1e}")
    last = lambda tensor: np.ascontiguousarray(tensor.detach().permute(0, 2, 3, 1).numpy())
    save_file(
        {
            "pixels": last(pixels),
            "gradient": last(given.grad),
            "logits": logits.detach().numpy(),
            "labels": labels.int().numpy(),
        },
        os.path.join(folder, f"{name}.safetensors"),
    )
    return model, pixels


def export(model, pixels, path, dynamo):
    if dynamo:
        torch.onnx.export(
            model, (pixels[:2],), path, dynamo=True, external_data=True, input_names=["images"], output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim("batch")},), verbose=False,
        )
    else:
        torch.onnx.export(
            model, (pixels[:1],), path, dynamo=False, opset_version=17, input_names=["images"], output_names=["logits"],
            dynamic_axes={"images": {0: "batch"}},
        )


if __name__ == "__main__":
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    for name in sys.argv[2:] or networks:
        model, pixels = reference(name, folder)
        for dynamo in (False, True):
            started = time.time()
            export(model, pixels, os.path.join(folder, f"{name}.{'dynamo' if dynamo else 'torchscript'}.onnx"), dynamo)
            print(f"{name} {'dynamo' if dynamo else 'torchscript'} {time.time() - started:.0f} s", flush=True)
