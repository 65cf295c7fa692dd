# Writes a model of one table into a folder: m.tern, and the checkpoint m/model.safetensors.
import json
import os
import struct
import sys

folder = sys.argv[1]
os.makedirs(os.path.join(folder, "m"), exist_ok=True)
with open(os.path.join(folder, "m.tern"), "w") as spec:
    spec.write("model m(token: u32) -> f32[4] {\n  weight e : f32[8, 4]\n  return e[token]\n}\n")
header = json.dumps({"e": {"dtype": "F32", "shape": [8, 4], "data_offsets": [0, 128]}}).encode()
with open(os.path.join(folder, "m", "model.safetensors"), "wb") as weights:
    weights.write(struct.pack("<Q", len(header)) + header + struct.pack("<32f", *[i / 8 for i in range(32)]))
