"""Lists the kernels for GPUs of operations of TensorFlow, from the libraries of its wheel for GPUs; no GPU is needed.

    python3 -m pip download --no-deps --only-binary=:all: --python-version 3.12 --platform manylinux_2_27_x86_64 tensorflow==2.21.0
    unzip tensorflow-*.whl 'tensorflow/libtensorflow*'
    python3 scripts/gpu-kernels.py tensorflow AddV2 MatMul … > test/tensors/tensorflow/gpu-kernels.json

Writes JSON: for each operation its kernels, and for each of these the types that it takes (absent: any) by the name of the attribute, as
numbers of TensorFlow's protocol.
"""
import ctypes
import json
import os
import sys

folder, *operations = sys.argv[1:]
for name in ('libtensorflow_framework.so.2', 'libtensorflow_cc.so.2'):
    library = ctypes.CDLL(os.path.join(folder, name), mode=ctypes.RTLD_GLOBAL)


class Buffer(ctypes.Structure):
    _fields_ = [('data', ctypes.c_void_p), ('length', ctypes.c_size_t), ('free', ctypes.c_void_p)]


library.TF_NewStatus.restype = ctypes.c_void_p
status = library.TF_NewStatus()
registered = library.TF_GetRegisteredKernelsForOp
registered.restype = ctypes.POINTER(Buffer)
registered.argtypes = [ctypes.c_char_p, ctypes.c_void_p]


def number(message, at):
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def fields(message):
    """The fields of a message of Protocol Buffers that has numbers and messages."""
    at, found = 0, []
    while at < len(message):
        key, at = number(message, at)
        value, at = number(message, at)
        if key & 7 == 2:
            value, at = message[at : at + value], at + value
        found.append((key >> 3, value))
    return found


def types_of(constraint):
    """Name and types of an AttrConstraint: `name` is its field 1, `allowed_values.list.type` its field 2."""
    name, types = '', []
    for field, value in fields(constraint):
        if field == 1:
            name = value.decode()
        for inner, listing in fields(value) if field == 2 else []:
            for kind, packed in fields(listing) if inner == 1 else []:
                if kind == 6:
                    types += list(packed) if isinstance(packed, bytes) else [packed]
    return name, types


def kernels(operation):
    buffer = registered(operation.encode(), status).contents
    found = []
    for _, definition in fields(ctypes.string_at(buffer.data, buffer.length)):
        parts = fields(definition)
        device = next(value for field, value in parts if field == 2)
        label = next((value for field, value in parts if field == 5), b'')
        constraints = dict(types_of(value) for field, value in parts if field == 3)
        if device in (b'GPU', b'DEFAULT') and label == b'' and constraints not in found:
            found.append(constraints)
    return sorted(found, key=json.dumps)


lines = [f'  "{each}": {json.dumps(kernels(each))}' for each in sorted(set(operations))]
print('{\n' + ',\n'.join(lines) + '\n}')
