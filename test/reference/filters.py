"""Writes filters.json: medians of scipy, non-local means by the definition (float64, no shortcuts) and of scikit-image.

scikit-image's classic mode approximates exp and drops weights below exp(-5): the distance to the definition is printed.
"""
import json
from pathlib import Path

import numpy as np
import scipy
import skimage
from scipy.ndimage import median_filter
from skimage.restoration import denoise_nl_means


def image(height, width, channels):
    y, x, c = np.mgrid[:height, :width, :channels]
    return np.float32(0.5 + 0.3 * np.sin(x / 3 + c) * np.cos(y / 4) + 0.1 * ((37 * y + 91 * x + 13 * c) % 16 / 15 - 0.5))


def means(pixels, patch, distance, h):
    height, width, channels = pixels.shape
    pad = patch // 2
    padded = np.pad(np.float64(pixels), ((pad, pad), (pad, pad), (0, 0)), mode="reflect")
    place = np.arange(patch) - pad
    weights = np.exp(-(place[:, None] ** 2 + place[None] ** 2) / (2 * ((patch - 1) / 4) ** 2))
    weights /= weights.sum() * channels * h * h
    out = np.zeros(pixels.shape)
    for y in range(height):
        for x in range(width):
            total = 0
            for v in range(max(0, y - distance), min(height, y + distance + 1)):
                for u in range(max(0, x - distance), min(width, x + distance + 1)):
                    difference = padded[y : y + patch, x : x + patch] - padded[v : v + patch, u : u + patch]
                    weight = np.exp(-(weights[..., None] * difference**2).sum())
                    total += weight
                    out[y, x] += weight * pixels[v, u]
            out[y, x] /= total
    return out


def rounded(values):
    return [round(float(v), 7) for v in np.ravel(values)]


cases = {"median": [], "means": []}
for height, width, channels, size in [(6, 7, 3, 3), (5, 4, 1, 5), (3, 2, 1, 7)]:
    result = median_filter(image(height, width, channels), size=(size, size, 1), mode="reflect")
    cases["median"].append({"height": height, "width": width, "channels": channels, "size": size, "result": rounded(result)})
for height, width, channels, patch, distance, h in [(12, 10, 3, 3, 5, 4 / 255), (9, 11, 1, 5, 3, 0.1), (7, 6, 3, 7, 9, 0.05)]:
    pixels = image(height, width, channels)
    result = means(pixels, patch, distance, h)
    skimages = denoise_nl_means(pixels, patch, distance, h, fast_mode=False, channel_axis=-1).reshape(pixels.shape)
    print(patch, distance, h, "scikit-image: mean", np.abs(skimages - result).mean(), "worst", np.abs(skimages - result).max())
    cases["means"].append(
        {"height": height, "width": width, "channels": channels, "patch": patch, "distance": distance, "h": h, "result": rounded(result), "skimage": rounded(skimages)}
    )
cases["versions"] = {"scipy": scipy.__version__, "scikit-image": skimage.__version__, "numpy": np.__version__}
Path(__file__).with_suffix(".json").write_text(json.dumps(cases, separators=(",", ":")) + "\n")
