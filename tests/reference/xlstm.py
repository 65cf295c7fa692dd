"""mLSTM: C_t = f C_{t-1} + i v k^T, n_t = f n_{t-1} + i k, h_t = C_t q / max(|n_t q|, 1), with i = exp and f = sigmoid; the
1 is exp(-m) of the stabiliser m, which is 0 before the first token."""

import sys

sys.dont_write_bytecode = True
import families as f
import numpy as np

BASE = dict(
    model_type="xlstm", architectures=["xLSTMForCausalLM"], vocab_size=39, hidden_size=16, embedding_dim=16,
    num_hidden_layers=2, num_blocks=2, num_heads=2, use_bias=False, norm_eps=1e-6, qk_dim_factor=0.5, v_dim_factor=1.0,
    eps=1e-6, ffn_proj_factor=2.667, ffn_round_up_to_multiple_of=8, gate_soft_cap=15.0, output_logit_soft_cap=30.0,
    weight_mode="single", add_out_norm=True, tie_word_embeddings=False,
)
CASES = {"plain": BASE, "biased": BASE | dict(use_bias=True, eps=1e-2, gate_soft_cap=2.0, output_logit_soft_cap=1.5, norm_eps=1e-3)}
INNER = 48  # 16 * 2.667 rounded up to a multiple of 8


def shapes(c):
    h, vocab, heads = c["hidden_size"], c["vocab_size"], c["num_heads"]
    keys, values = int(h * c["qk_dim_factor"]), int(h * c["v_dim_factor"])
    s = {"backbone.embeddings.weight": (vocab, h), "lm_head.weight": (vocab, h), "backbone.out_norm.weight": (h,)}
    for i in range(c["num_hidden_layers"]):
        at = "backbone.blocks.%d." % i
        linears = dict(query=(keys, h), key=(keys, h), value=(values, h), ogate_preact=(values, h), out_proj=(h, values))
        s |= {at + "mlstm_layer.%s.weight" % name: shape for name, shape in linears.items()}
        for name in ("igate_preact", "fgate_preact"):
            s |= {at + "mlstm_layer.%s.weight" % name: (heads, h), at + "mlstm_layer.%s.bias" % name: ((heads,), 1, 2)}
        s |= {at + "ffn.proj_up_gate.weight": (INNER, h), at + "ffn.proj_up.weight": (INNER, h), at + "ffn.proj_down.weight": (h, INNER)}
        s |= {at + "norm_mlstm.weight": ((h,), 1, 0.2), at + "norm_ffn.weight": ((h,), 1, 0.2), at + "mlstm_layer.multihead_norm.weight": (values,)}
        if c["use_bias"]:
            s |= {at + "mlstm_layer.%s.bias" % name: shape[:1] for name, shape in linears.items()}
            s |= {at + "ffn.%s.bias" % name: (n,) for name, n in dict(proj_up_gate=INNER, proj_up=INNER, proj_down=h).items()}
            s |= {at + "norm_mlstm.bias": (h,), at + "norm_ffn.bias": (h,), at + "mlstm_layer.multihead_norm.bias": (values,)}
    return s


def linear(w, at, x):
    return x @ w[at + ".weight"].T + w.get(at + ".bias", 0)


def mixer(c, w, x):
    heads, cap = c["num_heads"], c["gate_soft_cap"]
    q, k, v = (linear(w, "mlstm_layer." + name, x).reshape(len(x), heads, -1) for name in ("query", "key", "value"))
    i, forget = (cap * np.tanh(linear(w, "mlstm_layer.%sgate_preact" % name, x) / cap) for name in "if")
    forget = f.sigmoid(forget)
    s, n, unit, rows = np.zeros((heads, v.shape[2], k.shape[2])), np.zeros(k.shape[1:]), np.zeros(heads), []
    for t in range(len(x)):
        s = forget[t][:, None, None] * s + np.exp(i[t])[:, None, None] * v[t][:, :, None] * k[t][:, None, :]
        n = forget[t][:, None] * n + np.exp(i[t])[:, None] * k[t]
        unit = np.maximum(unit + np.log(forget[t]), i[t])  # the published epsilon counts in exp of this
        root = q.shape[2] ** -0.5
        size = np.maximum(np.abs(np.sum(n * q[t] * root, axis=-1)), 1) + c["eps"] * np.exp(unit)
        rows.append(np.einsum("hvk,hk->hv", s, q[t] * root) / size[:, None])
    gain = w["mlstm_layer.multihead_norm.weight"].reshape(heads, -1)
    bias = w["mlstm_layer.multihead_norm.bias"].reshape(heads, -1) if c["use_bias"] else 0
    h = f.layernorm(np.array(rows), gain, bias, c["norm_eps"]).reshape(len(x), -1)
    return linear(w, "mlstm_layer.out_proj", f.sigmoid(linear(w, "mlstm_layer.ogate_preact", x)) * h)


def forward(c, w, tokens):
    x = w["backbone.embeddings.weight"][tokens]
    for i in range(c["num_hidden_layers"]):
        p = f.layers(w, "backbone.blocks.%d." % i)
        x = x + mixer(c, p, f.rmsnorm(x, p["norm_mlstm.weight"], c["norm_eps"]) + p.get("norm_mlstm.bias", 0))
        y = f.rmsnorm(x, p["norm_ffn.weight"], c["norm_eps"]) + p.get("norm_ffn.bias", 0)
        x = x + linear(p, "ffn.proj_down", f.silu(linear(p, "ffn.proj_up_gate", y)) * linear(p, "ffn.proj_up", y))
    cap = c["output_logit_soft_cap"]
    return cap * np.tanh(f.rmsnorm(x, w["backbone.out_norm.weight"], c["norm_eps"]) @ w["lm_head.weight"].T / cap)


if __name__ == "__main__":
    f.main(CASES, shapes, forward)
