"""Kimi Delta Attention: S_t = (I - beta_t k_t k_t^T) Diag(a_t) S_{t-1} + beta_t k_t v_t^T, o_t = S_t^T q_t."""

import sys

sys.dont_write_bytecode = True
import families as f
import numpy as np

BASE = dict(
    model_type="kda", architectures=["KDAForCausalLM"], vocab_size=43, hidden_size=20, num_hidden_layers=2, num_heads=2,
    num_v_heads=None, head_dim=6, expand_v=1.0, use_short_conv=True, conv_size=4, allow_neg_eigval=False, safe_gate=False,
    lower_bound=None, hidden_ratio=4, intermediate_size=36, hidden_act="swish", norm_eps=1e-6, attn=None,
    tie_word_embeddings=False,
)
CASES = {
    "plain": BASE,
    "bounded": BASE | dict(num_v_heads=4, expand_v=2.0, allow_neg_eigval=True, safe_gate=True, lower_bound=-5.0, norm_eps=1e-5),
}


def shapes(c):
    h, vocab, inner, heads = c["hidden_size"], c["vocab_size"], c["intermediate_size"], c["num_heads"]
    keys, value_heads, of_head = c["head_dim"], c["num_v_heads"] or heads, int(c["head_dim"] * c["expand_v"])
    s = {"model.embeddings.weight": (vocab, h), "model.norm.weight": (h,), "lm_head.weight": (vocab, h)}
    for i in range(c["num_hidden_layers"]):
        at = "model.layers.%d." % i
        s |= {at + "attn_norm.weight": (h,), at + "mlp_norm.weight": (h,)}
        for name, width in dict(q=heads * keys, k=heads * keys, v=value_heads * of_head).items():
            s |= {at + "attn.%s_proj.weight" % name: (width, h), at + "attn.%s_conv1d.weight" % name: (width, 1, c["conv_size"])}
        s |= {at + "attn.f_proj.0.weight": (of_head, h), at + "attn.f_proj.1.weight": (value_heads * keys, of_head)}
        s |= {at + "attn.g_proj.0.weight": (of_head, h), at + "attn.g_proj.1.weight": (value_heads * of_head, of_head)}
        s |= {at + "attn.g_proj.1.bias": (value_heads * of_head,), at + "attn.b_proj.weight": (value_heads, h)}
        s |= {at + "attn.A_log": (value_heads,), at + "attn.dt_bias": (value_heads * keys,)}
        s |= {at + "attn.o_norm.weight": (of_head,), at + "attn.o_proj.weight": (h, value_heads * of_head)}
        s |= {at + "mlp.gate_proj.weight": (inner, h), at + "mlp.up_proj.weight": (inner, h), at + "mlp.down_proj.weight": (h, inner)}
    return s


def attention(c, w, x):
    value_heads, keys = c["num_v_heads"] or c["num_heads"], c["head_dim"]

    def part(name, width):
        y = f.causal_conv(x @ w["attn.%s_proj.weight" % name].T, w["attn.%s_conv1d.weight" % name])
        y = f.silu(y).reshape(len(x), -1, width)
        return np.repeat(y, value_heads // y.shape[1], axis=1)

    q, k = (f.l2norm(part(name, keys)) for name in "qk")
    v, beta = part("v", int(keys * c["expand_v"])), f.sigmoid(x @ w["attn.b_proj.weight"].T)
    if c["allow_neg_eigval"]:
        beta = 2 * beta
    d = (x @ w["attn.f_proj.0.weight"].T @ w["attn.f_proj.1.weight"].T + w["attn.dt_bias"]).reshape(len(x), value_heads, keys)
    rate = np.exp(w["attn.A_log"])[:, None]
    a = np.exp(-rate * f.softplus(d) if c["lower_bound"] is None else c["lower_bound"] * f.sigmoid(rate * d))
    s, o, one = np.zeros((value_heads, keys, v.shape[2])), [], np.eye(keys)
    for t in range(len(x)):
        b, kk = beta[t][:, None, None], k[t][:, :, None] * k[t][:, None, :]
        s = (one - b * kk) @ (a[t][:, :, None] * s) + b * k[t][:, :, None] * v[t][:, None, :]
        o.append(np.einsum("hkv,hk->hv", s, q[t] / np.sqrt(keys)))
    o = f.rmsnorm(np.array(o), w["attn.o_norm.weight"], c["norm_eps"]).reshape(len(x), -1)
    gate = x @ w["attn.g_proj.0.weight"].T @ w["attn.g_proj.1.weight"].T + w["attn.g_proj.1.bias"]
    return o * f.sigmoid(gate) @ w["attn.o_proj.weight"].T


def forward(c, w, tokens):
    x = w["model.embeddings.weight"][tokens]
    for i in range(c["num_hidden_layers"]):
        p = f.layers(w, "model.layers.%d." % i)
        x = x + attention(c, p, f.rmsnorm(x, p["attn_norm.weight"], c["norm_eps"]))
        x = x + f.swiglu(p, "mlp.", f.rmsnorm(x, p["mlp_norm.weight"], c["norm_eps"]))
    return f.rmsnorm(x, w["model.norm.weight"], c["norm_eps"]) @ w["lm_head.weight"].T


if __name__ == "__main__":
    f.main(CASES, shapes, forward)
