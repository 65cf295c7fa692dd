#!/usr/bin/env python3
"""The trainer's loss of a held-out text is that of the logits. Usage: held_loss.py LOGITS IDS LOG STEP"""
import json
import math
import struct
import sys

ids = [int(x) for x in open(sys.argv[2]).read().split()]
data = open(sys.argv[1], "rb").read()
vocab = len(data) // 4 // len(ids)
logits = struct.unpack("<%df" % (vocab * len(ids)), data)
loss = 0
for t in range(len(ids) - 1):
    row = logits[vocab * t : vocab * (t + 1)]
    most = max(row)
    loss += most + math.log(sum(math.exp(x - most) for x in row)) - row[ids[t + 1]]
loss /= len(ids) - 1
rows = [json.loads(line) for line in open(sys.argv[3])]
held = [row["held_out_loss"] for row in rows if "held_out_loss" in row and row["step"] == int(sys.argv[4])][0]
assert abs(loss - held) < 1e-6, (loss, held)
