#!/usr/bin/python3
"""Specs and checkpoints at the corners of the hardware's widths, one folder each: corners.py FOLDER. Prints their names."""
import json
import os
import random
import struct
import sys

LINEAR = """block lin(x: f32[n]) -> f32[m] {
  weight weight : ternary[m, n]
  return weight @ fixed(x, 8, 4)
}
"""
MODEL = """model corner(token: u32) -> f32[%(vocab)d] {
  weight emb.weight : f32[%(vocab)d, %(n)d]
  use a: lin[%(n)d -> %(n)d], head: lin[%(n)d -> %(vocab)d]
  x = emb.weight[token]
%(body)s
}
"""
# name: vocabulary, size, scale of the embedding, what is computed
CORNERS = {
    "curve": (4, 4, 1, "  return head(sigmoid(a(x) * 0.000001) * x)"),  # an operand of 30 fraction bits
    "stateless": (4, 4, 1, "  return head(sigmoid(a(x)) * x)"),
    "norm": (3, 5, 1e-6, "  return head(rmsnorm(x, 0))"),
    "tiny_norm": (3, 5, 1e-6, "  return head(rmsnorm(a(x), 0) * x)"),
    "one": (1, 1, 1, "  return head(a(x))"),
    "root": (2, 3, 1e-6, "  return head(sqrt(x * x))"),
    "state": (3, 1, 1, "  state h : f32[1] = 0\n  h = sigmoid(x) * h + x\n  return head(h)"),
    "exponent": (2, 3, 8, "  return head(exp(floor(x)))"),
    "quotient": (2, 3, 1e-6, "  return head(x / (x * x + 1))"),
}


def numbers(rng, count, scale):
    return struct.pack("<%df" % count, *[rng.uniform(-scale, scale) for _ in range(count)])


def write(path, tensors):
    header, data = {}, b""
    for name, (shape, values) in tensors.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


for name, (vocab, n, scale, body) in CORNERS.items():
    folder, rng = os.path.join(sys.argv[1], name), random.Random(name)
    os.makedirs(folder, exist_ok=True)
    with open(folder + "/m.tern", "w") as f:
        f.write(LINEAR + MODEL % {"vocab": vocab, "n": n, "body": body})
    write(folder + "/model.safetensors", {
        "emb.weight": ([vocab, n], numbers(rng, vocab * n, scale)),
        "a.weight": ([n, n], numbers(rng, n * n, 1)),
        "head.weight": ([vocab, n], numbers(rng, vocab * n, 1))})
    with open(folder + "/ids", "w") as f:
        f.write(" ".join(str(k % vocab) for k in range(3)))
    print(name)
