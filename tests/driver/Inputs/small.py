"""Writes a checkpoint for small.tern: small.py FOLDER [SEED]"""
import json
import os
import random
import struct
import sys

random.seed(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
os.makedirs(sys.argv[1], exist_ok=True)
header, data = {}, b""
for name in ("e", "h"):
    numbers = struct.pack("<32f", *(random.uniform(-1, 1) for _ in range(32)))
    header[name] = {"dtype": "F32", "shape": [8, 4], "data_offsets": [len(data), len(data) + len(numbers)]}
    data += numbers
text = json.dumps(header).encode()
with open(os.path.join(sys.argv[1], "model.safetensors"), "wb") as f:
    f.write(struct.pack("<Q", len(text)) + text + data)
