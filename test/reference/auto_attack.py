"""Images left right by the attacks of AutoAttack's original code, each alone and in the order of the standard version.

    python test/reference/auto_attack.py DATA AUTOATTACK OUT.json [--square] [--norms Linf L2 L1]

DATA holds cifar10-jpeg75/cifar-10-batches-bin and models/cifar10-resnet20.safetensors; AUTOATTACK is a checkout of
fra31/auto-attack at a39220048b3c, which is not on PyPI. The first 64 test images, of which the attacks get those that
are classified correctly, one thread, seed 0. CPU seconds are printed, not written.

torch 2.13.0, numpy, safetensors.
"""

import argparse
import json
import sys
import time

import torch

from attacks import load

BUDGETS = [("Linf", "0.5/255"), ("Linf", "1/255"), ("L2", "0.1"), ("L1", "0.5"), ("L1", "1")]
L1_SQUARE_QUERIES = 500


def value(text):
    number, _, divisor = text.partition("/")
    return float(number) / float(divisor or 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("autoattack")
    parser.add_argument("out")
    parser.add_argument("--square", action="store_true", help="also Square with 5,000 queries at L∞ 0.5/255")
    parser.add_argument("--norms", nargs="+", default=["Linf", "L2"])
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
                model, norm=norm, eps=value(budget), seed=0, verbose=False, version="custom", attacks_to_run=names, device="cpu"
            )
            # What version="standard" sets for these norms.
            attack.apgd.n_restarts = attack.apgd_targeted.n_restarts = attack.fab.n_restarts = 1
            attack.apgd_targeted.n_target_classes = attack.fab.n_target_classes = 9
            attack.square.n_queries = L1_SQUARE_QUERIES if norm == "L1" else 5000
            if norm == "L1":
                attack.apgd.use_largereps = attack.apgd_targeted.use_largereps = True
                attack.apgd.n_restarts, attack.apgd_targeted.n_target_classes = 5, 5
            start = time.process_time()
            adversarial = attack.run_standard_evaluation(x, y, bs=64)
            with torch.no_grad():
                left = model(adversarial).argmax(1) == y
            print(norm, budget, names, int(left.sum()), f"{time.process_time() - start:.1f} CPU s", flush=True)
            return right[left].tolist()

        left = {name: run([name]) for name in ("apgd-ce", "apgd-t", "fab-t")}
        left["in order"] = run(["apgd-ce", "apgd-t", "fab-t"])
        if options.square and budget in ("0.5/255", "1"):
            left["square"] = run(["square"])
        results.append({"norm": norm, "epsilon": value(budget), "left": left})
    with open(options.out, "w") as file:
        json.dump(
            {"autoattack": "a39220048b3c", "torch": torch.__version__, "images": 64, "clean": len(right), "results": results},
            file,
        )
        file.write("\n")


if __name__ == "__main__":
    main()
