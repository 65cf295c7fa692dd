#!/usr/bin/env python3
"""A checkpoint whose tensors' names begin with something. Usage: prefix.py DIR OUT PREFIX"""
import json
import os
import shutil
import struct
import sys

data = open(sys.argv[1] + "/model.safetensors", "rb").read()
n = struct.unpack("<Q", data[:8])[0]
header = {(name if name == "__metadata__" else sys.argv[3] + name): about for name, about in json.loads(data[8:8 + n]).items()}
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
os.mkdir(sys.argv[2])
with open(sys.argv[2] + "/model.safetensors", "wb") as out:
    out.write(struct.pack("<Q", len(text)) + text + data[8 + n:])
shutil.copy(sys.argv[1] + "/config.json", sys.argv[2])
