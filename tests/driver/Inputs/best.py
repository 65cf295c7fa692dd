# best.py VOCAB INTS FLOATS: the number of the largest logit of each position, of both files.
import struct
import sys

vocab = int(sys.argv[1])


def best(path, kind):
    with open(path, "rb") as f:
        values = [x for (x,) in struct.iter_unpack(kind, f.read())]
    rows = [values[i:i + vocab] for i in range(0, len(values), vocab)]
    return [row.index(max(row)) for row in rows]


for a, b in zip(best(sys.argv[2], "<i"), best(sys.argv[3], "<f")):
    print(a, b)
