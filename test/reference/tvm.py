"""
Numbers of scikit-image 0.26.0 that solver: skimage must give.

    pip install scikit-image==0.26.0 && python test/reference/tvm.py > test/reference/tvm.json
"""

import json

import numpy as np
import skimage
from skimage.restoration import denoise_tv_bregman

y, x = np.mgrid[0:8, 0:8]
f = ((37 * x + 91 * y + 13 * ((x * y) % 7)) % 256) / 255
rgb = np.stack([f, np.roll(f, 1, axis=0), np.roll(f, 1, axis=1)], axis=-1)

cases = []
for image, name in ((f, "grey"), (rgb, "rgb"), (rgb[:3, :5], "rgb 3x5")):
    for weight in (5.0, 1 / 0.03):
        for isotropic in (True, False):
            options = dict(weight=weight, max_num_iter=100, eps=1e-3, isotropic=isotropic)
            axis = -1 if image.ndim == 3 else None
            result = denoise_tv_bregman(image, **options, channel_axis=axis)
            cases.append(
                {
                    "name": name,
                    "shape": list(np.atleast_3d(image).shape),
                    "lambda": 1 / weight,
                    "tv": "isotropic" if isotropic else "anisotropic",
                    "result": [round(v, 12) for v in result.ravel().tolist()],
                }
            )
print(json.dumps({"versions": {"scikit-image": skimage.__version__, "numpy": np.__version__}, "cases": cases}))
