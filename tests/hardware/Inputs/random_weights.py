#!/usr/bin/env python3
"""Reads IR text and writes a .safetensors file with random numbers for all of its weights: random_weights.py OUT < IR."""
import json
import random
import re
import struct
import sys

random.seed(7)
header, data = {}, []
for line in sys.stdin:
    m = re.match(r'\s*weight @"?([^"\s\[]+)"?((?:\[[\d, ]+\])?) : (?:f32|ternary)\[([\d, ]+)\]', line)
    if not m:
        continue
    counts = [int(n) for n in re.findall(r"\d+", m[2])]
    shape = [int(n) for n in m[3].split(",")]
    names = [m[1]]
    for count in counts:
        names = [name.replace("{}", str(i), 1) for name in names for i in range(count)]
    size = 1
    for n in shape:
        size *= n
    for name in names:
        middle = 1.0 if name.endswith("norm.weight") else 0.0
        begin = sum(map(len, data))
        data.append(struct.pack("<%df" % size, *(random.gauss(middle, 0.6) for _ in range(size))))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, begin + 4 * size]}
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
with open(sys.argv[1], "wb") as out:
    out.write(struct.pack("<Q", len(text)) + text + b"".join(data))
