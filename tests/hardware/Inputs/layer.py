"""Weights for layer.tern: layer.py INPUTS OUTPUTS FILE. As many values of samples as outputs, from -8 to 7.94; a third of the
matrix is 0; the scale is a power of two."""
import json
import struct
import sys

inputs, outputs, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
state = 1


def third():
    global state
    state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
    return (state >> 33) % 3 - 1


codes = [third() for _ in range(outputs * inputs)]
size = (0.5 + 2**-17) * len(codes) / sum(map(abs, codes))
values = [(i * 255 // (outputs - 1) - 128) / 16 for i in range(outputs)]
tensors = {"value": ((outputs, 1), values), "weight": ((outputs, inputs), [c * size for c in codes])}
header, data = {}, b""
for name, (shape, numbers) in tensors.items():
    packed = struct.pack("<%df" % len(numbers), *numbers)
    header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(packed)]}
    data += packed
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
open(path, "wb").write(struct.pack("<Q", len(text)) + text + data)
