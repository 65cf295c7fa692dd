#!/usr/bin/env python3
"""Training steps of the published MatMul-free language model (HGRNBitForCausalLM), in NumPy and float64: a reference.

usage: train.py TERNC TOOL SPEC DIR

Makes a small random checkpoint in DIR and trains it for STEPS steps of AdamW on made-up ids; then TOOL does so
(train_tool.c), in the float64 interpreter and in native code. Losses and the norms of gradients are held against each
other step by step.

It shares nothing with the compiler but docs/numerics.md: the backward pass is derived by hand, layer by layer, from
the published code's forward pass, with a quantiser's and a ternary weight's derivative that of the identity."""

import json, os, subprocess, sys

sys.dont_write_bytecode = True
import numpy as np
import tensors

LINEAR_EPS, QUANT_EPS = 1e-6, 1e-5
STEPS, LENGTH = 20, 8
RATE, BETA1, BETA2, EPSILON, DECAY, CLIP = 0.01, 0.9, 0.95, 1e-8, 0.1, 0.5
# A start from which no code of the float32 engine falls on the other side of a rounding boundary than in float64: one
# that does moves all that follows, of this model by some 1e-3. Of the seeds 1 to 8, the third and the seventh have such.
CONFIG, SEED = "hidden_size=16,num_hidden_layers=3,vocab_size=24,intermediate_size=24", "4"
LIMITS = {"interpreter": 1e-9, "native": 1e-5}  # relative, of losses and of gradients' norms


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def silu(x):
    return x * sigmoid(x)


def silu_slope(x):
    s = sigmoid(x)
    return s + x * s * (1 - s)


class Norm:
    """y = x / sqrt(mean(x^2) + eps) * gain"""

    def __init__(self, gain, eps):
        self.gain, self.eps = gain, eps

    def forward(self, x):
        self.r = 1 / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + self.eps)
        self.unit = x * self.r
        return self.unit * self.gain

    def backward(self, dy):
        """dx; and self.dgain"""
        self.dgain = np.sum(dy * self.unit, axis=0)
        d = dy * self.gain
        return self.r * (d - self.unit * np.mean(d * self.unit, axis=-1, keepdims=True))


class BitLinear:
    """y = codes(W) . codes(norm(x)) / (s_a * s_w)"""

    def __init__(self, weight, gain):
        self.norm = Norm(gain, LINEAR_EPS)
        w = weight.astype(np.float32)
        mean = np.float32(np.sum(np.abs(w), dtype=np.float64) / w.size)
        scale = np.float32(1) / max(mean, np.float32(QUANT_EPS))
        self.w = np.clip(np.rint(w * scale), -1, 1).astype(np.float64) / np.float64(scale)

    def forward(self, x):
        n = self.norm.forward(x)
        s = 127 / np.maximum(np.max(np.abs(n), axis=-1, keepdims=True), QUANT_EPS)
        self.x = np.clip(np.rint(n * s), -128, 127) / s
        return self.x @ self.w.T

    def backward(self, dy):
        self.dw = dy.T @ self.x  # straight through the codes of W
        return self.norm.backward(dy @ self.w)  # and through those of the activations


class Layer:
    def __init__(self, p, at, floor, eps):
        self.floor = floor
        self.linears = {}
        for name in ("attn.i_proj", "attn.f_proj", "attn.g_proj", "attn.o_proj", "mlp.gate_proj", "mlp.down_proj"):
            self.linears[name] = BitLinear(p[f"{at}{name}.weight"], p[f"{at}{name}.norm.weight"])
        self.norms = {n: Norm(p[f"{at}{n}.weight"], eps) for n in ("attn_norm", "mlp_norm", "attn.g_norm")}

    def forward(self, x):
        x = x + self.mlgru(self.norms["attn_norm"].forward(x))
        return x + self.glu(self.norms["mlp_norm"].forward(x))

    def backward(self, dx):
        dx = dx + self.norms["mlp_norm"].backward(self.glu_back(dx))
        return dx + self.norms["attn_norm"].backward(self.mlgru_back(dx))

    def mlgru(self, x):
        self.i, f, g = (self.linears[f"attn.{k}_proj"].forward(x) for k in "ifg")
        self.s = sigmoid(f)
        self.f = self.floor + (1 - self.floor) * self.s
        v = silu(self.i) * (1 - self.f)
        h = np.zeros(x.shape[1])
        self.before, self.h = np.zeros_like(v), np.zeros_like(v)
        for t in range(len(x)):
            self.before[t] = h
            self.h[t] = h = self.f[t] * h + v[t]
        self.gated = self.norms["attn.g_norm"].forward(g)
        return self.linears["attn.o_proj"].forward(self.gated * silu(self.h))

    def mlgru_back(self, dy):
        d = self.linears["attn.o_proj"].backward(dy)
        dg = self.norms["attn.g_norm"].backward(d * silu(self.h))
        dv = d * self.gated * silu_slope(self.h)  # of h by what reads it, then by the tokens after it
        later = np.zeros(dv.shape[1])
        for t in reversed(range(len(dv))):
            dv[t] += later
            later = dv[t] * self.f[t]
        df = dv * (self.before - silu(self.i))
        self.dfloor = np.sum(df * (1 - self.s), axis=0)
        df = df * (1 - self.floor) * self.s * (1 - self.s)
        di = dv * (1 - self.f) * silu_slope(self.i)
        return sum(self.linears[f"attn.{k}_proj"].backward(d) for k, d in (("i", di), ("f", df), ("g", dg)))

    def glu(self, x):
        self.gate, self.up = np.split(self.linears["mlp.gate_proj"].forward(x), 2, axis=1)
        return self.linears["mlp.down_proj"].forward(silu(self.gate) * self.up)

    def glu_back(self, dy):
        d = self.linears["mlp.down_proj"].backward(dy)
        both = np.concatenate([d * self.up * silu_slope(self.gate), d * silu(self.gate)], axis=1)
        return self.linears["mlp.gate_proj"].backward(both)

    def gradients(self, at):
        for name, l in self.linears.items():
            yield f"{at}{name}.weight", l.dw
            yield f"{at}{name}.norm.weight", l.norm.dgain
        for name, n in self.norms.items():
            yield f"{at}{name}.weight", n.dgain


def floors(lower_bounds):
    """Least forget gates: the cumulated softmax across layers, less its first; and the softmax."""
    e = np.exp(lower_bounds - np.max(lower_bounds, axis=0))
    p = e / np.sum(e, axis=0)
    return np.cumsum(p, axis=0) - p[0], p


def floors_back(p, dfloors):
    dp = np.cumsum(dfloors[::-1], axis=0)[::-1].copy()
    dp[0] -= np.sum(dfloors, axis=0)
    return p * (dp - np.sum(p * dp, axis=0))


def loss_and_gradients(p, config, tokens, targets):
    """The mean loss of the tokens; {name: gradient}."""
    eps, depth = config["rms_norm_eps"], config["num_hidden_layers"]
    low, soft = floors(p["model.lower_bounds"])
    layers = [Layer(p, f"model.layers.{l}.", low[l], eps) for l in range(depth)]
    norm, head = Norm(p["model.norm.weight"], eps), BitLinear(p["lm_head.weight"], p["lm_head.norm.weight"])
    x = p["model.embeddings.weight"][tokens]
    for layer in layers:
        x = layer.forward(x)
    logits = head.forward(norm.forward(x))
    logits -= np.max(logits, axis=1, keepdims=True)
    sums, at = np.sum(np.exp(logits), axis=1, keepdims=True), np.arange(len(tokens))
    loss = np.mean(np.log(sums[:, 0]) - logits[at, targets])
    d = np.exp(logits) / sums
    d[at, targets] -= 1
    dx = norm.backward(head.backward(d / len(tokens)))
    for layer in reversed(layers):
        dx = layer.backward(dx)
    grads = {"lm_head.weight": head.dw, "lm_head.norm.weight": head.norm.dgain, "model.norm.weight": norm.dgain}
    grads["model.embeddings.weight"] = np.zeros_like(p["model.embeddings.weight"])
    np.add.at(grads["model.embeddings.weight"], tokens, dx)
    grads["model.lower_bounds"] = floors_back(soft, np.array([layer.dfloor for layer in layers]))
    for l, layer in enumerate(layers):
        grads.update(layer.gradients(f"model.layers.{l}."))
    return loss, grads


def decays(name, weight):
    return weight.ndim > 1 and name not in ("model.embeddings.weight", "model.lower_bounds")


class AdamW:
    """Loshchilov and Hutter 2019, arXiv 1711.05101, algorithm 2; gradients are clipped by their norm."""

    def __init__(self, p):
        self.mean = {n: np.zeros_like(w) for n, w in p.items()}
        self.square = {n: np.zeros_like(w) for n, w in p.items()}
        self.t = 0

    def step(self, p, grads):
        self.t += 1
        norm = np.sqrt(sum(np.sum(g * g) for g in grads.values()))
        clip = min(1, CLIP / norm)
        for name, w in p.items():
            g, m, v = grads[name] * clip, self.mean[name], self.square[name]
            m[...] = BETA1 * m + (1 - BETA1) * g
            v[...] = BETA2 * v + (1 - BETA2) * g * g
            step = (m / (1 - BETA1**self.t)) / (np.sqrt(v / (1 - BETA2**self.t)) + EPSILON)
            w -= RATE * (step + (DECAY * w if decays(name, w) else 0))
        return norm


def texts(vocab):
    """LENGTH + 1 ids a step: most follow from the one before, so that there is something to learn."""
    x, ids = 1, []
    for _ in range(STEPS * (LENGTH + 1)):
        x = (x * 1664525 + 1013904223) % 2**32
        ids.append((ids[-1] * 7 + 3) % vocab if ids and x >> 30 else (x >> 8) % vocab)
    return np.array(ids).reshape(STEPS, LENGTH + 1)


def reference(folder, config, ids):
    """(loss, norm of the gradient) of each step."""
    p = {n: np.array(v, dtype=np.float64).reshape(s) for n, (s, v) in tensors.read_checkpoint(folder).items()}
    optimiser = AdamW(p)
    for text in ids:
        loss, grads = loss_and_gradients(p, config, text[:-1], text[1:])
        if set(grads) != set(p):
            raise ValueError("tensors and gradients are not the same: %s" % (set(grads) ^ set(p)))
        yield float(loss), float(optimiser.step(p, grads))


def tool(program, spec, folder, ids, engine):
    numbers = [LENGTH, RATE, BETA1, BETA2, EPSILON, DECAY, CLIP]
    r = subprocess.run([program, spec, folder, ids, engine, *map(repr, numbers)], stdout=subprocess.PIPE, text=True)
    if r.returncode:
        sys.exit(f"train_tool {engine}: exit status {r.returncode}")
    return [tuple(map(float, line.split())) for line in r.stdout.splitlines()]


def furthest(want, got, column):
    return max(abs(a[column] - b[column]) / abs(a[column]) for a, b in zip(want, got, strict=True))


def main():
    ternc, program, spec, folder = sys.argv[1:]
    subprocess.run([ternc, "weights", "-q", "--random", CONFIG, "--seed", SEED, "-o", folder], check=True)
    with open(os.path.join(folder, "config.json")) as f:
        config = json.load(f)
    ids = texts(config["vocab_size"])
    path = os.path.join(folder, "ids.txt")
    np.savetxt(path, ids, fmt="%d")
    want = list(reference(folder, config, ids))
    print("losses %.6f to %.6f, gradients' norms %.4f to %.4f" % (want[0][0], want[-1][0], want[0][1], want[-1][1]))
    wrong = want[-1][0] > 0.95 * want[0][0]  # it has learnt something, so that all of a step takes part
    for engine, limit in LIMITS.items():
        got = tool(program, spec, folder, path, engine)
        off = furthest(want, got, 0), furthest(want, got, 1)
        print("%s: losses within %.2g, norms within %.2g" % (engine, *off))
        wrong |= len(got) != STEPS or not max(off) <= limit
    print("different" if wrong else "equal")
    sys.exit(wrong)


if __name__ == "__main__":
    main()
