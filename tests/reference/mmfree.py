#!/usr/bin/env python3
"""The published MatMul-free language model (HGRNBitForCausalLM), slowly, in float64: a reference for ternc.

usage: mmfree.py DIR TOKENS OUT [--positions N] [--expect LOGITS --within LIMIT]

Reads DIR/config.json and the safetensors of DIR, feeds the first N (or all) of the ids in TOKENS one at a time, and
writes their logits to OUT: float64, little-endian, [N, vocab]. With --expect it holds them against another such file
(its first N rows), in units of that file's standard deviation, and fails above LIMIT.

It shares nothing with the compiler but docs/numerics.md: it was written from a description of the published code, uses
Python's standard library alone, and computes each layer in the plainest way. Codes are integers and their sums exact;
a ternary weight's mean, its scale 1 / mean and its codes are taken in float32, as the numerics say; all else is
float64."""

import argparse, json, math, os, statistics, sys
from array import array
from itertools import compress
from operator import itemgetter

sys.dont_write_bytecode = True
import tensors

LINEAR_EPS = 1e-6  # inside a BitLinear; other norms take rms_norm_eps of config.json
QUANT_EPS = 1e-5  # the least mean|W| and the least max|n|


def float32(x):
    return array("f", [x])[0]


def sigmoid(x):
    if x < 0:  # exp of a large positive number would overflow
        e = math.exp(x)
        return e / (1 + e)
    return 1 / (1 + math.exp(-x))


def silu(x):
    return x * sigmoid(x)


def rmsnorm(x, weight, eps):
    """x / sqrt(mean(x^2) + eps) * weight"""
    rms = math.sqrt(math.fsum(v * v for v in x) / len(x) + eps)
    return [v / rms * w for v, w in zip(x, weight)]


def picker(columns):
    """A function of a list: the list's elements at `columns`, as a tuple (itemgetter gives a tuple from two on)."""
    if len(columns) > 1:
        return itemgetter(*columns)
    return lambda x: tuple(x[c] for c in columns)


class Margin:
    """How near the run came to a rounding that another correct float64 program could take the other way."""

    def __init__(self):
        self.code = 0.5  # least distance of n * s from k + 1/2
        self.mean = 0.5  # least distance of a mean from a tie of two float32 numbers, in units of their gap

    def see_codes(self, scaled):
        self.code = min(self.code, min(abs(v - math.floor(v) - 0.5) for v in scaled))

    def see_mean(self, mean):
        m, e = math.frexp(mean)  # m * 2^24 counts float32 steps; means are normal numbers
        steps = math.ldexp(m, 24)
        self.mean = min(self.mean, abs(steps - math.floor(steps) - 0.5))


class BitLinear:
    """y = codes(W) . codes(rmsnorm(x) * norm) / (s_a * s_w); weight [m, n], norm [n]."""

    def __init__(self, weight, norm, margin):
        (m, n), values = weight
        mean = math.fsum(map(abs, values)) / len(values)
        margin.see_mean(mean)
        self.scale = s = float32(1 / max(float32(mean), QUANT_EPS))  # for the codes, and for the sums over them
        self.norm, self.margin, columns = norm[1], margin, range(n)
        self.rows = []
        for r in range(0, m * n, n):
            # the product is exact in float64 and the array rounds it to float32, half to even;
            # then clamp(round_half_even(v), -1, 1) is 1 above 0.5, -1 below -0.5, and 0 at both ties
            scaled = array("f", [w * s for w in values[r : r + n]])
            plus = list(compress(columns, (v > 0.5 for v in scaled)))
            minus = list(compress(columns, (v < -0.5 for v in scaled)))
            self.rows.append((picker(plus), picker(minus)))

    def __call__(self, x):
        normed = rmsnorm(x, self.norm, LINEAR_EPS)
        s = 127 / max(max(map(abs, normed)), QUANT_EPS)
        scaled = [v * s for v in normed]
        self.margin.see_codes(scaled)
        q = [max(-128, min(127, round(v))) for v in scaled]  # round(): half to even
        unit = s * self.scale
        return [(sum(plus(q)) - sum(minus(q))) / unit for plus, minus in self.rows]


class Model:
    def __init__(self, folder):
        with open(os.path.join(folder, "config.json")) as f:
            config = json.load(f)
        self.tensors = tensors.read_checkpoint(folder)
        self.vocab, self.hidden = config["vocab_size"], config["hidden_size"]
        self.depth, self.eps = config["num_hidden_layers"], config["rms_norm_eps"]
        self.inner = config.get("intermediate_size")
        if self.inner is None:
            self.inner = 256 * math.ceil(int(self.hidden * config["hidden_ratio"] * 2 / 3) / 256)
        self.margin = Margin()
        self.embeddings = self.take("model.embeddings.weight", self.vocab, self.hidden)[1]
        self.floors = self.lower_bounds()
        self.layers = [self.layer("model.layers.%d." % i) for i in range(self.depth)]
        self.norm = self.take("model.norm.weight", self.hidden)[1]
        self.head = self.linear("lm_head", self.vocab, self.hidden)
        if self.tensors:
            raise ValueError(f"{folder}: tensors that the model has no use for: {', '.join(self.tensors)}")
        self.state = [[0.0] * self.hidden for _ in range(self.depth)]

    def take(self, name, *shape):
        """(shape, values) of a tensor, which must have that shape; each is used once."""
        if name not in self.tensors or self.tensors[name][0] != shape:
            raise ValueError(f"{name}: {shape} expected, {self.tensors.get(name, ['nothing'])[0]} found")
        return self.tensors.pop(name)

    def linear(self, name, m, n):
        return BitLinear(self.take(name + ".weight", m, n), self.take(name + ".norm.weight", n), self.margin)

    def lower_bounds(self):
        """Least forget gate [depth][hidden]: cumsum over layers of a softmax across layers, less its first."""
        h, values = self.hidden, self.take("model.lower_bounds", self.depth, self.hidden)[1]
        columns = []
        for c in range(h):
            top = max(values[c::h])
            e = [math.exp(v - top) for v in values[c::h]]
            p = [v / math.fsum(e) for v in e]
            columns.append([math.fsum(p[: i + 1]) - p[0] for i in range(self.depth)])
        return list(zip(*columns))

    def layer(self, at):
        h, inner = self.hidden, self.inner
        parts = {name: self.linear(f"{at}attn.{name}_proj", h, h) for name in "ifgo"}
        parts["gate"] = self.linear(at + "mlp.gate_proj", 2 * inner, h)
        parts["down"] = self.linear(at + "mlp.down_proj", h, inner)
        for name in ("attn_norm", "mlp_norm", "attn.g_norm"):
            parts[name] = self.take(f"{at}{name}.weight", h)[1]
        return parts

    def mlgru(self, i, x):
        """The recurrence: f = sigmoid(f_proj x), raised to the floor; h = f h' + (1 - f) SiLU(i_proj x)."""
        p = self.layers[i]
        f = [sigmoid(v) for v in p["f"](x)]
        if i > 0:
            f = [low + (1 - low) * v for low, v in zip(self.floors[i], f)]
        v = [silu(a) * (1 - b) for a, b in zip(p["i"](x), f)]
        h = self.state[i] = [a * b + c for a, b, c in zip(f, self.state[i], v)]
        gated = rmsnorm(p["g"](x), p["attn.g_norm"], self.eps)  # the norm on the projection, SiLU on the state
        return p["o"]([a * silu(b) for a, b in zip(gated, h)])

    def glu(self, i, x):
        both = self.layers[i]["gate"](x)
        gate, up = both[: self.inner], both[self.inner :]
        return self.layers[i]["down"]([silu(a) * b for a, b in zip(gate, up)])

    def step(self, token):
        """Logits [vocab] after one more token."""
        x = self.embeddings[token * self.hidden : (token + 1) * self.hidden]
        for i, p in enumerate(self.layers):
            x = [a + b for a, b in zip(x, self.mlgru(i, rmsnorm(x, p["attn_norm"], self.eps)))]
            x = [a + b for a, b in zip(x, self.glu(i, rmsnorm(x, p["mlp_norm"], self.eps)))]
        return self.head(rmsnorm(x, self.norm, self.eps))


def distances(got, want, vocab):
    """For each position the largest difference of a logit, in units of the standard deviation of `want`."""
    unit = statistics.pstdev(want)
    worst = [abs(a - b) / unit for a, b in zip(got, want, strict=True)]
    return [max(worst[i : i + vocab], key=lambda d: (d != d, d)) for i in range(0, len(worst), vocab)]


def read_logits(path, kind):
    """kind: "f" or "d", as in array."""
    a = array(kind)
    with open(path, "rb") as f:
        a.frombytes(f.read())
    return tensors.native(a)


def arguments():
    parser = argparse.ArgumentParser(description="MatMul-free language model in float64: logits of a list of tokens")
    parser.add_argument("folder", metavar="DIR")
    parser.add_argument("tokens", metavar="TOKENS")
    parser.add_argument("out", metavar="OUT")
    parser.add_argument("--positions", type=int)
    parser.add_argument("--expect", metavar="LOGITS")
    parser.add_argument("--within", metavar="LIMIT", type=float, default=1e-9)
    return parser.parse_args()


def main():
    a = arguments()
    model = Model(a.folder)
    with open(a.tokens) as f:
        ids = [int(word) for word in f.read().split()][: a.positions]
    logits = array("d")
    for token in ids:
        logits.extend(model.step(token))
    if a.expect:
        want = read_logits(a.expect, "d")[: len(logits)]
        rows = distances(logits, want, model.vocab)
        print("distance by position:", " ".join("%.1e" % d for d in rows))
    with open(a.out, "wb") as f:
        tensors.native(logits).tofile(f)
    margin = model.margin
    print("%d positions; nearest to a tie: codes %.1e, means %.1e" % (len(ids), margin.code, margin.mean))
    if a.expect and not all(d <= a.within for d in rows):
        sys.exit("more than %g apart from %s" % (a.within, a.expect))


if __name__ == "__main__":
    main()
