#!/usr/bin/env python3
"""Counts how often a signal of the design's core goes from 0 to 1 in a waveform: rises.py VCD SIGNAL."""
import sys

scope, code, last, rises = [], None, "x", 0
for line in open(sys.argv[1]):
    words = line.split()
    if not words:
        continue
    if words[0] == "$scope":
        scope.append(words[2])
    elif words[0] == "$upscope":
        scope.pop()
    elif words[0] == "$var" and words[4] == sys.argv[2] and scope[-1] == "core":
        code = words[3]
    elif code and words[0][1:] == code and words[0][0] in "01x":
        rises += last == "0" and words[0][0] == "1"
        last = words[0][0]
print(f"core.{sys.argv[2]} rises {rises} times")
