#!/usr/bin/env python3
"""shards.py FILE DIR [--prefix STR]: FILE's tensors as two shards with an index, STR before their names; a third shard
has a tensor that no model uses."""
import json
import os
import struct
import sys

source, folder = sys.argv[1:3]
prefix = sys.argv[4] if len(sys.argv) > 4 else ""
if os.path.exists(folder + "/model.safetensors"):
    os.remove(folder + "/model.safetensors")
data = open(source, "rb").read()
length, = struct.unpack("<Q", data[:8])
header, body = json.loads(data[8:8 + length]), data[8 + length:]
metadata = header.pop("__metadata__", {})
shards = [{}, {}, {"unused": ("F4_E2M1", [4], b"\0\0")}]
for i, (name, t) in enumerate(header.items()):
    begin, end = t["data_offsets"]
    shards[name > "model.layers.3"][name] = (t["dtype"], t["shape"], body[begin:end])
index = {}
for i, shard in enumerate(shards):
    entries, parts, at = {"__metadata__": {k.replace("tern.columns.", "tern.columns." + prefix): v
                                           for k, v in metadata.items()}}, [], 0
    file = "model-%05d-of-00003.safetensors" % (i + 1)
    for name, (dtype, shape, raw) in shard.items():
        entries[prefix + name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(raw)]}
        index[prefix + name] = file
        parts.append(raw)
        at += len(raw)
    text = json.dumps(entries).encode()
    open(folder + "/" + file, "wb").write(struct.pack("<Q", len(text)) + text + b"".join(parts))
json.dump({"metadata": {"total_size": 10**30, "loss": float("nan")}, "weight_map": index},
          open(folder + "/model.safetensors.index.json", "w"))
