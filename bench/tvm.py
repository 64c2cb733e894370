"""The Python side of bench/tvm.ts (scikit-image, ART): reads float64 images, writes results and a line of JSON a method."""

import json
import sys
import time

import numpy as np
import skimage
from skimage.restoration import denoise_tv_bregman, denoise_tv_chambolle

source, target, count, size, lam = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
images = np.fromfile(source, dtype=np.float64).reshape(count, size, size, 3)


def chambolle(eps, iterations):
    return lambda image: denoise_tv_chambolle(image, lam, eps=eps, max_num_iter=iterations, channel_axis=-1)


def bregman(eps, iterations):
    return lambda image: denoise_tv_bregman(image, 1 / lam, eps=eps, max_num_iter=iterations, channel_axis=-1)


methods = {
    "chambolle, default": chambolle(2e-4, 200),
    "chambolle, eps 1e-5": chambolle(1e-5, 1000),
    "chambolle, eps 3e-6": chambolle(3e-6, 1000),
    "chambolle, eps 1e-6": chambolle(1e-6, 1000),
    "bregman, default": bregman(1e-3, 100),
    "bregman, eps 1e-5": bregman(1e-5, 1000),
}
with open(target, "wb") as out:
    for name, method in methods.items():
        method(images[0])
        best = [float("inf")] * count
        for _ in range(2):
            for i, image in enumerate(images):
                start = time.process_time()
                result = method(image)
                best[i] = min(best[i], time.process_time() - start)
                if _ == 0:
                    out.write(np.ascontiguousarray(result, dtype=np.float64).tobytes())
        print(json.dumps({"name": f"scikit-image {skimage.__version__} {name}", "ms": 1000 * sum(best) / count}))

# ART drops pixels itself, keeps 0.3 of them and minimises the square root of the data term plus norms of whole rows and columns of
# differences: no result of it can be compared with the others'.
try:
    import art
    from art.defences.preprocessor import TotalVarMin
except ImportError:
    print(json.dumps({"missing": "adversarial-robustness-toolbox"}))
else:
    minimise = TotalVarMin()
    start = time.process_time()
    minimise(images[:2].astype(np.float32))
    milliseconds = 500 * (time.process_time() - start)
    print(json.dumps({"name": f"ART {art.__version__} TotalVarMin, defaults", "ms": milliseconds, "own": True}))
