"""Nearest patches by FAISS IndexFlatL2 (faiss-cpu 1.15.1, numpy 2) for test/kernels/patch-search-faiss.test.ts:
python test/reference/patch_search.py > test/reference/patch-search.json"""
import json

import faiss
import numpy as np


def hashed(n):
    return ((n.astype(np.uint64) * 2654435761) & 0xFFFFFFFF) >> 24


def patches(count, first):
    """A level a patch and a quarter of noise, so that neighbours are near."""
    rows = np.arange(first, first + count)
    levels = hashed(rows * 7)[:, None]
    noise = hashed(rows[:, None] * 75 + np.arange(75))
    return ((3 * levels + noise) // 4).astype(np.float32)


database, queries = patches(3000, 0), patches(12, 100_000) + 0.25
index = faiss.IndexFlatL2(75)
index.add(database)
distances, ids = index.search(queries, 10)
# FAISS adds in float32: measured again in float64.
exact = ((queries[:, None].astype(np.float64) - database[ids]) ** 2).sum(2)
print(json.dumps({"faiss": faiss.__version__, "ids": ids.tolist(), "distances": exact.tolist()}))
