"""Accuracy, mean L2 and mean dissimilarity of attacks by Foolbox, torchattacks and ART, and what they cost: the oracle of the attack tests.

    python test/reference/attacks.py DATA OUT.json [--attacks fgsm bim mi-fgsm deepfool cw-l2] [--libraries foolbox torchattacks art] [--images 256] [--seconds] [--network vit_tiny]

DATA holds cifar10-jpeg75/cifar-10-batches-bin and models/cifar10-resnet20.safetensors. ART takes about a second an image for DeepFool
and several for CW-L2, so there it gets the first 8 images only. With --seconds: wall and CPU seconds (all threads added).

With --network vit_tiny (timm) or wrn: seeded random weights, and the labels are the classes that they give.

torch 2.13.0, timm 1.0.31, foolbox 3.3.4, torchattacks 3.5.1, adversarial-robustness-toolbox 1.20.1, numpy, safetensors.
"""

import argparse
import importlib.metadata
import json
import os
import time

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import load_file

BATCH = 64
# Right by less than this in the logits: the last bits decide, and other batches decide otherwise.
TIE = 1e-4


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.padding = outputs - inputs

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.padding > 0:
            half = self.padding // 2
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, half, self.padding - half))
        return F.relu(y + x)


class ResNet20(nn.Module):
    """CIFAR ResNet-20 with option-A shortcuts; takes pixels in [0, 1]."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        widths = [16, 16, 32, 64]
        for stage in (1, 2, 3):
            blocks = [
                Block(widths[stage - 1] if i == 0 else widths[stage], widths[stage], 2 if i == 0 and stage > 1 else 1)
                for i in range(3)
            ]
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
        self.linear = nn.Linear(64, 10)
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1), persistent=False)

    def forward(self, x):
        x = (x - self.mean) / self.std
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean(dim=(2, 3)))


def resnet20(weights):
    """The network of the attacks; bench/python-model.ts opens it as model/python."""
    model = ResNet20()
    tensors = load_file(weights)
    missing, unexpected = model.load_state_dict(
        {name.removeprefix("module."): value for name, value in tensors.items()}, strict=False
    )
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    assert not missing and not unexpected, (missing, unexpected)
    return model.eval().requires_grad_(False)


def vit_tiny():
    """A vision transformer of 16 tokens at 32 x 32."""
    from imported_timm import timm

    torch.manual_seed(0)
    return timm.create_model("vit_tiny_patch16_224", num_classes=10, img_size=32, patch_size=8).eval().requires_grad_(False)


def wrn():
    """WRN-16-2 in the form of RobustBench."""
    from wide_resnet import WideResNet

    torch.manual_seed(0)
    return WideResNet(16, 2).eval().requires_grad_(False)


UNTRAINED = {"vit_tiny": vit_tiny, "wrn": wrn}


def load(data, count, network):
    trained = network not in UNTRAINED
    model = resnet20(os.path.join(data, "models/cifar10-resnet20.safetensors")) if trained else UNTRAINED[network]()
    folder = os.path.join(data, "cifar10-jpeg75/cifar-10-batches-bin")
    raw = np.fromfile(os.path.join(folder, "test_batch.bin"), np.uint8, count * 3073).reshape(count, 3073)
    images = torch.from_numpy(raw[:, 1:].reshape(count, 3, 32, 32).astype(np.float32) / 255)
    if trained:
        return model, images, torch.from_numpy(raw[:, 0].astype(np.int64))
    with torch.no_grad():
        return model, images, model(images).argmax(1)


def foolbox_attacks(model):
    import foolbox

    target = foolbox.PyTorchModel(model, bounds=(0, 1))
    attacks = {
        "fgsm": (foolbox.attacks.FGSM(), 8 / 255),
        "bim": (foolbox.attacks.LinfBasicIterativeAttack(abs_stepsize=2 / 255, steps=10), 8 / 255),
        "mi-fgsm": (foolbox.attacks.LinfMomentumIterativeFastGradientMethod(momentum=1.0, steps=10, abs_stepsize=0.8 / 255, random_start=False), 8 / 255),
        "deepfool": (foolbox.attacks.L2DeepFoolAttack(steps=50, candidates=10, overshoot=0.02), None),
        "cw-l2": (
            foolbox.attacks.L2CarliniWagnerAttack(
                binary_search_steps=1, steps=100, stepsize=0.001, initial_const=10
            ),
            None,
        ),
    }

    def attacked(attack, epsilon):
        return lambda x, y: attack(target, x, y, epsilons=epsilon)[1]

    return {name: attacked(*attack) for name, attack in attacks.items()}


def torchattacks_attacks(model):
    import torchattacks

    return {
        "fgsm": torchattacks.FGSM(model, eps=8 / 255),
        "bim": torchattacks.BIM(model, eps=8 / 255, alpha=2 / 255, steps=10),
        "mi-fgsm": torchattacks.MIFGSM(model, eps=8 / 255, alpha=0.8 / 255, steps=10, decay=1.0),
        "deepfool": torchattacks.DeepFool(model, steps=50, overshoot=0.02),
        "cw-l2": torchattacks.CW(model, c=10, kappa=0, steps=100, lr=0.001),
    }


def art_attacks(model):
    from art.attacks import evasion
    from art.estimators.classification import PyTorchClassifier

    target = PyTorchClassifier(
        model, nn.CrossEntropyLoss(), (3, 32, 32), 10, clip_values=(0, 1), device_type="cpu"
    )
    attacks = {
        "fgsm": evasion.FastGradientMethod(target, eps=8 / 255, batch_size=BATCH),
        "bim": evasion.BasicIterativeMethod(target, 8 / 255, 2 / 255, 10, batch_size=BATCH, verbose=False),
        "deepfool": evasion.DeepFool(target, 50, 0.02, nb_grads=10, batch_size=BATCH, verbose=False),
        "cw-l2": evasion.CarliniL2Method(
            target, 0.0, False, 0.001, 1, 100, 10, batch_size=BATCH, verbose=False
        ),
    }

    def attacked(attack):
        return lambda x, y: torch.from_numpy(attack.generate(x.numpy(), np.eye(10, dtype=np.float32)[y.numpy()]))

    return {name: attacked(attack) for name, attack in attacks.items()}


LIBRARIES = {"foolbox": foolbox_attacks, "torchattacks": torchattacks_attacks, "art": art_attacks}
PACKAGES = {"foolbox": "foolbox", "torchattacks": "torchattacks", "art": "adversarial-robustness-toolbox"}


def measure(model, attack, images, labels, timed):
    perturbed = []
    wall, cpu = time.perf_counter(), time.process_time()
    for first in range(0, len(images), BATCH):
        perturbed.append(attack(images[first : first + BATCH], labels[first : first + BATCH]).detach())
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    perturbed = torch.cat(perturbed)
    with torch.no_grad():
        logits = model(perturbed)
    right = logits.argmax(1) == labels
    best = logits.topk(2, dim=1).values
    tied = right & (best[:, 0] - best[:, 1] < TIE)
    norms = (perturbed - images).flatten(1).norm(dim=1)
    result = {
        "images": len(images),
        "correct": right.sum().item(),
        "tied": tied.sum().item(),
        "l2": round(norms.mean().item(), 6),
        "dissimilarity": round((norms / images.flatten(1).norm(dim=1)).mean().item(), 7),
    }
    if timed:
        result |= {"seconds": round(wall, 3), "cpuSeconds": round(cpu, 3)}
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("out")
    parser.add_argument("--attacks", nargs="+", default=["fgsm", "bim", "mi-fgsm", "deepfool", "cw-l2"])
    parser.add_argument("--libraries", nargs="+", default=list(LIBRARIES))
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--seconds", action="store_true", help="write wall and CPU seconds too")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--network", default="resnet20", choices=["resnet20", *UNTRAINED])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model, images, labels = load(options.data, options.images, options.network)
    results, absent = {}, []
    for library in options.libraries:
        try:
            version = importlib.metadata.version(PACKAGES[library])
            attacks = LIBRARIES[library](model)
        except ImportError:
            absent.append(library)
            continue
        results[library] = {"version": version}
        # A first call pays for what torch sets up once.
        attacks["fgsm"](images[:BATCH], labels[:BATCH])
        for name in options.attacks:
            count = min(8, len(images)) if library == "art" and name in ("deepfool", "cw-l2") else len(images)
            results[library][name] = measure(model, attacks[name], images[:count], labels[:count], options.seconds)
            print(library, name, results[library][name], flush=True)
    with torch.no_grad():
        clean = (model(images).argmax(1) == labels).sum().item()
    with open(options.out, "w") as file:
        json.dump({"torch": torch.__version__, "clean": clean, "absent": absent, "results": results}, file, indent=2)
        file.write("\n")


if __name__ == "__main__":
    main()
