"""Gated DeltaNet: S_t = a_t S_{t-1} (I - beta_t k_t k_t^T) + beta_t v_t k_t^T, a = exp(-exp(A) softplus(W x + b))."""

import sys

sys.dont_write_bytecode = True
import families as f
import numpy as np

BASE = dict(
    model_type="gated_deltanet", architectures=["GatedDeltaNetForCausalLM"], vocab_size=43, hidden_size=20,
    num_hidden_layers=2, num_heads=2, num_v_heads=None, head_dim=6, expand_v=2.0, use_gate=True, use_short_conv=True,
    conv_size=4, allow_neg_eigval=False, hidden_ratio=4, intermediate_size=36, hidden_act="swish", norm_eps=1e-6, attn=None,
    tie_word_embeddings=False,
)
CASES = {
    "plain": BASE,
    "grouped": BASE | dict(num_v_heads=4, expand_v=1.0, allow_neg_eigval=True, use_gate=False, norm_eps=1e-5),
    "unconvolved": BASE | dict(use_short_conv=False, tie_word_embeddings=True),
}


def shapes(c):
    h, vocab, inner, heads = c["hidden_size"], c["vocab_size"], c["intermediate_size"], c["num_heads"]
    value_heads, of_head = c["num_v_heads"] or heads, int(c["head_dim"] * c["expand_v"])
    s = {"model.embeddings.weight": (vocab, h), "model.norm.weight": (h,)}
    for i in range(c["num_hidden_layers"]):
        at = "model.layers.%d." % i
        s |= {at + "attn_norm.weight": (h,), at + "mlp_norm.weight": (h,)}
        for name, width in dict(q=heads * c["head_dim"], k=heads * c["head_dim"], v=value_heads * of_head).items():
            s[at + "attn.%s_proj.weight" % name] = (width, h)
            if c["use_short_conv"]:
                s[at + "attn.%s_conv1d.weight" % name] = (width, 1, c["conv_size"])
        s |= {at + "attn.a_proj.weight": (value_heads, h), at + "attn.b_proj.weight": (value_heads, h)}
        s |= {at + "attn.A_log": (value_heads,), at + "attn.dt_bias": (value_heads,)}
        if c["use_gate"]:
            s[at + "attn.g_proj.weight"] = (value_heads * of_head, h)
        s |= {at + "attn.o_norm.weight": (of_head,), at + "attn.o_proj.weight": (h, value_heads * of_head)}
        s |= {at + "mlp.gate_proj.weight": (inner, h), at + "mlp.up_proj.weight": (inner, h), at + "mlp.down_proj.weight": (h, inner)}
    return s if c["tie_word_embeddings"] else s | {"lm_head.weight": (vocab, h)}


def attention(c, w, x):
    value_heads = c["num_v_heads"] or c["num_heads"]

    def part(name, width):
        y = x @ w["attn.%s_proj.weight" % name].T
        if c["use_short_conv"]:
            y = f.causal_conv(y, w["attn.%s_conv1d.weight" % name])
        y = f.silu(y).reshape(len(x), -1, width)
        return np.repeat(y, value_heads // y.shape[1], axis=1)

    q, k = (f.l2norm(part(name, c["head_dim"])) for name in "qk")
    v, beta = part("v", int(c["head_dim"] * c["expand_v"])), f.sigmoid(x @ w["attn.b_proj.weight"].T)
    if c["allow_neg_eigval"]:
        beta = 2 * beta
    a = np.exp(-np.exp(w["attn.A_log"]) * f.softplus(x @ w["attn.a_proj.weight"].T + w["attn.dt_bias"]))
    s, o, one = np.zeros((value_heads, v.shape[2], k.shape[2])), [], np.eye(k.shape[2])
    for t in range(len(x)):
        b, kk = beta[t][:, None, None], k[t][:, :, None] * k[t][:, None, :]
        s = a[t][:, None, None] * s @ (one - b * kk) + b * v[t][:, :, None] * k[t][:, None, :]
        o.append(np.einsum("hvk,hk->hv", s, q[t] / np.sqrt(q.shape[2])))
    o = f.rmsnorm(np.array(o), w["attn.o_norm.weight"], c["norm_eps"]).reshape(len(x), -1)
    if c["use_gate"]:
        o = o * f.silu(x @ w["attn.g_proj.weight"].T)
    return o @ w["attn.o_proj.weight"].T


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
