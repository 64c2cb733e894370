"""Targeted DeepFool written from its formula with autograd: the oracle of attack/deepfool with `targeted`.

    python test/reference/targeted_deepfool.py OUT.json [--images 24]

From a point x of class c, the boundary to the target t is linearised, and x moves onto it: w = grad(Z_t - Z_c), f = Z_t - Z_c,
r = |f| / |w|^2 w with |r| >= 1e-4, x <- clip(x + 1.02 r, 0, 1), until the class is t (Moosavi-Dezfooli, Fawzi and Frossard
2016, algorithm 1 for the two classes c and t). No library has it: Foolbox, torchattacks and ART know DeepFool untargeted.
The network is that of transfer_attacks.py on images of 6 x 6 x 3, in float64; the target of class k is k + 1 of 4.

torch 2.13.0, numpy.
"""

import argparse
import importlib.metadata
import json

import numpy as np
import torch

import transfer_attacks

SIDE, CHANNELS = 6, 3
SCALE, LEAST, STEPS = 1.02, 1e-4, 50


def attack(model, original, target):
    x = original.clone()
    for step in range(STEPS + 1):
        x.requires_grad_(True)
        logits = model(x[None])[0]
        current = int(logits.argmax())
        if current == target or step == STEPS:
            return x.detach(), step, current
        f = logits[target] - logits[current]
        (w,) = torch.autograd.grad(f, x)
        length = max(float((f.abs() / w.norm()).detach()), LEAST)
        x = (x.detach() + SCALE * length * w / w.norm()).clamp(0, 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--images", type=int, default=24)
    options = parser.parse_args()
    transfer_attacks.SIDE, transfer_attacks.SIZE = SIDE, SIDE * SIDE * CHANNELS
    model = transfer_attacks.Network().double().eval()
    results = []
    for index in range(options.images):
        image = torch.tensor(transfer_attacks.image_of(index).transpose(2, 0, 1)).double()
        with torch.no_grad():
            label = int(model(image[None])[0].argmax())
        target = (label + 1) % 4
        found, steps, reached = attack(model, image, target)
        delta = (found - image).numpy()
        results.append(
            {
                "label": label,
                "reached": reached,
                "steps": steps,
                "l2": round(float(np.sqrt((delta**2).sum())), 8),
                "linf": round(float(np.abs(delta).max()), 8),
            }
        )
    versions = {library: importlib.metadata.version(library) for library in ("torch", "numpy")}
    with open(options.out, "w") as file:
        json.dump({"versions": versions, "scale": SCALE, "steps": STEPS, "results": results}, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
