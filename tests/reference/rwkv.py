"""RWKV-4: wkv_t = (sum over i < t of exp(-(t - 1 - i) w + k_i) v_i + exp(u + k_t) v_t) / (the same of 1), as the sum says it."""

import sys

sys.dont_write_bytecode = True
import families as f
import numpy as np

BASE = dict(
    model_type="rwkv", architectures=["RwkvForCausalLM"], vocab_size=45, context_length=64, hidden_size=16,
    num_hidden_layers=3, attention_hidden_size=None, intermediate_size=None, layer_norm_epsilon=1e-5, rescale_every=6,
    tie_word_embeddings=False,
)
CASES = {"plain": BASE, "wide": BASE | dict(attention_hidden_size=24, intermediate_size=20, layer_norm_epsilon=1e-3)}


def shapes(c):
    h, vocab, width = c["hidden_size"], c["vocab_size"], c["attention_hidden_size"] or c["hidden_size"]
    inner = c["intermediate_size"] or 4 * h
    norms = ["rwkv.ln_out", "rwkv.blocks.0.pre_ln"]
    s = {"rwkv.embeddings.weight": (vocab, h), "head.weight": (vocab, h)}
    for i in range(c["num_hidden_layers"]):
        at = "rwkv.blocks.%d." % i
        norms += [at + "ln1", at + "ln2"]
        s |= {at + "attention.time_mix_" + name: (1, 1, h) for name in ("key", "value", "receptance")}
        s |= {at + "attention.%s.weight" % name: (width, h) for name in ("key", "value", "receptance")}
        s |= {at + "attention.time_decay": (width,), at + "attention.time_first": (width,), at + "attention.output.weight": (h, width)}
        s |= {at + "feed_forward.time_mix_key": (1, 1, h), at + "feed_forward.time_mix_receptance": (1, 1, h)}
        s |= {at + "feed_forward.key.weight": (inner, h), at + "feed_forward.value.weight": (h, inner)}
        s |= {at + "feed_forward.receptance.weight": (h, h)}
    for name in norms:
        s |= {name + ".weight": ((h,), 1, 0.2), name + ".bias": (h,)}
    return s


def norm(w, at, x, eps):
    return f.layernorm(x, w[at + ".weight"], w[at + ".bias"], eps)


def parts(w, at, x, names):
    """What the linear layers see: each its own mix of a token's vector and the one's before it."""
    before = np.concatenate([np.zeros_like(x[:1]), x[:-1]])
    return (x * w[at + name][0, 0] + before * (1 - w[at + name][0, 0]) for name in names)


def attention(w, x):
    k, v, r = parts(w, "attention.time_mix_", x, ("key", "value", "receptance"))
    k, v = k @ w["attention.key.weight"].T, v @ w["attention.value.weight"].T
    rows, decay = [], np.exp(w["attention.time_decay"])
    for t in range(len(x)):
        age = np.arange(t - 1, -1, -1)[:, None]
        power = np.concatenate([k[:t] - age * decay, k[t : t + 1] + w["attention.time_first"]])
        weight = np.exp(power - np.max(power, axis=0))
        rows.append(np.sum(weight * v[: t + 1], axis=0) / np.sum(weight, axis=0))
    return (f.sigmoid(r @ w["attention.receptance.weight"].T) * np.array(rows)) @ w["attention.output.weight"].T


def forward(c, w, tokens):
    eps = c["layer_norm_epsilon"]
    x = norm(w, "rwkv.blocks.0.pre_ln", w["rwkv.embeddings.weight"][tokens], eps)
    for i in range(c["num_hidden_layers"]):
        p = f.layers(w, "rwkv.blocks.%d." % i)
        x = x + attention(p, norm(p, "ln1", x, eps))
        k, r = parts(p, "feed_forward.time_mix_", norm(p, "ln2", x, eps), ("key", "receptance"))
        y = np.maximum(k @ p["feed_forward.key.weight"].T, 0) ** 2 @ p["feed_forward.value.weight"].T
        x = x + f.sigmoid(r @ p["feed_forward.receptance.weight"].T) * y
    return norm(w, "rwkv.ln_out", x, 1e-5) @ w["head.weight"].T


if __name__ == "__main__":
    f.main(CASES, shapes, forward)
