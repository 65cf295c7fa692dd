"""tied.py LOGITS: what tied.tern computes for the tokens 3, 0, 7, by docs/numerics.md in float64."""
import struct, sys

values = [1, 2, 3, -4, 0.5, 0.125, -7]
w = [[values[(4 * i + k) % 7] for k in range(4)] for i in range(8)]
mean = sum(abs(x) for row in w for x in row) / 32
codes = [[(x > 0.5 * mean) - (x < -0.5 * mean) for x in row] for row in w]
data = open(sys.argv[1], "rb").read()
got = struct.unpack("<%df" % (len(data) // 4), data)
want = []
for token in (3, 0, 7):
    s = 127 / max(abs(x) for x in w[token])
    q = [round(x * s) for x in w[token]]
    want += [sum(c * x for c, x in zip(row, q)) * mean / s for row in codes]
assert len(got) == 24 and all(abs(a - b) < 1e-5 for a, b in zip(got, want)), (got, want)
