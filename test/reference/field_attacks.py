"""Minimal norms and images left right by the attacks of adv-lib and torchattacks: the oracle of attack/fab, attack/ddn,
attack/fmn, attack/apgd and attack/square, and what they cost.

    python test/reference/field_attacks.py DATA OUT.json [--images 64] [--attacks ddn fmn-l2 …] [--update] [--seconds]

DATA holds cifar10-jpeg75/cifar-10-batches-bin and models/cifar10-resnet20.safetensors. The attacks get those of the
images that are classified correctly. `left` counts those that are still right, or farther than the budget. With
--seconds: CPU seconds (all threads added).

torch 2.13.0, adv-lib 0.2.8, torchattacks 3.5.1, numpy, safetensors.
"""

import argparse
import importlib.metadata
import json
import os
import sys
import time
import types

os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch

from attacks import load

BUDGET = 1 / 255
SQUARE_QUERIES = 200
INF = float("inf")


def without_drawing():
    """adv-lib imports torchvision for LPIPS and visdom for plots, which no attack here uses; not every torch has both."""
    for name, member in (("torchvision", "models"), ("visdom", "Visdom")):
        stub = types.ModuleType(name)
        setattr(stub, member, types.ModuleType(member))
        sys.modules.setdefault(name, stub)


def adv_lib(model):
    without_drawing()
    from adv_lib import attacks

    def least(images):
        with torch.no_grad():
            return model(images).argmin(1)

    return {
        "ddn": (2, lambda x, y: attacks.ddn(model, x, y, steps=100, levels=None)),
        "fmn-l2": (2, lambda x, y: attacks.fmn(model, x, y, norm=2, steps=100)),
        "fmn-linf": (INF, lambda x, y: attacks.fmn(model, x, y, norm=INF, steps=100)),
        "fmn-l1": (1, lambda x, y: attacks.fmn(model, x, y, norm=1, steps=100)),
        "fmn-l0": (0, lambda x, y: attacks.fmn(model, x, y, norm=0, steps=100)),
        "ddn-least-likely": (2, lambda x, y: attacks.ddn(model, x, least(x), targeted=True, steps=100, levels=None)),
        "fmn-l2-least-likely": (2, lambda x, y: attacks.fmn(model, x, least(x), targeted=True, norm=2, steps=100)),
        "fab-l2": (2, lambda x, y: attacks.fab(model, x, y, norm=2, n_iter=20)),
        "fab-linf": (INF, lambda x, y: attacks.fab(model, x, y, norm=INF, n_iter=20)),
        "apgd-ce": (INF, lambda x, y: attacks.apgd(model, x, y, BUDGET, INF, loss_function="ce")),
    }


def torchattacks_attacks(model):
    import torchattacks

    return {
        "apgd-ce": (INF, torchattacks.APGD(model, norm="Linf", eps=BUDGET, steps=100, loss="ce", eot_iter=1)),
        "apgd-t": (INF, torchattacks.APGDT(model, norm="Linf", eps=BUDGET, steps=100, eot_iter=1, n_classes=10)),
        "fab-t": (
            INF,
            torchattacks.FAB(model, norm="Linf", eps=BUDGET, steps=100, n_restarts=1, multi_targeted=True, n_classes=10),
        ),
        "square": (INF, torchattacks.Square(model, norm="Linf", eps=BUDGET, n_queries=SQUARE_QUERIES, p_init=0.8)),
    }


LIBRARIES = {"adv-lib": adv_lib, "torchattacks": torchattacks_attacks}


def measure(model, attack, norm, images, labels, timed):
    cpu = time.process_time()
    found = attack(images, labels).detach()
    cpu = time.process_time() - cpu
    with torch.no_grad():
        right = model(found).argmax(1) == labels
    distances = (found - images).flatten(1).norm(p=norm, dim=1)
    missed = right | (distances > BUDGET * 1.0001)
    return {
        "images": len(images),
        "right": right.sum().item(),
        "left": missed.sum().item(),
        "mean": round(distances.mean().item(), 6),
        "median": round(distances.quantile(0.5).item(), 6),
    } | ({"cpuSeconds": round(cpu, 2)} if timed else {})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("out")
    parser.add_argument("--attacks", nargs="+")
    parser.add_argument("--libraries", nargs="+", default=list(LIBRARIES))
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--update", action="store_true", help="keep what OUT.json has of other attacks")
    parser.add_argument("--seconds", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    model, images, labels = load(options.data, options.images, "resnet20")
    with torch.no_grad():
        right = model(images).argmax(1) == labels
    images, labels = images[right], labels[right]
    results, absent = {}, []
    known = json.load(open(options.out))["results"] if options.update else {}
    for library in options.libraries:
        try:
            version = importlib.metadata.version(library)
            attacks = LIBRARIES[library](model)
        except ImportError:
            absent.append(library)
            continue
        results[library] = known.get(library, {}) | {"version": version}
        for name, (norm, attack) in attacks.items():
            if options.attacks is not None and name not in options.attacks:
                continue
            results[library][name] = measure(model, attack, norm, images, labels, options.seconds)
            print(library, name, results[library][name], flush=True)
    with open(options.out, "w") as file:
        json.dump({"torch": torch.__version__, "absent": absent, "results": results}, file, indent=2)
        file.write("\n")


if __name__ == "__main__":
    main()
