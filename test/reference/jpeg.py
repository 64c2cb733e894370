"""Writes jpeg.json: digests of what Pillow's JPEG makes of the images of test/kernels/jpeg-images.ts.

A case is [kind, height, width, channels, quality, subsampling, seed, the first 16 digits of the SHA-256 of the decoded bytes].
"""
import hashlib
import io
import json
from pathlib import Path

import numpy as np
from PIL import Image, __version__, features

KINDS = ["noise", "extremes", "smooth", "blocks"]


def hashed(n):
    once = ((n + 1) * 2654435761) & 0xFFFFFFFF
    return ((once ^ (once >> 15)) * 2246822519) & 0xFFFFFFFF


def image(kind, height, width, channels, seed):
    index = np.arange(height * width * channels, dtype=np.uint64)
    byte = lambda n: hashed(n + np.uint64(1_000_003 * seed)) >> np.uint64(24)
    channel, pixel = index % channels, index // channels
    x, y = pixel % width, pixel // width
    if kind == "noise":
        values = byte(index)
    elif kind == "extremes":
        values = np.where(byte(index) < 128, 0, 255)
    elif kind == "smooth":
        wave = (3 * x + 2 * y + 40 * channel + 17 * seed) % 256
        values = 2 * np.minimum(wave, 255 - wave)
    else:
        values = (15 * byte(x // 5 + 1000 * (y // 5) + 77 * channel) + byte(index)) >> np.uint64(4)
    return values.astype(np.uint8).reshape(height, width, channels)


def round_trip(pixels, quality, chroma):
    buffer = io.BytesIO()
    Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels).save(buffer, "JPEG", quality=quality, subsampling=chroma)
    return np.asarray(Image.open(buffer))


if __name__ == "__main__":
    cases = []
    for quality in range(1, 101):
        for channels, chroma in [(1, "4:2:0"), (3, "4:2:0"), (3, "4:4:4")]:
            seed = 3 * quality + channels
            kind = KINDS[len(cases) % 4]
            height, width = 1 + hashed(2 * len(cases)) % 67, 1 + hashed(2 * len(cases) + 1) % 67
            result = round_trip(image(kind, height, width, channels, seed), quality, chroma)
            digest = hashlib.sha256(result.tobytes()).hexdigest()[:16]
            cases.append([kind, height, width, channels, quality, chroma, seed, digest])
    versions = {"Pillow": __version__, "libjpeg-turbo": features.version("libjpeg_turbo"), "numpy": np.__version__}
    lines = ",\n".join(json.dumps(case) for case in cases)
    Path(__file__).with_suffix(".json").write_text(f'{{"versions": {json.dumps(versions)},\n"cases": [\n{lines}\n]}}\n')
