#!/usr/bin/env python3
"""Ids that a small model can learn: words of five ids below 8, in any order. Usage: ids.py FILE COUNT"""
import random
import struct
import sys

random.seed(1)
words = [[random.randrange(8) for _ in range(5)] for _ in range(6)]
ids = []
while len(ids) < int(sys.argv[2]):
    ids += random.choice(words)
with open(sys.argv[1], "wb") as out:
    out.write(struct.pack("<%dH" % int(sys.argv[2]), *ids[:int(sys.argv[2])]))
