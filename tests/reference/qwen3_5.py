"""Qwen3.5: layers of the gated delta rule, S_t = a_t S_{t-1} (I - beta_t k_t k_t^T) + beta_t v_t k_t^T, and of gated softmax
attention with rotary positions on a part of each head; gains of norms are 1 + w."""

import sys

sys.dont_write_bytecode = True
import families as f
import numpy as np

TEXT = dict(
    vocab_size=53, hidden_size=20, intermediate_size=36, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=2,
    head_dim=8, hidden_act="silu", max_position_embeddings=64, rms_norm_eps=1e-6, attention_bias=False,
    linear_conv_kernel_dim=4, linear_key_head_dim=6, linear_value_head_dim=10, linear_num_key_heads=2,
    linear_num_value_heads=4, full_attention_interval=4,
    layer_types=["linear_attention", "linear_attention", "linear_attention", "full_attention"],
    rope_parameters=dict(rope_type="default", rope_theta=10000.0, partial_rotary_factor=0.5, mrope_section=[1, 1, 0]),
)
MIXED = dict(
    num_hidden_layers=3, layer_types=["full_attention", "linear_attention", "full_attention"], attention_bias=True,
    rope_parameters=dict(rope_type="default", rope_theta=100.0, partial_rotary_factor=0.25), rms_norm_eps=1e-4,
)
FLAT = {name: value for name, value in TEXT.items() if name != "full_attention_interval"}
CASES = {
    "nested": dict(
        model_type="qwen3_5", architectures=["Qwen3_5ForConditionalGeneration"], text_config=TEXT | dict(model_type="qwen3_5_text"),
        tie_word_embeddings=True,
    ),
    "mixed": FLAT | MIXED | dict(model_type="qwen3_5_text", architectures=["Qwen3_5ForCausalLM"], tie_word_embeddings=False),
}


def inside(c):
    return (c["text_config"], "model.language_model.") if "text_config" in c else (c, "model.")


def shapes(c):
    t, top = inside(c)
    h, inner, vocab, width = t["hidden_size"], t["intermediate_size"], t["vocab_size"], t["head_dim"]
    keys, values = t["linear_num_key_heads"] * t["linear_key_head_dim"], t["linear_num_value_heads"] * t["linear_value_head_dim"]
    s = {top + "embed_tokens.weight": (vocab, h), top + "norm.weight": ((h,), 0, 0.2)}
    for i, kind in enumerate(t["layer_types"]):
        at = top + "layers.%d." % i
        s |= {at + "input_layernorm.weight": ((h,), 0, 0.2), at + "post_attention_layernorm.weight": ((h,), 0, 0.2)}
        s |= {at + "mlp.gate_proj.weight": (inner, h), at + "mlp.up_proj.weight": (inner, h), at + "mlp.down_proj.weight": (h, inner)}
        if kind == "full_attention":
            at, heads, groups = at + "self_attn.", t["num_attention_heads"], t["num_key_value_heads"]
            linears = dict(q=(2 * heads * width, h), k=(groups * width, h), v=(groups * width, h), o=(h, heads * width))
            s |= {at + "%s_proj.weight" % name: shape for name, shape in linears.items()}
            s |= {at + "q_norm.weight": ((width,), 0, 0.2), at + "k_norm.weight": ((width,), 0, 0.2)}
            if t["attention_bias"]:
                s |= {at + "%s_proj.bias" % name: shape[:1] for name, shape in linears.items()}
            continue
        at, heads = at + "linear_attn.", t["linear_num_value_heads"]
        s |= {at + "in_proj_qkv.weight": (2 * keys + values, h), at + "in_proj_z.weight": (values, h)}
        s |= {at + "in_proj_a.weight": (heads, h), at + "in_proj_b.weight": (heads, h), at + "A_log": (heads,), at + "dt_bias": (heads,)}
        s |= {at + "conv1d.weight": (2 * keys + values, 1, t["linear_conv_kernel_dim"]), at + "out_proj.weight": (h, values)}
        s[at + "norm.weight"] = (t["linear_value_head_dim"],)
    return s if c["tie_word_embeddings"] else s | {"lm_head.weight": (vocab, h)}


def norm(t, x, w):
    return f.rmsnorm(x, 1 + w, t["rms_norm_eps"])


def delta_net(t, w, x):
    key_heads, value_heads, steps = t["linear_num_key_heads"], t["linear_num_value_heads"], len(x)
    qkv = f.silu(f.causal_conv(x @ w["in_proj_qkv.weight"].T, w["conv1d.weight"]))
    keys = key_heads * t["linear_key_head_dim"]
    q, k = (f.l2norm(y.reshape(steps, key_heads, -1)) for y in (qkv[:, :keys], qkv[:, keys : 2 * keys]))
    q, k = (np.repeat(y, value_heads // key_heads, axis=1) for y in (q, k))
    v, beta = qkv[:, 2 * keys :].reshape(steps, value_heads, -1), f.sigmoid(x @ w["in_proj_b.weight"].T)
    a = np.exp(-np.exp(w["A_log"]) * f.softplus(x @ w["in_proj_a.weight"].T + w["dt_bias"]))
    s, o, one = np.zeros((value_heads, v.shape[2], k.shape[2])), [], np.eye(k.shape[2])
    for i in range(steps):
        b, kk = beta[i][:, None, None], k[i][:, :, None] * k[i][:, None, :]
        s = a[i][:, None, None] * s @ (one - b * kk) + b * v[i][:, :, None] * k[i][:, None, :]
        o.append(np.einsum("hvk,hk->hv", s, q[i] / np.sqrt(q.shape[2])))
    o = f.rmsnorm(np.array(o), w["norm.weight"], t["rms_norm_eps"]).reshape(steps, -1)
    return o * f.silu(x @ w["in_proj_z.weight"].T) @ w["out_proj.weight"].T


def attention(t, w, x):
    width, rope, steps = t["head_dim"], t["rope_parameters"], len(x)
    turned = int(width * rope["partial_rotary_factor"])
    angles = np.arange(steps)[:, None] * rope["rope_theta"] ** (-np.arange(0, turned, 2) / turned)

    def part(name, y):
        return y @ w[name + "_proj.weight"].T + w.get(name + "_proj.bias", 0)

    q, gate = np.split(part("q", x).reshape(steps, -1, 2 * width), 2, axis=-1)
    k, v = (part(name, x).reshape(steps, -1, width) for name in "kv")
    q, k = (f.rotate(norm(t, y, w[name + "_norm.weight"]), angles) for name, y in (("q", q), ("k", k)))
    return part("o", (f.attend(q, k, v, width**-0.5) * f.sigmoid(gate)).reshape(steps, -1))


def forward(c, w, tokens):
    t, top = inside(c)
    x = w[top + "embed_tokens.weight"][tokens]
    for i, kind in enumerate(t["layer_types"]):
        p = f.layers(w, top + "layers.%d." % i)
        mixer, name = (attention, "self_attn.") if kind == "full_attention" else (delta_net, "linear_attn.")
        x = x + mixer(t, f.layers(p, name), norm(t, x, p["input_layernorm.weight"]))
        x = x + f.swiglu(p, "mlp.", norm(t, x, p["post_attention_layernorm.weight"]))
    head = w[top + "embed_tokens.weight"] if c["tie_word_embeddings"] else w["lm_head.weight"]
    return norm(t, x, w[top + "norm.weight"]) @ head.T


if __name__ == "__main__":
    f.main(CASES, shapes, forward)
