"""Distances that HopSkipJump of ART finds on a small network: the statistical oracle of attack/hop-skip-jump.

    python test/reference/hop_skip_jump.py OUT.json [--images 24] [--steps 8]

The network is that of transfer_attacks.py on images of 6 × 6 × 3. Both attacks are random, so that only the distribution of
their distances can be compared: mean and median over the images, and the queries of an image in the mean. ART ends its
bisections at 0.01 / √d and 0.01 / d, the authors' code and ravelin at 1 / d^1.5 and 1 / d². The targeted runs go from
class k to class k + 1 of 4, from random images that have it. The draws of ART differ from run to run although they are
seeded.

torch 2.13.0, adversarial-robustness-toolbox 1.20.1, numpy.
"""

import argparse
import importlib.metadata
import json

import numpy as np
import torch
from art.attacks.evasion import HopSkipJump
from art.estimators.classification import PyTorchClassifier

import transfer_attacks

SIDE, CHANNELS = 6, 3


class Counted(torch.nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner, self.queries = inner, 0

    def forward(self, x):
        self.queries += len(x)
        return self.inner(x.float())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--images", type=int, default=24)
    parser.add_argument("--steps", type=int, default=8)
    options = parser.parse_args()
    torch.manual_seed(0)
    np.random.seed(0)
    transfer_attacks.SIDE, transfer_attacks.SIZE = SIDE, SIDE * SIDE * CHANNELS
    model = Counted(transfer_attacks.Network()).eval()
    images = np.stack([transfer_attacks.image_of(index).transpose(2, 0, 1) for index in range(options.images)])
    results = {}
    with torch.no_grad():
        before = model(torch.tensor(images)).argmax(1)
    for name, norm, targets in (
        ("l2", 2, None),
        ("linf", np.inf, None),
        ("l2 to the next class", 2, (before + 1) % 4),
        ("linf to the next class", np.inf, (before + 1) % 4),
    ):
        classifier = PyTorchClassifier(
            model=model,
            loss=torch.nn.CrossEntropyLoss(),
            input_shape=images.shape[1:],
            nb_classes=4,
            clip_values=(0.0, 1.0),
        )
        attack = HopSkipJump(
            classifier,
            targeted=targets is not None,
            norm=norm,
            max_iter=options.steps,
            max_eval=10_000,
            init_eval=100,
            init_size=100,
            verbose=False,
        )
        model.queries = 0
        found = attack.generate(images, None if targets is None else targets.numpy())
        queries = model.queries / len(images)
        with torch.no_grad():
            after = model(torch.tensor(found)).argmax(1)
        reached = (before != after if targets is None else after == targets).numpy()
        delta = np.abs(found - images).reshape(len(images), -1)
        # An image for which no start was found stays as it is.
        distances = (np.sqrt((delta**2).sum(1)) if norm == 2 else delta.max(1))[reached]
        results[name] = {
            "reached": int(reached.sum()),
            "mean": round(float(distances.mean()), 6),
            "median": round(float(np.median(distances)), 6),
            "queries": round(queries, 1),
        }
        print(name, results[name])
    versions = {library: importlib.metadata.version(library) for library in ("torch", "adversarial-robustness-toolbox")}
    with open(options.out, "w") as file:
        json.dump({"versions": versions, "images": options.images, "steps": options.steps, "results": results}, file, indent=2)
        file.write("\n")


if __name__ == "__main__":
    main()
