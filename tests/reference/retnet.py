"""RetNet in its parallel form: O = (Q K^T * D) V, D_ts = gamma^(t - s) from the diagonal down, with rotary positions."""

import sys

sys.dont_write_bytecode = True
import families as f
import numpy as np

BASE = dict(
    model_type="retnet", architectures=["RetNetForCausalLM"], vocab_size=57, hidden_size=24, num_hidden_layers=2, num_heads=4,
    num_kv_heads=None, expand_k=1.0, expand_v=2.0, hidden_ratio=2, intermediate_size=40, hidden_act="swish",
    use_short_conv=False, conv_size=4, use_output_gate=True, feature_map=None, norm_eps=1e-6, fuse_norm=True,
    tie_word_embeddings=False, attn=None,
)
CASES = {"plain": BASE, "grouped": BASE | dict(num_kv_heads=2, use_short_conv=True, fuse_norm=False, tie_word_embeddings=True, norm_eps=1e-4)}


def sizes(c):
    groups = c["num_kv_heads"] or c["num_heads"]
    return groups, int(c["hidden_size"] * c["expand_k"]) // c["num_heads"], int(c["hidden_size"] * c["expand_v"]) // c["num_heads"]


def shapes(c):
    h, vocab, inner, heads = c["hidden_size"], c["vocab_size"], c["intermediate_size"], c["num_heads"]
    groups, dk, dv = sizes(c)
    s = {"model.embeddings.weight": (vocab, h), "model.norm.weight": (h,)}
    for i in range(c["num_hidden_layers"]):
        at = "model.layers.%d." % i
        s |= {at + "attn_norm.weight": (h,), at + "mlp_norm.weight": (h,)}
        for name, width in dict(q=heads * dk, k=groups * dk, v=groups * dv).items():
            s[at + "attn.%s_proj.weight" % name] = (width, h)
            if c["use_short_conv"]:
                s[at + "attn.%s_conv1d.weight" % name] = (width, 1, c["conv_size"])
        s |= {at + "attn.g_proj.weight": (heads * dv, h), at + "attn.o_proj.weight": (h, heads * dv)}
        s |= {at + "attn.%s.weight" % ("g_norm_swish_gate" if c["fuse_norm"] else "g_norm"): ((dv,), 1, 0.2)}
        s |= {at + "mlp.gate_proj.weight": (inner, h), at + "mlp.up_proj.weight": (inner, h), at + "mlp.down_proj.weight": (h, inner)}
    return s if c["tie_word_embeddings"] else s | {"lm_head.weight": (vocab, h)}


def retention(c, w, x):
    groups, dk, dv = sizes(c)
    angles = np.arange(len(x))[:, None] * 10000.0 ** (-np.arange(0, dk, 2) / dk)

    def part(name, width):
        y = x @ w["attn.%s_proj.weight" % name].T
        if c["use_short_conv"]:
            y = f.silu(f.causal_conv(y, w["attn.%s_conv1d.weight" % name]))
        return y.reshape(len(x), -1, width)

    q, k = (f.rotate(part(name, dk), angles) for name in "qk")
    k, v = (np.repeat(y, c["num_heads"] // groups, axis=1) for y in (k, part("v", dv)))
    gamma = 1 - 2.0 ** (-5 - np.arange(c["num_heads"]))
    age = np.arange(len(x))[:, None] - np.arange(len(x))
    d = np.where(age >= 0, gamma[:, None, None] ** np.maximum(age, 0), 0)
    o = np.einsum("hts,shv->thv", np.einsum("thk,shk->hts", q, k) * d / np.sqrt(dk), v)
    norm = w["attn.%s.weight" % ("g_norm_swish_gate" if c["fuse_norm"] else "g_norm")]
    o = f.rmsnorm(o, norm, c["norm_eps"]).reshape(len(x), -1)
    return o * f.silu(x @ w["attn.g_proj.weight"].T) @ w["attn.o_proj.weight"].T


def forward(c, w, tokens):
    x = w["model.embeddings.weight"][tokens]
    for i in range(c["num_hidden_layers"]):
        p = f.layers(w, "model.layers.%d." % i)
        x = x + retention(c, p, f.rmsnorm(x, p["attn_norm.weight"], c["norm_eps"]))
        x = x + f.swiglu(p, "mlp.", f.rmsnorm(x, p["mlp_norm.weight"], c["norm_eps"]))
    head = w["model.embeddings.weight"] if c["tie_word_embeddings"] else w["lm_head.weight"]
    return f.rmsnorm(x, w["model.norm.weight"], c["norm_eps"]) @ head.T


if __name__ == "__main__":
    f.main(CASES, shapes, forward)
