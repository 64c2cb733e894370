"""Peers of bench/defenses.ts: reads raw float32 images, prints JSON {name: cpu milliseconds an image}."""
import io
import json
import sys
import time

import numpy as np
import torch
from PIL import Image
from scipy.ndimage import median_filter
from skimage.restoration import denoise_nl_means
from torch.nn.functional import interpolate

torch.set_num_threads(1)
path, count, side, rounds = sys.argv[1], *map(int, sys.argv[2:5])
images = np.fromfile(path, np.float32).reshape(count, side, side, 3)


def jpeg(image):
    buffer = io.BytesIO()
    Image.fromarray(np.uint8(np.round(image * 255))).save(buffer, "JPEG", quality=75)
    return np.asarray(Image.open(buffer))


def crop(image):
    tensor = torch.from_numpy(image).permute(2, 0, 1)[None]
    return interpolate(tensor[:, :, 10:100, 20:110], size=(side, side), mode="bilinear", align_corners=False)


peers = {
    "jpeg": {"Pillow": jpeg},
    "bit-depth": {"numpy": lambda image: np.floor(image * 7 + 0.5) / 7},
    "crop": {"torch": crop},
    "median": {"scipy": lambda image: median_filter(image, size=(3, 3, 1), mode="reflect")},
    "non-local-means": {
        "skimage": lambda image: denoise_nl_means(image, 3, 5, 4 / 255, fast_mode=False, channel_axis=-1),
        "skimage fast": lambda image: denoise_nl_means(image, 3, 5, 4 / 255, fast_mode=True, channel_axis=-1),
    },
}
try:
    from art.defences.preprocessor import FeatureSqueezing, SpatialSmoothing

    squeeze = FeatureSqueezing(clip_values=(0, 1), bit_depth=3)
    smooth = SpatialSmoothing(window_size=3)
    peers["bit-depth"]["ART"] = lambda image: squeeze(image[None])
    peers["median"]["ART"] = lambda image: smooth(image[None])
except ImportError:
    pass

times = {}
for defense, others in peers.items():
    for name, peer in others.items():
        best = np.inf
        done = spent = 0
        while done < rounds or spent < 2:
            start = time.process_time()
            for image in images:
                peer(image)
            took = time.process_time() - start
            best = min(best, took)
            spent += took
            done += 1
        times[f"{defense} {name}"] = best * 1000 / count
print(json.dumps(times))
