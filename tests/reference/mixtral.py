"""Mixtral: each token's channel mixer is the sum of its k best experts, by a softmax over their scores alone."""

import sys

sys.dont_write_bytecode = True
import families as f
import numpy as np

BASE = dict(
    model_type="mixtral", architectures=["MixtralForCausalLM"], vocab_size=41, hidden_size=16, intermediate_size=24,
    num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, hidden_act="silu", max_position_embeddings=64,
    rms_norm_eps=1e-5, rope_theta=1000000.0, num_local_experts=4, num_experts_per_tok=2, sliding_window=None,
    tie_word_embeddings=False,
)
CASES = {"plain": BASE, "window": BASE | dict(sliding_window=9, num_experts_per_tok=1, head_dim=6, rope_theta=100.0)}


def shapes(c):
    h, vocab, inner, heads = c["hidden_size"], c["vocab_size"], c["intermediate_size"], c["num_attention_heads"]
    width = c.get("head_dim", h // heads)
    groups = c["num_key_value_heads"] * width
    s = {"model.embed_tokens.weight": (vocab, h), "model.norm.weight": (h,), "lm_head.weight": (vocab, h)}
    for i in range(c["num_hidden_layers"]):
        at = "model.layers.%d." % i
        s |= {at + "input_layernorm.weight": ((h,), 1, 0.2), at + "post_attention_layernorm.weight": ((h,), 1, 0.2)}
        s |= {at + "self_attn.%s_proj.weight" % name: (n, h) for name, n in dict(q=heads * width, k=groups, v=groups).items()}
        s |= {at + "self_attn.o_proj.weight": (h, heads * width), at + "block_sparse_moe.gate.weight": (c["num_local_experts"], h)}
        for e in range(c["num_local_experts"]):
            expert = at + "block_sparse_moe.experts.%d." % e
            s |= {expert + "w1.weight": (inner, h), expert + "w3.weight": (inner, h), expert + "w2.weight": (h, inner)}
    return s


def mixture(c, w, x):
    score, rows = x @ w["gate.weight"].T, []
    for t in range(len(x)):
        best = np.argsort(-score[t])[: c["num_experts_per_tok"]]
        y = 0
        for e, share in zip(best, f.softmax(score[t][best])):
            w1, w2, w3 = (w["experts.%d.w%d.weight" % (e, i)] for i in (1, 2, 3))
            y = y + share * (w2 @ (f.silu(w1 @ x[t]) * (w3 @ x[t])))
        rows.append(y)
    return np.array(rows)


def forward(c, w, tokens):
    width, eps = c.get("head_dim", c["hidden_size"] // c["num_attention_heads"]), c["rms_norm_eps"]
    x = w["model.embed_tokens.weight"][tokens]
    angles = np.arange(len(x))[:, None] * c["rope_theta"] ** (-np.arange(0, width, 2) / width)
    for i in range(c["num_hidden_layers"]):
        p = f.layers(w, "model.layers.%d." % i)
        y = f.rmsnorm(x, p["input_layernorm.weight"], eps)
        q, k, v = ((y @ p["self_attn.%s_proj.weight" % name].T).reshape(len(x), -1, width) for name in "qkv")
        o = f.attend(f.rotate(q, angles), f.rotate(k, angles), v, width**-0.5, c["sliding_window"])
        x = x + o.reshape(len(x), -1) @ p["self_attn.o_proj.weight"].T
        x = x + mixture(c, f.layers(p, "block_sparse_moe."), f.rmsnorm(x, p["post_attention_layernorm.weight"], eps))
    return f.rmsnorm(x, w["model.norm.weight"], eps) @ w["lm_head.weight"].T


if __name__ == "__main__":
    f.main(CASES, shapes, forward)
