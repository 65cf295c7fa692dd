"""Safetensors files for the reference: a reader that turns every tensor into float64, and a writer.

A file is an 8-byte little-endian length, a JSON header {name: {dtype, shape, data_offsets}}, then the data that the
offsets count from. A checkpoint is one model.safetensors, or shards that model.safetensors.index.json names."""

import json, math, os, struct, sys
from array import array

SIZE = {"F32": 4, "F16": 2, "BF16": 2}


def native(a):
    """Little-endian array <-> array of this machine."""
    if sys.byteorder == "big":
        a.byteswap()
    return a


def decode(dtype, data):
    """Bytes of a tensor -> a list of Python floats; all three types are exact in float64."""
    n = len(data) // SIZE[dtype]
    if dtype == "F16":
        return list(struct.unpack("<%de" % n, data))
    if dtype == "BF16":  # the upper half of a float32
        wide = bytearray(4 * n)
        wide[2::4], wide[3::4] = data[0::2], data[1::2]
        data = bytes(wide)
    a = array("f")
    a.frombytes(data)
    return list(native(a))


def encode(dtype, values):
    """Floats -> bytes, each rounded to the type, half to even; bytes as they are."""
    if dtype == "U8":
        return bytes(values)
    if dtype == "F16":
        return struct.pack("<%de" % len(values), *values)
    data = native(array("f", values)).tobytes()
    if dtype == "F32":
        return data
    bits = struct.unpack("<%dI" % len(values), data)
    return struct.pack("<%dH" % len(values), *((b + 0x7FFF + (b >> 16 & 1)) >> 16 for b in bits))


def read_file(path):
    """{name: (shape, values)} of one file."""
    with open(path, "rb") as f:
        data = f.read()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, t in header.items():
        begin, end = (8 + length + at for at in t["data_offsets"])
        if end > len(data) or end - begin != SIZE[t["dtype"]] * math.prod(t["shape"]):
            raise ValueError(f"{path}: {name}: {end - begin} bytes at {begin} for {t['dtype']} {t['shape']}")
        tensors[name] = tuple(t["shape"]), decode(t["dtype"], data[begin:end])
    return tensors


def read_checkpoint(folder):
    """{name: (shape, values)} of a folder with one file or with shards and their index."""
    index = os.path.join(folder, "model.safetensors.index.json")
    if not os.path.exists(index):
        return read_file(os.path.join(folder, "model.safetensors"))
    with open(index) as f:
        place = json.load(f)["weight_map"]
    shards = {name: read_file(os.path.join(folder, name)) for name in sorted(set(place.values()))}
    return {tensor: shards[shard][tensor] for tensor, shard in place.items()}


def write_file(path, dtype, tensors):
    """tensors: {name: (shape, values) or (shape, values, a dtype of its own)}, written in that order."""
    header, blobs, at = {"__metadata__": {"format": "pt"}}, [], 0
    for name, (shape, values, *own) in tensors.items():
        kind = own[0] if own else dtype
        blob = encode(kind, values)
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def write_shards(folder, dtype, tensors, shards):
    """Tensors dealt in turn, as neighbours in the model need not be neighbours in a file, and the index."""
    parts, place, names = [{} for _ in range(shards)], {}, list(tensors)
    for i, name in enumerate(names):
        part = i % shards
        parts[part][name] = tensors[name]
        place[name] = "model-%05d-of-%05d.safetensors" % (part + 1, shards)
    for part in parts:
        write_file(os.path.join(folder, place[next(iter(part))]), dtype, part)
    total = sum(SIZE[dtype] * len(values) for _, values in tensors.values())
    with open(os.path.join(folder, "model.safetensors.index.json"), "w") as f:
        json.dump({"metadata": {"total_size": total}, "weight_map": place}, f, indent=1)
