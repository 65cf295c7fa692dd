"""What the references of the model families share. Each is a file of its own, written from the published equations in
NumPy and float64: it shares nothing with the compiler or with the specs.

A family has CASES, {case: config.json}; shapes(config), {tensor: shape}; and forward(config, weights, tokens), the
logits [tokens, vocab] in float64. For each case main() makes a small random checkpoint and holds ternc against it:
  - the spec is found by config.json, without a warning;
  - the float64 interpreter agrees within 1e-9 of the logits' standard deviation, native float32 within 1e-4;
  - native code gives the same bits one token at a time, in one call, split at several places, and for sequences of
    unequal lengths that step together (families.c).

usage of a family: FAMILY.py TERNC DIR [OPTION OF TERNC ...]"""

import json, os, shutil, subprocess, sys

sys.dont_write_bytecode = True
import numpy as np
import tensors

TOKENS, INTERPRETER, NATIVE = 48, 1e-9, 1e-4


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def silu(x):
    return x * sigmoid(x)


def softplus(x):
    return np.logaddexp(0, x)


def softmax(x):
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


def rmsnorm(x, weight, eps):
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps) * weight


def layernorm(x, weight, bias, eps):
    d = x - np.mean(x, axis=-1, keepdims=True)
    return d / np.sqrt(np.mean(d * d, axis=-1, keepdims=True) + eps) * weight + bias


def l2norm(x, eps=1e-6):
    return x / np.sqrt(np.sum(x * x, axis=-1, keepdims=True) + eps)


def causal_conv(x, weight, bias=0):
    """x [T, n], weight [n, 1, taps]: y[t] = sum over k of weight[:, 0, k] x[t - taps + 1 + k]"""
    taps = weight.shape[-1]
    padded = np.concatenate([np.zeros((taps - 1, x.shape[1])), x])
    return sum(padded[k : k + len(x)] * weight[:, 0, k] for k in range(taps)) + bias


def rotate(x, angles, size=1):
    """x [T, heads, n], angles [T, r]: elements i and i + r are turned by angle i."""
    c, s, r = np.cos(angles)[:, None] * size, np.sin(angles)[:, None] * size, angles.shape[1]
    a, b = x[..., :r], x[..., r : 2 * r]
    return np.concatenate([a * c - b * s, b * c + a * s, x[..., 2 * r :]], axis=-1)


def attend(q, k, v, scale, reach=None, cap=0):
    """q [T, h, n], k [T, g, n], v [T, g, m]: each token sees those up to itself, `reach` of them."""
    k, v = (np.repeat(part, q.shape[1] // part.shape[1], axis=1) for part in (k, v))
    score = np.einsum("thn,shn->hts", q, k) * scale
    score = cap * np.tanh(score / cap) if cap else score
    age = np.arange(len(q))[:, None] - np.arange(len(q))
    score = np.where((age < 0) | (age >= (reach or len(q))), -np.inf, score)
    return np.einsum("hts,shm->thm", softmax(score), v)


def swiglu(w, at, x):
    return (silu(x @ w[at + "gate_proj.weight"].T) * (x @ w[at + "up_proj.weight"].T)) @ w[at + "down_proj.weight"].T


def layers(w, prefix):
    """The tensors of model.layers.I., without that."""
    return {name[len(prefix) :]: value for name, value in w.items() if name.startswith(prefix)}


def random_values(r, name, shape):
    """Norms near 1, matrices that keep a vector's size, all else moderate. A shape may say more: (shape, mean, spread)."""
    if shape and isinstance(shape[0], tuple):
        return r.normal(shape[1], shape[2], shape[0])
    if len(shape) == 1 and name.endswith("norm.weight"):
        return r.normal(1, 0.2, shape)
    if len(shape) == 2 and "embed" not in name:
        return r.normal(0, 1.2 / np.sqrt(shape[1]), shape)
    return r.normal(0, 0.5, shape)


def as_floats(config, weights):
    """The tensors of a checkpoint, for tensors.write_file."""
    return {name: (v.shape, v.ravel().tolist()) for name, v in weights.items()}


def make(folder, case, config, shapes, stored):
    """Writes config.json, the checkpoint and tokens.txt; -> the weights, the ids."""
    r = np.random.default_rng(sum(case.encode()))
    os.makedirs(folder)
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(config, f, indent=1)
    weights = {name: random_values(r, name, s).astype(np.float32) for name, s in shapes(config).items()}
    tensors.write_file(os.path.join(folder, "model.safetensors"), "F32", stored(config, weights))
    ids = r.integers(0, config.get("text_config", config)["vocab_size"], TOKENS)
    with open(os.path.join(folder, "tokens.txt"), "w") as f:
        f.write(" ".join(map(str, ids)) + "\n")
    return {name: v.astype(np.float64) for name, v in weights.items()}, ids


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit("%s\n%s%s" % (" ".join(command), done.stdout, done.stderr))
    return done.stderr


def hold(case, what, path, kind, want, limit):
    got = np.fromfile(path, kind).reshape(want.shape)
    distance = np.max(np.abs(got - want)) / np.std(want)
    print("%s: %s: %.1e" % (case, what, distance))
    if not distance <= limit:
        sys.exit("%s: %s is %g standard deviations from the reference" % (case, what, distance))


def native(ternc, spec, folder, options):
    """Builds the model as a library, and the program that runs it in all ways."""
    lib = os.path.join(folder, "lib")
    run(ternc, "build", *spec, "--weights", folder, "--emit", "lib", "-o", lib, *options)
    name = next(f for f in os.listdir(lib) if f.endswith(".h"))[:-2]
    program, here = os.path.join(folder, "program"), os.path.dirname(os.path.abspath(__file__))
    run(
        "cc", "-std=c11", "-DNAME=" + name, "-include", os.path.join(lib, name + ".h"), os.path.join(here, "families.c"),
        os.path.join(lib, "lib%s.a" % name), "-lm", "-lpthread", "-o", program,
    )
    out, tokens = os.path.join(folder, "native.f32"), os.path.join(folder, "tokens.txt")
    run(program, os.path.join(lib, name + ".weights"), tokens, out)
    return out


def check(ternc, folder, case, config, family, options):
    shapes, forward, stored, spec, limit = family
    w, ids = make(folder, case, config, shapes, stored)
    want = forward(config, w, ids)
    judge, tokens = os.path.join(folder, "judge.f64"), os.path.join(folder, "tokens.txt")
    said = run(ternc, "run", *spec, "--weights", folder, "--interpret", "--float64", "--tokens", tokens, "--logits", judge)
    if "warning" in said:
        sys.exit("%s: %s" % (case, said))
    hold(case, "interpreter", judge, "f8", want, limit)
    hold(case, "native", native(ternc, spec, folder, options), "f4", want, NATIVE)


def main(cases, shapes, forward, stored=as_floats, spec=None, limit=INTERPRETER):
    """stored(config, weights): the tensors as the checkpoint has them, where they are no floats. spec: the one beside
    the family's file that is not found by config.json."""
    named = [os.path.join(os.path.dirname(os.path.abspath(__file__)), spec)] if spec else []
    ternc, top, options = sys.argv[1], sys.argv[2], sys.argv[3:]
    shutil.rmtree(top, ignore_errors=True)
    for case, config in cases.items():
        check(ternc, os.path.join(top, case), case, config, (shapes, forward, stored, named, limit), options)
