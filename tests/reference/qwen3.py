"""Qwen3: LLaMA's layers with an RMSNorm of each head's queries and keys before they are turned."""

import sys

sys.dont_write_bytecode = True
import families as f
import numpy as np

BASE = dict(
    model_type="qwen3", architectures=["Qwen3ForCausalLM"], vocab_size=47, hidden_size=20, intermediate_size=36,
    num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, head_dim=8, hidden_act="silu",
    max_position_embeddings=64, rms_norm_eps=1e-6, rope_theta=1000000.0, rope_scaling=None, attention_bias=False,
    use_sliding_window=False, sliding_window=None, tie_word_embeddings=True,
)
CASES = {"tied": BASE, "biased": BASE | dict(attention_bias=True, tie_word_embeddings=False, rope_theta=50.0, rms_norm_eps=1e-3)}


def shapes(c):
    h, vocab, inner = c["hidden_size"], c["vocab_size"], c["intermediate_size"]
    heads, groups, width = (c[name] for name in ("num_attention_heads", "num_key_value_heads", "head_dim"))
    s = {"model.embed_tokens.weight": (vocab, h), "model.norm.weight": (h,)}
    for i in range(c["num_hidden_layers"]):
        at = "model.layers.%d." % i
        s |= {at + "input_layernorm.weight": ((h,), 1, 0.2), at + "post_attention_layernorm.weight": ((h,), 1, 0.2)}
        s |= {at + "self_attn.q_norm.weight": (width,), at + "self_attn.k_norm.weight": (width,)}
        linears = dict(q=(heads * width, h), k=(groups * width, h), v=(groups * width, h), o=(h, heads * width))
        s |= {at + "self_attn.%s_proj.weight" % name: shape for name, shape in linears.items()}
        if c["attention_bias"]:
            s |= {at + "self_attn.%s_proj.bias" % name: shape[:1] for name, shape in linears.items()}
        s |= {at + "mlp.gate_proj.weight": (inner, h), at + "mlp.up_proj.weight": (inner, h), at + "mlp.down_proj.weight": (h, inner)}
    return s if c["tie_word_embeddings"] else s | {"lm_head.weight": (vocab, h)}


def forward(c, w, tokens):
    width, eps, x = c["head_dim"], c["rms_norm_eps"], w["model.embed_tokens.weight"][tokens]
    angles = np.arange(len(x))[:, None] * c["rope_theta"] ** (-np.arange(0, width, 2) / width)
    for i in range(c["num_hidden_layers"]):
        p = f.layers(w, "model.layers.%d." % i)
        y = f.rmsnorm(x, p["input_layernorm.weight"], eps)

        def part(name, y):
            return y @ p["self_attn.%s_proj.weight" % name].T + p.get("self_attn.%s_proj.bias" % name, 0)

        q, k, v = (part(name, y).reshape(len(x), -1, width) for name in "qkv")
        q, k = (f.rotate(f.rmsnorm(z, p["self_attn.%s_norm.weight" % name], eps), angles) for name, z in (("q", q), ("k", k)))
        x = x + part("o", f.attend(q, k, v, width**-0.5).reshape(len(x), -1))
        x = x + f.swiglu(p, "mlp.", f.rmsnorm(x, p["post_attention_layernorm.weight"], eps))
    head = w["model.embed_tokens.weight"] if c["tie_word_embeddings"] else w["lm_head.weight"]
    return f.rmsnorm(x, w["model.norm.weight"], eps) @ head.T


if __name__ == "__main__":
    f.main(CASES, shapes, forward)
