"""scaled_codes.py LOGITS GROUPS: codes 1 0 -1 -1 1 0 ... of [6, 4] times a scale a row (GROUPS 1) or two a row (2), by the
rows 3, 0, 5 of the embedding, in float64."""
import struct, sys

groups = int(sys.argv[2])
values = [1, 2, 3, -4, 0.5, 0.125, -7]
scales = [0.5, 2, 4, 8, 0.25, 1] if groups == 1 else [(0.5, 2, 4)[i % 3] for i in range(12)]
code = lambda i, k: [1, 0, -1, -1, 1, 0][(4 * i + k) % 6]
data = open(sys.argv[1], "rb").read()
got = struct.unpack("<%df" % (len(data) // 4), data)
want = [
    sum(code(i, k) * scales[i * groups + k * groups // 4] * values[(4 * token + k) % 7] for k in range(4))
    for token in (3, 0, 5)
    for i in range(6)
]
assert len(got) == 18 and all(abs(a - b) <= 1e-5 * max(1, abs(b)) for a, b in zip(got, want)), (got, want)
