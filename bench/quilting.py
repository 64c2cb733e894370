"""Peers of bench/quilting.ts: FAISS (faiss-cpu) on two threads. Prints JSON {name: {cpu, wall}}, seconds for all queries; writes the
squared distances of the neighbours that it found, exactly measured, to FOLDER/name, and those of ten neighbours of every n-th query to FOLDER/ten."""
import json
import sys
import time

import faiss
import numpy as np

faiss.omp_set_num_threads(2)
folder, count = sys.argv[1], int(sys.argv[2])
patches = np.fromfile(f"{folder}/patches", np.uint8).reshape(-1, 75).astype(np.float32)
queries = np.fromfile(f"{folder}/queries", np.float32).reshape(-1, 75)
results = {}


def search(name, index):
    wall, cpu = time.perf_counter(), time.process_time()
    nearest = np.concatenate([index.search(part, 1)[1][:, 0] for part in np.array_split(queries, count)])
    results[name] = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    differences = queries.astype(np.float64) - patches[nearest]
    (differences**2).sum(1).astype(np.float32).tofile(f"{folder}/{name}")


flat = faiss.IndexFlatL2(75)
flat.add(patches)
search("FAISS flat", flat)
few = queries[:: max(1, len(queries) // 500)]
nearest = flat.search(few, 10)[1]
((few[:, None].astype(np.float64) - patches[nearest]) ** 2).sum(2).tofile(f"{folder}/ten")
del flat

# As in the released code of Guo et al. 2018: PCA to 64, 200 lists, 16 codes of 8 bits, 5 lists looked at.
pca = faiss.PCAMatrix(75, 64)
ivfpq = faiss.IndexIVFPQ(faiss.IndexFlatL2(64), 64, 200, 16, 8)
index = faiss.IndexPreTransform(pca, ivfpq)
index.train(patches[:: max(1, len(patches) // 100_000)])
index.add(patches)
ivfpq.nprobe = 5
search("FAISS IVFPQ", index)
print(json.dumps(results))
