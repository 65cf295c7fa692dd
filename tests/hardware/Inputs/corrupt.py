#!/usr/bin/env python3
"""Changes one expected number in the middle of a file of vectors."""
import sys

with open(sys.argv[1], "r+b") as f:
    data = bytearray(f.read())
    data[len(data) // 8 * 4 + 3] ^= 1
    f.seek(0)
    f.write(data)
