#!/usr/bin/env python3
"""Distance of two files of logits, in units of the second's standard deviation.

usage: distance.py GOT f32|f64 WANT f32|f64 VOCAB max|median LIMIT
For each row the largest absolute difference; then the largest or the median over rows must not exceed LIMIT."""
import array, statistics, sys

got_path, got_type, want_path, want_type, vocab, how, limit = sys.argv[1:]
vocab, limit = int(vocab), float(limit)


def read(path, kind):
    a = array.array("f" if kind == "f32" else "d")
    with open(path, "rb") as f:
        a.frombytes(f.read())
    return a


got, want = read(got_path, got_type), read(want_path, want_type)
if len(got) != len(want):
    sys.exit(f"{got_path} has {len(got)} numbers, {want_path} {len(want)}")
unit = statistics.pstdev(want)
rows = [
    max(abs(a - b) for a, b in zip(got[i : i + vocab], want[i : i + vocab])) / unit
    for i in range(0, len(want), vocab)
]
distance = max(rows) if how == "max" else statistics.median(rows)
print(f"{how} distance {distance:.3g} over {len(rows)} positions (limit {limit:g})")
sys.exit(distance > limit or distance != distance)
