"""Pillow for bench/jpeg.ts and bench/jpeg-parity.ts: answers each line of JSON on standard input by one on standard output."""
import base64
import hashlib
import io
import json
import sys
import time

import numpy as np
from PIL import Image, __version__, features

images = []


def round_trip(pixels, quality, chroma):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling=chroma)
    return np.asarray(Image.open(buffer))


def array(data, shape):
    pixels = np.frombuffer(base64.b64decode(data), np.uint8).reshape(shape)
    return np.ascontiguousarray(pixels.squeeze(-1)) if shape[-1] == 1 else pixels


for line in sys.stdin:
    request = json.loads(line)
    if request["do"] == "versions":
        reply = {"versions": f"Pillow {__version__}, libjpeg-turbo {features.version('libjpeg_turbo')}"}
    elif request["do"] == "load":
        images = list(array(request["pixels"], request["shape"]))
        reply = {}
    elif request["do"] == "time":
        start = time.process_time()
        for image in images:
            round_trip(image, request["quality"], request["chroma"])
        reply = {"ms": 1000 * (time.process_time() - start) / len(images)}
    else:
        result = round_trip(array(request["pixels"], request["shape"]), request["quality"], request["chroma"])
        reply = {"digest": hashlib.sha256(result.tobytes()).hexdigest()}
    print(json.dumps(reply), flush=True)
