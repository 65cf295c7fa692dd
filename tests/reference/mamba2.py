"""Mamba-2: S_t = exp(dt A) S_{t-1} + dt B_t x_t^T, y_t = C_t S_t + D x_t, dt = softplus(w_t + b), A = -exp(A_log)."""

import sys

sys.dont_write_bytecode = True
import families as f
import numpy as np

BASE = dict(
    model_type="mamba2", architectures=["Mamba2ForCausalLM"], vocab_size=41, hidden_size=16, num_hidden_layers=2, expand=2,
    head_dim=8, num_heads=4, state_size=10, n_groups=1, conv_kernel=4, use_bias=False, use_conv_bias=True, hidden_act="silu",
    tie_word_embeddings=False, residual_in_fp32=True,
)
CASES = {
    "transformers": BASE | dict(n_groups=2, layer_norm_epsilon=1e-4, time_step_limit=[0.0, float("inf")], rms_norm=True),
    "fla": BASE | dict(n_groups=2, norm_eps=1e-4, dt_limit=[0.3, 1.0], rmsnorm=True, D_has_hdim=True, use_bias=True),
    "bare": BASE | dict(use_conv_bias=False, rmsnorm=False, norm_eps=1e-5, tie_word_embeddings=True),
}


def shapes(c):
    h, vocab, heads, wide = c["hidden_size"], c["vocab_size"], c["num_heads"], c.get("D_has_hdim")
    inner, channels = c["expand"] * h, c["expand"] * h + 2 * c["n_groups"] * c["state_size"]
    s = {"backbone.embeddings.weight": (vocab, h), "backbone.norm_f.weight": (h,)}
    for i in range(c["num_hidden_layers"]):
        at = "backbone.layers.%d." % i
        s |= {at + "norm.weight": (h,), at + "mixer.in_proj.weight": (inner + channels + heads, h)}
        s |= {at + "mixer.conv1d.weight": (channels, 1, c["conv_kernel"]), at + "mixer.out_proj.weight": (h, inner)}
        s |= {at + "mixer." + name: (heads,) for name in ("A_log", "dt_bias")} | {at + "mixer.D": (inner if wide else heads,)}
        if c["use_conv_bias"]:
            s[at + "mixer.conv1d.bias"] = (channels,)
        if c["use_bias"]:
            s |= {at + "mixer.in_proj.bias": (inner + channels + heads,), at + "mixer.out_proj.bias": (h,)}
        if c.get("rmsnorm", True):
            s[at + "mixer.norm.weight"] = (inner,)
    return s if c["tie_word_embeddings"] else s | {"lm_head.weight": (vocab, h)}


def mixer(c, w, x):
    inner, heads, groups = c["expand"] * c["hidden_size"], c["num_heads"], c["n_groups"]
    y = x @ w["mixer.in_proj.weight"].T + w.get("mixer.in_proj.bias", 0)
    z, xbc, dt = y[:, :inner], y[:, inner:-heads], y[:, -heads:]
    xbc = f.silu(f.causal_conv(xbc, w["mixer.conv1d.weight"], w.get("mixer.conv1d.bias", 0)))
    v = xbc[:, :inner].reshape(len(x), heads, -1)
    b, k = (np.repeat(part.reshape(len(x), groups, -1), heads // groups, axis=1) for part in np.split(xbc[:, inner:], 2, axis=1))
    low, high = c.get("time_step_limit", c.get("dt_limit", (0, np.inf)))
    dt = np.clip(f.softplus(dt + w["mixer.dt_bias"]), low, high)
    a = np.exp(-dt * np.exp(w["mixer.A_log"]))
    s, o = np.zeros((heads, c["state_size"], c["head_dim"])), []
    for t in range(len(x)):
        s = a[t][:, None, None] * s + b[t][:, :, None] * (dt[t][:, None] * v[t])[:, None, :]
        o.append(np.einsum("hkv,hk->hv", s, k[t]))
    o = (np.array(o) + w["mixer.D"].reshape(heads, -1) * v).reshape(len(x), -1) * f.silu(z)
    if c.get("rmsnorm", True):
        parts = 1 if "layer_norm_epsilon" in c else groups
        gain = w["mixer.norm.weight"].reshape(parts, -1)
        o = f.rmsnorm(o.reshape(len(x), parts, -1), gain, c.get("layer_norm_epsilon", c.get("norm_eps"))).reshape(len(x), -1)
    return o @ w["mixer.out_proj.weight"].T + w.get("mixer.out_proj.bias", 0)


def forward(c, w, tokens):
    eps, x = c.get("layer_norm_epsilon", c.get("norm_eps")), w["backbone.embeddings.weight"][tokens]
    for i in range(c["num_hidden_layers"]):
        p = f.layers(w, "backbone.layers.%d." % i)
        x = x + mixer(c, p, f.rmsnorm(x, p["norm.weight"], eps))
    head = w["backbone.embeddings.weight"] if c["tie_word_embeddings"] else w["lm_head.weight"]
    return f.rmsnorm(x, w["backbone.norm_f.weight"], eps) @ head.T


if __name__ == "__main__":
    f.main(CASES, shapes, forward)
