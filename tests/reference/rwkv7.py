"""RWKV-7: S_t = S_{t-1} (Diag(w_t) - k_t (a_t k_t)^T) + v_t k'_t^T, with token shift, adapters of low rank and values that
take some of the first layer's."""

import sys

sys.dont_write_bytecode = True
import families as f
import numpy as np

BASE = dict(
    model_type="rwkv7", architectures=["RWKV7ForCausalLM"], vocab_size=37, hidden_size=16, num_hidden_layers=3, head_dim=8,
    num_heads=2, decay_low_rank_dim=5, gate_low_rank_dim=6, a_low_rank_dim=3, v_low_rank_dim=4, hidden_ratio=4.0,
    intermediate_size=None, hidden_act="sqrelu", norm_first=True, norm_bias=True, norm_eps=1e-5, fuse_norm=True, attn=None,
    value_dim=[16, 16, 16], tie_word_embeddings=False,
)
CASES = {
    "plain": BASE,
    "other": BASE | dict(norm_first=False, norm_bias=False, fuse_norm=False, norm_eps=1e-3, a_low_rank_dim=None, num_hidden_layers=2),
}
RANK = dict(w="decay", a="a", v="v", g="gate")


def shapes(c):
    h, vocab, inner = c["hidden_size"], c["vocab_size"], 64
    heads = h // c["head_dim"]
    s = {"model.embeddings.weight": (vocab, h), "lm_head.weight": (vocab, h)}
    norms = ["model.norm"] + (["model.layers.0.pre_norm"] if c["norm_first"] else [])
    for i in range(c["num_hidden_layers"]):
        at = "model.layers.%d." % i
        norms += [at + "attn_norm", at + "ffn_norm"]
        s |= {at + "attn.x_" + name: (1, 1, h) for name in "rwkvag"}
        s |= {at + "attn." + name: (h,) for name in ("k_k", "k_a")} | {at + "attn.r_k": ((heads, c["head_dim"]), 0, 0.5)}
        s |= {at + "attn.%s_proj.weight" % name: (h, h) for name in "rkvo"}
        for name in "wag" if i == 0 else "wavg":
            rank = c[RANK[name] + "_low_rank_dim"] or 32
            s |= {at + "attn.%s_lora.lora.0.weight" % name: (rank, h), at + "attn.%s_lora.lora.2.weight" % name: (h, rank)}
            if name != "g":
                s[at + "attn.%s_lora.lora.2.bias" % name] = (h,)
        s |= {at + "attn.g_norm.weight": (h,), at + "attn.g_norm.bias": (h,), at + "ffn.x_k": (h,)}
        s |= {at + "ffn.key.weight": (inner, h), at + "ffn.value.weight": (h, inner)}
    for name in norms:
        s[name + ".weight"] = (h,)
        if c["norm_bias"]:
            s[name + ".bias"] = (h,)
    return s


def norm(c, w, at, x):
    return f.layernorm(x, w[at + ".weight"], w.get(at + ".bias", 0), c["norm_eps"])


def before(x):
    return np.concatenate([np.zeros_like(x[:1]), x[:-1]])


def attention(c, w, x, v_first):
    heads, size, steps = c["hidden_size"] // c["head_dim"], c["head_dim"], len(x)
    xr, xw, xk, xv, xa, xg = (x + (before(x) - x) * w["attn.x_" + name][0, 0] for name in "rwkvag")

    def lora(name, y, activation):
        y = activation(y @ w["attn.%s_lora.lora.0.weight" % name].T) @ w["attn.%s_lora.lora.2.weight" % name].T
        return y + w.get("attn.%s_lora.lora.2.bias" % name, 0)

    r, k, v = (y @ w["attn.%s_proj.weight" % name].T for name, y in zip("rkv", (xr, xk, xv)))
    decay = np.exp(-np.exp(-0.5) * f.sigmoid(lora("w", xw, np.tanh)))
    if v_first is not None:
        v = v + (v_first - v) * f.sigmoid(lora("v", xv, lambda y: y))
    a, g = f.sigmoid(lora("a", xa, lambda y: y)), lora("g", xg, f.sigmoid)
    kk = (k * w["attn.k_k"]).reshape(steps, heads, size)
    kk = f.l2norm(kk) if c["fuse_norm"] else kk / np.maximum(np.linalg.norm(kk, axis=-1, keepdims=True), 1e-12)
    k = k * (1 + (a - 1) * w["attn.k_a"])
    r, decay, k, a, vh = (y.reshape(steps, heads, size) for y in (r, decay, k, a, v))
    s, o = np.zeros((heads, size, size)), []  # [values, keys]
    for t in range(steps):
        s = s * decay[t][:, None, :] - np.einsum("hvk,hk->hv", s, kk[t])[:, :, None] * (kk[t] * a[t])[:, None, :]
        s = s + vh[t][:, :, None] * k[t][:, None, :]
        o.append(np.einsum("hvk,hk->hv", s, r[t]))
    shape = (heads, size)
    o = f.layernorm(np.array(o), w["attn.g_norm.weight"].reshape(shape), w["attn.g_norm.bias"].reshape(shape), size * c["norm_eps"])
    o = o + np.sum(r * k * w["attn.r_k"], axis=-1, keepdims=True) * vh
    return (o.reshape(steps, -1) * g) @ w["attn.o_proj.weight"].T, v


def forward(c, w, tokens):
    x, first = w["model.embeddings.weight"][tokens], None
    if c["norm_first"]:
        x = norm(c, w, "model.layers.0.pre_norm", x)
    for i in range(c["num_hidden_layers"]):
        p = f.layers(w, "model.layers.%d." % i)
        y, v = attention(c, p, norm(c, p, "attn_norm", x), first)
        x, first = x + y, v if i == 0 else first
        y = norm(c, p, "ffn_norm", x)
        y = y + (before(y) - y) * p["ffn.x_k"]
        x = x + np.maximum(y @ p["ffn.key.weight"].T, 0) ** 2 @ p["ffn.value.weight"].T
    return norm(c, w, "model.norm", x) @ w["lm_head.weight"].T


if __name__ == "__main__":
    f.main(CASES, shapes, forward)
