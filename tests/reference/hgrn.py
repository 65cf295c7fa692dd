"""HGRN: h_t = f_t h_{t-1} + (1 - f_t) SiLU(i_t), f_t = b + (1 - b) sigmoid(W_f x), with b from a softmax over layers."""

import sys

sys.dont_write_bytecode = True
import families as f
import numpy as np

BASE = dict(
    model_type="hgrn", architectures=["HGRNForCausalLM"], vocab_size=53, hidden_size=20, num_hidden_layers=3, expand_ratio=1,
    use_short_conv=False, conv_size=4, use_lower_bound=True, hidden_ratio=4, intermediate_size=36, hidden_act="swish",
    elementwise_affine=True, norm_eps=1e-6, attn=None, tie_word_embeddings=False,
)
CASES = {
    "convolution": BASE | dict(use_short_conv=True),
    "wide": BASE | dict(use_lower_bound=False, expand_ratio=2, tie_word_embeddings=True, norm_eps=1e-5),
}


def shapes(c):
    h, vocab, inner, n = c["hidden_size"], c["vocab_size"], c["intermediate_size"], c["num_hidden_layers"]
    width = h * c["expand_ratio"]
    s = {"model.embeddings.weight": (vocab, h), "model.norm.weight": (h,)}
    if c["use_lower_bound"]:
        s["model.lower_bounds"] = ((n, h), 0, 1)
    for i in range(n):
        at = "model.layers.%d." % i
        s |= {at + "attn_norm.weight": (h,), at + "mlp_norm.weight": (h,), at + "attn.g_norm.weight": (width,)}
        s |= {at + "attn.%s_proj.weight" % name: (width, h) for name in "ifg"} | {at + "attn.o_proj.weight": (h, width)}
        if c["use_short_conv"]:
            s |= {at + "attn.%s_conv1d.weight" % name: (width, 1, c["conv_size"]) for name in "if"}
        s |= {at + "mlp.gate_proj.weight": (inner, h), at + "mlp.up_proj.weight": (inner, h), at + "mlp.down_proj.weight": (h, inner)}
    return s if c["tie_word_embeddings"] else s | {"lm_head.weight": (vocab, h)}


def attention(c, w, x, floor):
    def part(name):
        y = x @ w["attn.%s_proj.weight" % name].T
        return f.causal_conv(y, w["attn.%s_conv1d.weight" % name]) if c["use_short_conv"] else y

    forget, value = floor + (1 - floor) * f.sigmoid(part("f")), f.silu(part("i"))
    h, rows = 0, []
    for t in range(len(x)):
        h = forget[t] * h + (1 - forget[t]) * value[t]
        rows.append(h)
    o = f.rmsnorm(np.array(rows), w["attn.g_norm.weight"], c["norm_eps"]) * f.silu(x @ w["attn.g_proj.weight"].T)
    return o @ w["attn.o_proj.weight"].T


def forward(c, w, tokens):
    x, floors = w["model.embeddings.weight"][tokens], np.zeros(c["num_hidden_layers"])
    if c["use_lower_bound"]:
        p = f.softmax(w["model.lower_bounds"].T).T
        floors = np.cumsum(p, axis=0) - p[0]
    for i in range(c["num_hidden_layers"]):
        p = f.layers(w, "model.layers.%d." % i)
        x = x + attention(c, p, f.rmsnorm(x, p["attn_norm.weight"], c["norm_eps"]), floors[i])
        x = x + f.swiglu(p, "mlp.", f.rmsnorm(x, p["mlp_norm.weight"], c["norm_eps"]))
    head = w["model.embeddings.weight"] if c["tie_word_embeddings"] else w["lm_head.weight"]
    return f.rmsnorm(x, w["model.norm.weight"], c["norm_eps"]) @ head.T


if __name__ == "__main__":
    f.main(CASES, shapes, forward)
