"""Writes a checkpoint for tiny.tern: python3 tiny.py FILE"""
import json
import struct
import sys

tensors = {
    "embedding.weight": ([4, 3], [0.25, -0.5, 0, 0.75, 0.25, -0.25, -0.75, 0.5, 0.25, 0, 0.25, 0.5]),
    "mix.weight": ([3, 3], [1, -1, 0, 0, 1, 1, -1, 0, 1]),
    "head.weight": ([4, 3], [1, 0, -1, -1, 1, 0, 0, 1, 1, 1, -1, 0]),
}
header, data = {}, b""
for name, (shape, values) in tensors.items():
    piece = struct.pack("<%df" % len(values), *values)
    header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(piece)]}
    data += piece
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
with open(sys.argv[1], "wb") as out:
    out.write(struct.pack("<Q", len(text)) + text + data)
