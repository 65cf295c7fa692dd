#!/usr/bin/env python3
"""Whether every float of the second file is the int32 of the first times one power of two, rounded to float32."""
import array
import math
import struct
import sys

integers, floats = array.array("i"), array.array("f")
integers.frombytes(open(sys.argv[1], "rb").read())
floats.frombytes(open(sys.argv[2], "rb").read())
largest = max(range(len(integers)), key=lambda i: abs(integers[i]))
unit = floats[largest] / integers[largest]
assert math.frexp(unit)[0] == 0.5, f"{unit} is no power of two"
assert len(integers) == len(floats) > 0
for i, f in zip(integers, floats):
    assert struct.unpack("f", struct.pack("f", i * unit))[0] == f, f"{i} * {unit} is not {f}"
