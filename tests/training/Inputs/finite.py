#!/usr/bin/env python3
"""Every number of every checkpoint of a training is finite. Usage: finite.py RUN"""
import glob
import json
import math
import struct
import sys

paths = glob.glob(sys.argv[1] + "/checkpoints/*/model.safetensors")
assert paths
for path in paths:
    data = open(path, "rb").read()
    n = struct.unpack("<Q", data[:8])[0]
    assert json.loads(data[8:8 + n])
    assert all(math.isfinite(x) for (x,) in struct.iter_unpack("<f", data[8 + n:])), path
