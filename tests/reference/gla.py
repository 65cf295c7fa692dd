"""Gated linear attention: S_t = Diag(a_t) S_{t-1} + k_t^T v_t, o_t = q_t S_t, with a_t = sigmoid(W x)^(1/16)."""

import sys

sys.dont_write_bytecode = True
import families as f
import numpy as np

BASE = dict(
    model_type="gla", architectures=["GLAForCausalLM"], vocab_size=61, hidden_size=24, num_hidden_layers=2, num_heads=2,
    num_kv_heads=None, expand_k=0.5, expand_v=1.0, hidden_ratio=4, intermediate_size=40, hidden_act="swish",
    use_short_conv=False, conv_size=4, use_output_gate=True, clamp_min=None, feature_map=None, norm_eps=1e-6, use_gk=True,
    use_gv=False, fuse_norm=True, tie_word_embeddings=False, attn=None,
)
CASES = {
    "plain": BASE,
    "grouped": BASE | dict(num_heads=4, num_kv_heads=2, use_short_conv=True, conv_size=3, clamp_min=-0.05, norm_eps=1e-5),
    "other": BASE | dict(fuse_norm=False, tie_word_embeddings=True, expand_v=2.0),
}


def sizes(c):
    groups = c["num_heads"] // (c["num_kv_heads"] or c["num_heads"])
    keys, values = int(c["hidden_size"] * c["expand_k"]), int(c["hidden_size"] * c["expand_v"])
    return groups, keys, values, keys // c["num_heads"], values // c["num_heads"]


def shapes(c):
    h, vocab, inner = c["hidden_size"], c["vocab_size"], c["intermediate_size"]
    groups, keys, values, _, of_head = sizes(c)
    s = {"model.embeddings.weight": (vocab, h), "model.norm.weight": (h,)}
    for i in range(c["num_hidden_layers"]):
        at = "model.layers.%d." % i
        s |= {at + "attn_norm.weight": (h,), at + "mlp_norm.weight": (h,)}
        for name, width in dict(q=keys, k=keys // groups, v=values // groups).items():
            s[at + "attn.%s_proj.weight" % name] = (width, h)
            if c["use_short_conv"]:
                s[at + "attn.%s_conv1d.weight" % name] = (width, 1, c["conv_size"])
        s |= {at + "attn.gk_proj.0.weight": (16, h), at + "attn.gk_proj.1.weight": (keys // groups, 16)}
        s |= {at + "attn.gk_proj.1.bias": (keys // groups,), at + "attn.g_proj.weight": (values, h)}
        s |= {at + "attn.%s.weight" % ("g_norm_swish_gate" if c["fuse_norm"] else "g_norm"): ((of_head,), 1, 0.2)}
        s |= {at + "attn.o_proj.weight": (h, values), at + "mlp.gate_proj.weight": (inner, h)}
        s |= {at + "mlp.up_proj.weight": (inner, h), at + "mlp.down_proj.weight": (h, inner)}
    return s if c["tie_word_embeddings"] else s | {"lm_head.weight": (vocab, h)}


def attention(c, w, x):
    groups, _, _, dk, dv = sizes(c)

    def part(name, width, each):
        y = x @ w["attn.%s_proj.weight" % name].T
        if c["use_short_conv"]:
            y = f.silu(f.causal_conv(y, w["attn.%s_conv1d.weight" % name]))
        return np.repeat(y.reshape(len(x), -1, width), each, axis=1)

    q, k, v = part("q", dk, 1), part("k", dk, groups), part("v", dv, groups)
    gate = x @ w["attn.gk_proj.0.weight"].T @ w["attn.gk_proj.1.weight"].T + w["attn.gk_proj.1.bias"]
    log_a = -np.logaddexp(0, -gate) / 16
    if c["clamp_min"] is not None:
        log_a = np.maximum(log_a, c["clamp_min"])
    a = np.repeat(np.exp(log_a).reshape(len(x), -1, dk), groups, axis=1)
    s, o = np.zeros((c["num_heads"], dk, dv)), []
    for t in range(len(x)):
        s = a[t][:, :, None] * s + k[t][:, :, None] * v[t][:, None, :]
        o.append(np.einsum("hk,hkv->hv", q[t] / np.sqrt(dk), s))
    norm = w["attn.%s.weight" % ("g_norm_swish_gate" if c["fuse_norm"] else "g_norm")]
    o = f.rmsnorm(np.array(o), norm, c["norm_eps"]).reshape(len(x), -1)
    return o * f.silu(x @ w["attn.g_proj.weight"].T) @ w["attn.o_proj.weight"].T


def forward(c, w, tokens):
    x = w["model.embeddings.weight"][tokens]
    for i in range(c["num_hidden_layers"]):
        p = f.layers(w, "model.layers.%d." % i)
        x = x + attention(c, p, f.rmsnorm(x, p["attn_norm.weight"], c["norm_eps"]))
        x = x + f.swiglu(p, "mlp.", f.rmsnorm(x, p["mlp_norm.weight"], c["norm_eps"]))
    head = w["model.embeddings.weight"] if c["tie_word_embeddings"] else w["lm_head.weight"]
    return f.rmsnorm(x, w["model.norm.weight"], c["norm_eps"]) @ head.T


if __name__ == "__main__":
    f.main(CASES, shapes, forward)
