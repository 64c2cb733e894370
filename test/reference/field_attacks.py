"""Minimal norms and images left right by the attacks of adv-lib and torchattacks: the oracle of attack/fab, attack/ddn,
attack/fmn, attack/apgd and attack/square, and what they cost.

    python test/reference/field_attacks.py DATA OUT.json [--images 64] [--attacks ddn fmn-l2 …] [--budget 1/255] [--update] [--seconds]

DATA holds cifar10-jpeg75/cifar-10-batches-bin and models/cifar10-resnet20.safetensors. The attacks get those of the
images that are classified correctly. `left` counts those that are still right, or farther than the budget. With
--seconds: CPU seconds (all threads added). AutoAttack runs only if it is named: auto-attack takes 100 steps, as the
original does, and auto-attack-10 the 10 steps that torchattacks takes by default.

--nudges N runs each attack N times more, on images with normal noise of 1e-6, into `nudged`: how far an attack's numbers
depend on the last bits. Those of FMN in L1 and L0 and to a target change by up to 4 %.

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

BUDGET = "1/255"
BATCH = 64
NUDGE = 1e-6
SQUARE_QUERIES = 200
INF = float("inf")


def without_drawing():
    """adv-lib imports torchvision for LPIPS and visdom for plots, which no attack here uses; not every torch has both."""
    for name, member in (("torchvision", "models"), ("visdom", "Visdom")):
        stub = types.ModuleType(name)
        setattr(stub, member, types.ModuleType(member))
        sys.modules.setdefault(name, stub)


def adv_lib(model, budget):
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
        "apgd-ce": (INF, lambda x, y: attacks.apgd(model, x, y, budget, INF, loss_function="ce")),
    }


def in_batches(attack):
    return lambda x, y: torch.cat([attack(*pair) for pair in zip(x.split(BATCH), y.split(BATCH))])


def torchattacks_attacks(model, budget):
    import torchattacks

    def auto_attack(steps):
        attack = torchattacks.AutoAttack(model, norm="Linf", eps=budget, version="standard", n_classes=10, seed=0)
        for member in attack._autoattack.attacks[:3]:
            member.steps = steps
        return in_batches(attack)

    return {
        "apgd-ce": (INF, torchattacks.APGD(model, norm="Linf", eps=budget, steps=100, loss="ce", eot_iter=1)),
        "apgd-t": (INF, torchattacks.APGDT(model, norm="Linf", eps=budget, steps=100, eot_iter=1, n_classes=10)),
        "fab-t": (
            INF,
            torchattacks.FAB(model, norm="Linf", eps=budget, steps=100, n_restarts=1, multi_targeted=True, n_classes=10),
        ),
        "square": (INF, torchattacks.Square(model, norm="Linf", eps=budget, n_queries=SQUARE_QUERIES, p_init=0.8)),
        "auto-attack": (INF, auto_attack(100)),
        "auto-attack-10": (INF, auto_attack(10)),
    }


LIBRARIES = {"adv-lib": adv_lib, "torchattacks": torchattacks_attacks}
ONLY_IF_NAMED = ("auto-attack", "auto-attack-10")


def value(text):
    number, _, divisor = text.partition("/")
    return float(number) / float(divisor or 1)


def nudged(images, seed):
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(seed))
    return (images + NUDGE * noise).clamp(0, 1)


def measure(model, attack, norm, images, labels, budget, timed):
    cpu = time.process_time()
    found = attack(images, labels).detach()
    cpu = time.process_time() - cpu
    with torch.no_grad():
        right = model(found).argmax(1) == labels
    distances = (found - images).flatten(1).norm(p=norm, dim=1)
    missed = right | (distances > budget * 1.0001)
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
    parser.add_argument("--budget", default=BUDGET)
    parser.add_argument("--nudges", type=int, default=0)
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
            attacks = LIBRARIES[library](model, value(options.budget))
        except ImportError:
            absent.append(library)
            continue
        results[library] = known.get(library, {}) | {"version": version}
        for name, (norm, attack) in attacks.items():
            if name in ONLY_IF_NAMED if options.attacks is None else name not in options.attacks:
                continue
            budget = value(options.budget)
            row = measure(model, attack, norm, images, labels, budget, options.seconds)
            if options.nudges > 0:
                row["nudged"] = [
                    measure(model, attack, norm, nudged(images, seed + 1), labels, budget, False)
                    for seed in range(options.nudges)
                ]
            results[library][name] = row
            print(library, name, results[library][name], flush=True)
    with open(options.out, "w") as file:
        json.dump({"torch": torch.__version__, "absent": absent, "results": results}, file, indent=2)
        file.write("\n")


if __name__ == "__main__":
    main()
