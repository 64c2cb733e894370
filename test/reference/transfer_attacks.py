"""NI, DI, TI, VMI and VNI-FGSM of torchattacks with the draws of ravelin: the oracle of attack/transfer.

    python test/reference/transfer_attacks.py OUT.json

The network is a small one in formulas, so that the test can write it out again: logits = B tanh(A x) for images of
10 × 10 × 3, with A and B from sines. torchattacks draws by torch.rand, torch.randint and uniform_; here they give what
ravelin draws for the same image (src/attacks/transfer.ts), in its order. Images and results are [height, width, channels].

torch 2.13.0, torchattacks 3.5.1, numpy.
"""

import importlib.metadata
import json
import sys

import numpy as np
import torch
import torchattacks

from philox import Stream

SIDE, CHANNELS, HIDDEN, CLASSES = 10, 3, 12, 4
SIZE = SIDE * SIDE * CHANNELS
SEED = (1, 2)
TRANSFER_STREAM = 4
EPSILON, STEPS = 0.1, 6
PROBABILITY, SMALLEST = 0.6, 0.7


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        a = np.sin(np.arange(HIDDEN * SIZE) * 1.7 + 0.3).reshape(HIDDEN, SIZE) / 2
        b = np.sin(np.arange(CLASSES * HIDDEN) * 2.3 + 0.9).reshape(CLASSES, HIDDEN)
        self.a = torch.nn.Parameter(torch.tensor(a, dtype=torch.float32))
        self.b = torch.nn.Parameter(torch.tensor(b, dtype=torch.float32))

    def forward(self, x):
        return torch.tanh(x.permute(0, 2, 3, 1).flatten(1) @ self.a.T) @ self.b.T


def image_of(index):
    values = 0.5 + 0.45 * np.sin(np.arange(SIZE) * (0.37 + 0.11 * index) + index)
    return values.reshape(SIDE, SIDE, CHANNELS).astype(np.float32)


class Draws:
    """Stands for the generators of torch while an attack runs."""

    def __init__(self, image_id):
        self.stream = Stream(SEED, 0, image_id, TRANSFER_STREAM)
        self.placed, self.rows, self.calls = None, 0, 0

    def randint(self, low, high, size, dtype=None):
        # A placement: whether at all, its rows, top and left; torchattacks asks for the first last.
        if self.calls == 0:
            self.placed = self.stream.bernoulli(PROBABILITY)
        drawn = low + self.stream.integer(high - low) if self.placed else low
        self.calls += 1
        return torch.tensor([drawn], dtype=dtype)

    def rand(self, *_):
        self.calls = 0
        return torch.tensor([0.0 if self.placed else 1.0])

    def uniform(self, tensor, low, high):
        drawn = np.array([self.stream.uniform() for _ in range(tensor.numel())])
        values = (low + (high - low) * drawn).reshape(1, SIDE, SIDE, CHANNELS)
        return torch.tensor(values, dtype=tensor.dtype).permute(0, 3, 1, 2)


def run(make, index):
    draws = Draws(index)
    kept = torch.rand, torch.randint, torch.Tensor.uniform_
    attack = make(Network().eval())
    image = torch.tensor(image_of(index)).permute(2, 0, 1)[None]
    label = attack.model(image).argmax(1)
    torch.rand, torch.randint = draws.rand, draws.randint
    torch.Tensor.uniform_ = lambda tensor, low, high: draws.uniform(tensor, low, high)
    try:
        found = attack(image, label)
    finally:
        torch.rand, torch.randint, torch.Tensor.uniform_ = kept
    return label.item(), found[0].permute(1, 2, 0).flatten().tolist()


COMMON = {"eps": EPSILON, "alpha": EPSILON / STEPS, "steps": STEPS}
DIVERSE = {"resize_rate": SMALLEST, "diversity_prob": PROBABILITY}
ATTACKS = {
    "mi": lambda model: torchattacks.MIFGSM(model, decay=1.0, **COMMON),
    "ni": lambda model: torchattacks.NIFGSM(model, decay=0.9, **COMMON),
    "di": lambda model: torchattacks.DIFGSM(model, decay=0.8, **DIVERSE, **COMMON),
    "ti": lambda model: torchattacks.TIFGSM(
        model, decay=1.0, len_kernel=5, resize_rate=SMALLEST, diversity_prob=0.0, **COMMON
    ),
    "ti-di": lambda model: torchattacks.TIFGSM(model, decay=1.0, len_kernel=7, **DIVERSE, **COMMON),
    "vmi": lambda model: torchattacks.VMIFGSM(model, decay=1.0, N=3, beta=1.5, **COMMON),
    "vni": lambda model: torchattacks.VNIFGSM(model, decay=1.0, N=2, beta=2.0, **COMMON),
}


def placements():
    """The resized and padded image of a placement, and the gradient of Σ sin(i) · placed, for the transform alone."""
    cases = []
    for rows, top, left in ((7, 0, 2), (9, 0, 0), (8, 1, 0)):
        x = torch.tensor(image_of(1)).permute(2, 0, 1)[None].requires_grad_()
        small = torch.nn.functional.interpolate(x, size=[rows, rows], mode="bilinear", align_corners=False)
        rest = SIDE - rows
        placed = torch.nn.functional.pad(small, [left, rest - left, top, rest - top])
        flat = placed.permute(0, 2, 3, 1).flatten()
        flat.dot(torch.sin(torch.arange(SIZE, dtype=torch.float32))).backward()
        cases.append(
            {
                "rows": rows,
                "top": top,
                "left": left,
                "placed": [round(value, 6) for value in flat.tolist()],
                "gradient": [round(value, 6) for value in x.grad.permute(0, 2, 3, 1).flatten().tolist()],
            }
        )
    return cases


def main():
    results = {}
    for name, make in ATTACKS.items():
        found = [run(make, index) for index in range(3)]
        results[name] = [{"label": label, "pixels": [round(value, 6) for value in pixels]} for label, pixels in found]
    versions = {library: importlib.metadata.version(library) for library in ("torch", "torchattacks")}
    with open(sys.argv[1], "w") as file:
        json.dump({"versions": versions, "attacks": results, "placements": placements()}, file)
        file.write("\n")


if __name__ == "__main__":
    main()
