"""Local optimality by AttackBench's own code on drawn distances: the oracle of evaluate/optimality.

    python test/reference/optimality.py ATTACKBENCH OUT.json

ATTACKBENCH is a checkout of attackbench/AttackBench at cb475a24d48c, which is not on PyPI. Cases in which an attack
fails on some images follow analysis/plot_distances.py, the others `eval_optimality` of analysis/utils.py.

numpy 2.x.
"""

import json
import os
import sys

import numpy as np

np.trapz = getattr(np, "trapz", None) or np.trapezoid


def plotted(adv_distances, best_distances):
    """The lines of analysis/plot_distances.py, without the plot."""
    distances, counts = np.unique(best_distances, return_counts=True)
    robust_acc = 1 - counts.cumsum() / len(best_distances)
    clean_acc = np.count_nonzero(best_distances) / len(best_distances)
    max_dist = np.amax(distances)
    best_area = np.trapz(robust_acc, distances)
    distances = np.unique(adv_distances)
    clipped, counts = np.unique(adv_distances.clip(min=None, max=max_dist), return_counts=True)
    robust_acc_clipped = 1 - counts.cumsum() / len(adv_distances)
    if distances[-1] == np.inf:
        robust_acc_clipped[-1] = robust_acc_clipped[-2]
    area = np.trapz(robust_acc_clipped, clipped)
    return 1 - (area - best_area) / (clean_acc * max_dist - best_area)


def main():
    checkout, out = sys.argv[1:]
    sys.path.insert(0, os.path.join(checkout, "analysis"))
    from utils import eval_optimality

    generator = np.random.default_rng(0)
    cases = []
    for count in (2, 5, 17, 64):
        for failing in (False, True):
            base = generator.gamma(2, 0.5, count).round(4)
            wrong = np.arange(count) < max(1, count // 5)
            attacks = []
            for _ in range(3):
                distances = (base * (1 + generator.exponential(0.3, count))).round(4)
                if failing:
                    # The envelope stays finite: the first attack never fails.
                    distances[generator.random(count) < (0.3 if attacks else 0)] = np.inf
                distances[wrong] = 0
                attacks.append(distances)
            best = np.min(attacks, axis=0)
            optimality = [
                plotted(distances, best) if np.isinf(distances).any() else eval_optimality(distances, best)
                for distances in attacks
            ]
            shown = [[None if np.isinf(d) else float(d) for d in distances] for distances in attacks]
            cases.append({"attacks": shown, "optimality": [float(value) for value in optimality]})
    with open(out, "w") as file:
        json.dump({"attackbench": "cb475a24d48c", "numpy": np.__version__, "cases": cases}, file)
        file.write("\n")


if __name__ == "__main__":
    main()
