"""Peers of bench/defenses.ts: reads raw float32 images [count, side, side, 3], prints JSON {name: cpu milliseconds an image}."""
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
path, count, side, crop_size, rounds = sys.argv[1], *map(int, sys.argv[2:6])
images = np.fromfile(path, np.float32).reshape(count, side, side, 3)
tensor = torch.from_numpy(images)
last = tensor.permute(0, 3, 1, 2)
first = last.contiguous()
random = np.random.default_rng(1)


def jpeg(image):
    buffer = io.BytesIO()
    Image.fromarray(np.uint8(np.round(image * 255))).save(buffer, "JPEG", quality=75)
    return np.asarray(Image.open(buffer))


def each(method):
    return lambda: [method(image) for image in images]


def resize(crop):
    return interpolate(crop, size=(side, side), mode="bilinear", align_corners=False)


def crops(batch):
    """A random crop of each image, as ours."""
    result = torch.empty_like(batch)
    for index, (y, x) in enumerate(random.integers(0, side - crop_size + 1, (count, 2))):
        result[index : index + 1] = resize(batch[index : index + 1, :, y : y + crop_size, x : x + crop_size])
    return result


def one_crop(batch):
    """The same crop of all images, which torch does in one call: less than ours does."""
    y, x = random.integers(0, side - crop_size + 1, 2)
    return resize(batch[:, :, y : y + crop_size, x : x + crop_size])


peers = {
    "jpeg": {"Pillow": each(jpeg)},
    "bit-depth": {
        "numpy": lambda: np.floor(images * 7 + 0.5) / 7,
        "torch": lambda: torch.floor(tensor * 7 + 0.5) / 7,
        "torch in place": lambda: (tensor * 7).add_(0.5).floor_().div_(7),
    },
    "crop": {
        "torch NCHW": lambda: crops(first),
        "torch channels_last": lambda: crops(last),
        "torch channels_last, one crop of all": lambda: one_crop(last),
    },
    "median": {"scipy": each(lambda image: median_filter(image, size=(3, 3, 1), mode="reflect"))},
    "non-local-means": {
        "skimage": each(lambda image: denoise_nl_means(image, 3, 5, 4 / 255, fast_mode=False, channel_axis=-1)),
        "skimage fast": each(lambda image: denoise_nl_means(image, 3, 5, 4 / 255, fast_mode=True, channel_axis=-1)),
    },
}
try:
    from art.defences.preprocessor import FeatureSqueezing, SpatialSmoothing

    squeeze = FeatureSqueezing(clip_values=(0, 1), bit_depth=3)
    smooth = SpatialSmoothing(window_size=3)
    peers["bit-depth"]["ART"] = lambda: squeeze(images)
    peers["median"]["ART"] = lambda: smooth(images)
except ImportError:
    pass

times = {}
for defense, others in peers.items():
    for name, peer in others.items():
        best = np.inf
        done = spent = 0
        while done < rounds or spent < 1:
            start = time.process_time()
            peer()
            took = time.process_time() - start
            best = min(best, took)
            spent += took
            done += 1
        times[f"{defense} {name}"] = best * 1000 / count
print(json.dumps(times))
