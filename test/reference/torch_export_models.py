"""Networks of timm and torchvision as files of torch.export, with made-up weights, and what PyTorch computes.

    python torch_export_models.py FOLDER [NAME ...]

writes for every network FOLDER/NAME.pt2 and FOLDER/NAME.safetensors: `pixels` [n, h, w, c] in [0, 1], `logits` [n, classes], and
`gradient`, that of the sum over the images of the cross-entropy at `labels` with respect to the pixels.
`bench/torch-export.ts` compares. Made with Python 3.11, torch 2.13.0 (CPU), timm 1.0.31, torchvision 0.28.0, safetensors 0.8.0.
"""

import os
import sys

import numpy as np
import torch
import torch.nn.functional as F
from onnx_models import Normalised, WideResNet, make_up, timm, torchvision
from safetensors.numpy import save_file
from torch import nn

torch.set_num_threads(1)


def of_timm(name):
    return lambda: Normalised(timm.create_model(name, pretrained=False, num_classes=1000))


networks = {
    "vit_tiny_patch16_224": (of_timm("vit_tiny_patch16_224"), 224),
    "deit_tiny_patch16_224": (of_timm("deit_tiny_patch16_224"), 224),
    "convnext_atto": (of_timm("convnext_atto"), 224),
    "resnet18": (lambda: Normalised(torchvision.models.resnet18()), 96),
    "mobilenetv3_small_100": (of_timm("mobilenetv3_small_100"), 96),
    "efficientnet_b0": (of_timm("efficientnet_b0"), 96),
    "densenet121": (of_timm("densenet121"), 96),
    "regnety_002": (of_timm("regnety_002"), 96),
    "mixer_s32_224": (of_timm("mixer_s32_224"), 224),
    "wide_resnet16_4": (lambda: WideResNet(16, 4), 32),
}


def reference(name, folder):
    build, size = networks[name]
    generator = torch.Generator().manual_seed(7)
    torch.manual_seed(7)
    model = build()
    if any(isinstance(module, nn.BatchNorm2d) for module in model.modules()):
        # Of many ReLUs one behind another some is so near to 0 that rounding decides, unless most are open.
        model = make_up(model, generator, 0.8 if name.startswith("densenet") else 0.2)
        with torch.no_grad():
            model(torch.rand(8, 3, size, size, generator=generator))
    else:
        # Layer norms and scales that are no identity; fresh layer scales of 1e-6 would hide their branches.
        with torch.no_grad():
            for own, value in model.named_parameters():
                if own.endswith("gamma"):
                    value.uniform_(0.2, 0.6, generator=generator)
                elif value.dim() == 1 and own.endswith("weight"):
                    value.uniform_(0.6, 1.4, generator=generator)
                elif own.endswith("bias"):
                    value.normal_(0, 0.1, generator=generator)
                elif own.endswith(("head.fc.weight", "head.weight")):
                    value.normal_(0, 0.1, generator=generator)
    model.eval()
    count = 5
    pixels = torch.rand(count, 3, size, size, generator=generator)
    labels = torch.arange(count)
    given = pixels.clone().requires_grad_()
    logits = model(given)
    F.cross_entropy(logits, labels, reduction="sum").backward()
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
    program = torch.export.export(model, (pixels[:2],), dynamic_shapes=({0: torch.export.Dim("batch")},))
    torch.export.save(program, os.path.join(folder, f"{name}.pt2"))
    print(name, flush=True)


if __name__ == "__main__":
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    for name in sys.argv[2:] or networks:
        reference(name, folder)
