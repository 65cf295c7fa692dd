"""DeltaNet: S_t = S_{t-1} (I - beta_t k_t k_t^T) + beta_t v_t k_t^T, o_t = S_t q_t, with q and k of length 1."""

import sys

sys.dont_write_bytecode = True
import families as f
import numpy as np

BASE = dict(
    model_type="delta_net", architectures=["DeltaNetForCausalLM"], vocab_size=47, hidden_size=24, num_hidden_layers=2,
    num_heads=3, expand_k=1.0, expand_v=1.0, use_gate=False, use_short_conv=True, conv_size=4, allow_neg_eigval=False,
    use_beta=True, use_output_norm=True, qk_norm="l2", qk_activation="silu", hidden_ratio=4, intermediate_size=40,
    hidden_act="swish", norm_eps=1e-6, attn=None, tie_word_embeddings=False,
)
CASES = {
    "plain": BASE,
    "gated": BASE | dict(use_gate=True, allow_neg_eigval=True, expand_v=2.0, qk_activation="relu", norm_eps=1e-5),
    "sums": BASE | dict(use_short_conv=False, use_beta=False, qk_norm="sum", qk_activation="elu", expand_k=0.5),
}


def shapes(c):
    h, vocab, inner, heads = c["hidden_size"], c["vocab_size"], c["intermediate_size"], c["num_heads"]
    keys, values = int(h * c["expand_k"]), int(h * c["expand_v"])
    s = {"model.embeddings.weight": (vocab, h), "model.norm.weight": (h,), "lm_head.weight": (vocab, h)}
    for i in range(c["num_hidden_layers"]):
        at = "model.layers.%d." % i
        s |= {at + "attn_norm.weight": (h,), at + "mlp_norm.weight": (h,)}
        for name, width in dict(q=keys, k=keys, v=values).items():
            s[at + "attn.%s_proj.weight" % name] = (width, h)
            if c["use_short_conv"]:
                s[at + "attn.%s_conv1d.weight" % name] = (width, 1, c["conv_size"])
        if c["use_beta"]:
            s[at + "attn.b_proj.weight"] = (heads, h)
        if c["use_gate"]:
            s[at + "attn.g_proj.weight"] = (values, h)
        s |= {at + "attn.o_norm.weight": (values // heads,), at + "attn.o_proj.weight": (h, values)}
        s |= {at + "mlp.gate_proj.weight": (inner, h), at + "mlp.up_proj.weight": (inner, h), at + "mlp.down_proj.weight": (h, inner)}
    return s


ACTIVATIONS = dict(silu=f.silu, relu=lambda x: np.maximum(x, 0), elu=lambda x: np.where(x > 0, x, np.expm1(x)) + 1)


def attention(c, w, x):
    heads = c["num_heads"]

    def part(name, activation):
        y = x @ w["attn.%s_proj.weight" % name].T
        if c["use_short_conv"]:
            y = f.causal_conv(y, w["attn.%s_conv1d.weight" % name])
        return activation(y).reshape(len(x), heads, -1)

    q, k = (part(name, ACTIVATIONS[c["qk_activation"]]) for name in "qk")
    if c["qk_norm"] == "l2":
        q, k = f.l2norm(q), f.l2norm(k)
    else:
        q, k = q / np.sum(q, axis=-1, keepdims=True), k / np.sum(k, axis=-1, keepdims=True)
    v, beta = part("v", f.silu), np.ones((len(x), heads))
    if c["use_beta"]:
        beta = f.sigmoid(x @ w["attn.b_proj.weight"].T)
    if c["allow_neg_eigval"]:
        beta = 2 * beta
    s, o, one = np.zeros((heads, v.shape[2], k.shape[2])), [], np.eye(k.shape[2])
    for t in range(len(x)):
        b = beta[t][:, None, None]
        s = s @ (one - b * k[t][:, :, None] * k[t][:, None, :]) + b * v[t][:, :, None] * k[t][:, None, :]
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
    return f.rmsnorm(x, w["model.norm.weight"], c["norm_eps"]) @ w["lm_head.weight"].T


if __name__ == "__main__":
    f.main(CASES, shapes, forward)
