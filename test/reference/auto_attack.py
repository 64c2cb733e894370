"""Images left right by the attacks of AutoAttack's original code, each alone and in the order of the standard version.

    python test/reference/auto_attack.py DATA AUTOATTACK OUT.json [--attacks apgd-ce apgd-t fab-t order square] [--norms Linf L2 L1] [--seed 0]

DATA holds cifar10-jpeg75/cifar-10-batches-bin and models/cifar10-resnet20.safetensors; AUTOATTACK is a checkout of
fra31/auto-attack at a39220048b3c, which is not on PyPI. The first 64 test images, of which the attacks get those that
are classified correctly, one thread. `order` is APGD-CE, APGD-T and FAB-T one after another, on the images that
are left; Square runs only if it is named, with 5,000 queries, in L1 with 500. CPU seconds are printed, not written.

torch 2.13.0, numpy, safetensors.
"""

import argparse
import json
import sys
import time

import torch

from attacks import load

BUDGETS = [("Linf", "0.5/255"), ("Linf", "1/255"), ("L2", "0.1"), ("L1", "0.5"), ("L1", "1")]
ATTACKS = {
    "apgd-ce": ["apgd-ce"],
    "apgd-t": ["apgd-t"],
    "fab-t": ["fab-t"],
    "order": ["apgd-ce", "apgd-t", "fab-t"],
    "square": ["square"],
}
SQUARE_QUERIES = {"Linf": 5000, "L2": 5000, "L1": 500}


def value(text):
    number, _, divisor = text.partition("/")
    return float(number) / float(divisor or 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("autoattack")
    parser.add_argument("out")
    parser.add_argument("--attacks", nargs="+", choices=ATTACKS, default=["apgd-ce", "apgd-t", "fab-t", "order"])
    parser.add_argument("--norms", nargs="+", default=["Linf", "L2"])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    sys.path.insert(0, options.autoattack)
    from autoattack import AutoAttack

    model, images, labels = load(options.data, 64, "resnet20")
    with torch.no_grad():
        right = (model(images).argmax(1) == labels).nonzero().squeeze(1)
    x, y = images[right], labels[right]
    results = []
    for norm, budget in BUDGETS:
        if norm not in options.norms:
            continue

        def run(names):
            attack = AutoAttack(
                model, norm=norm, eps=value(budget), seed=options.seed, verbose=False, version="custom",
                attacks_to_run=names, device="cpu",
            )
            # What version="standard" sets for these norms.
            attack.apgd.n_restarts = attack.apgd_targeted.n_restarts = attack.fab.n_restarts = 1
            attack.apgd_targeted.n_target_classes = attack.fab.n_target_classes = 9
            attack.square.n_queries = SQUARE_QUERIES[norm]
            if norm == "L1":
                attack.apgd.use_largereps = attack.apgd_targeted.use_largereps = True
                attack.apgd.n_restarts, attack.apgd_targeted.n_target_classes = 5, 5
            start = time.process_time()
            adversarial = attack.run_standard_evaluation(x, y, bs=64)
            with torch.no_grad():
                left = model(adversarial).argmax(1) == y
            print(norm, budget, names, int(left.sum()), f"{time.process_time() - start:.1f} CPU s", flush=True)
            return right[left].tolist()

        left = {name: run(ATTACKS[name]) for name in options.attacks}
        results.append({"norm": norm, "epsilon": value(budget), "left": left})
    with open(options.out, "w") as file:
        json.dump(
            {"autoattack": "a39220048b3c", "torch": torch.__version__, "images": 64, "clean": len(right), "results": results},
            file,
        )
        file.write("\n")


if __name__ == "__main__":
    main()
