"""BitNet b1.58 2B4T: y = codes(W) codes(x) / (s_x s_W), codes of W from its mean magnitude and of x from its largest. A
checkpoint of codes has them in two bits, four rows a byte, and the scale beside them."""

import sys

sys.dont_write_bytecode = True
import families as f
import numpy as np

BASE = dict(
    model_type="bitnet", architectures=["BitNetForCausalLM"], vocab_size=45, hidden_size=24, intermediate_size=40,
    num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, hidden_act="relu2", max_position_embeddings=64,
    rms_norm_eps=1e-5, rope_theta=500000.0, tie_word_embeddings=True,
)
PACKED = dict(quant_method="bitnet", linear_class="autobitlinear", quantization_mode="offline")
CASES = {
    "floats": BASE,
    "packed": BASE | dict(quantization_config=PACKED),
    "divided": BASE | dict(quantization_config=dict(quant_method="bitnet"), tie_word_embeddings=False),
}


def shapes(c):
    h, vocab, inner = c["hidden_size"], c["vocab_size"], c["intermediate_size"]
    groups = h // c["num_attention_heads"] * c["num_key_value_heads"]
    s = {"model.embed_tokens.weight": (vocab, h), "model.norm.weight": (h,)}
    for i in range(c["num_hidden_layers"]):
        at = "model.layers.%d." % i
        s |= {at + "input_layernorm.weight": ((h,), 1, 0.2), at + "post_attention_layernorm.weight": ((h,), 1, 0.2)}
        s |= {at + "self_attn.attn_sub_norm.weight": (h,), at + "mlp.ffn_sub_norm.weight": (inner,)}
        s |= {at + "self_attn.%s_proj.weight" % name: (n, h) for name, n in dict(q=h, k=groups, v=groups, o=h).items()}
        s |= {at + "mlp.gate_proj.weight": (inner, h), at + "mlp.up_proj.weight": (inner, h), at + "mlp.down_proj.weight": (h, inner)}
    return s if c["tie_word_embeddings"] else s | {"lm_head.weight": (vocab, h)}


def ternary(w):
    """Codes, and what they are to be divided by: in float32, from a mean in float64, as docs/numerics.md says."""
    scale = np.float32(1) / np.maximum(np.float32(np.mean(np.abs(w), dtype=np.float64)), np.float32(1e-5))
    return np.clip(np.rint(w.astype(np.float32) * scale), -1, 1), np.float64(scale)


def stored(c, weights):
    if "quantization_config" not in c:
        return f.as_floats(c, weights)
    multiplies, tensors = "linear_class" in c["quantization_config"], {}
    for name, w in weights.items():
        if not name.endswith("_proj.weight"):
            tensors[name] = w.shape, w.ravel().tolist()
            continue
        codes, scale = ternary(w)
        quarters = np.split(codes.astype(int) + 1, 4)
        packed = sum(rows << 2 * i for i, rows in enumerate(quarters))
        tensors[name] = packed.shape, packed.ravel().tolist(), "U8"
        tensors[name + "_scale"] = (1,), [np.float32(1 / scale) if multiplies else scale]
    return tensors


def linear(c, w, at, x):
    codes, scale = ternary(w[at + ".weight"])
    if "linear_class" in c.get("quantization_config", {}):
        scale = np.float64(np.float32(1) / np.float32(1 / scale))  # a float32 here too
    s = 127 / np.maximum(np.max(np.abs(x), axis=-1, keepdims=True), 1e-5)
    return np.clip(np.rint(x * s), -128, 127) @ codes.T / (s * scale)


def forward(c, w, tokens):
    width, eps, x = c["hidden_size"] // c["num_attention_heads"], c["rms_norm_eps"], w["model.embed_tokens.weight"][tokens]
    angles = np.arange(len(x))[:, None] * c["rope_theta"] ** (-np.arange(0, width, 2) / width)
    for i in range(c["num_hidden_layers"]):
        p = f.layers(w, "model.layers.%d." % i)
        y = f.rmsnorm(x, p["input_layernorm.weight"], eps)
        q, k, v = (linear(c, p, "self_attn.%s_proj" % name, y).reshape(len(x), -1, width) for name in "qkv")
        o = f.attend(f.rotate(q, angles), f.rotate(k, angles), v, width**-0.5).reshape(len(x), -1)
        x = x + linear(c, p, "self_attn.o_proj", f.rmsnorm(o, p["self_attn.attn_sub_norm.weight"], eps))
        y = f.rmsnorm(x, p["post_attention_layernorm.weight"], eps)
        y = np.maximum(linear(c, p, "mlp.gate_proj", y), 0) ** 2 * linear(c, p, "mlp.up_proj", y)
        x = x + linear(c, p, "mlp.down_proj", f.rmsnorm(y, p["mlp.ffn_sub_norm.weight"], eps))
    head = w["model.embed_tokens.weight"] if c["tie_word_embeddings"] else w["lm_head.weight"]
    return f.rmsnorm(x, w["model.norm.weight"], eps) @ head.T


if __name__ == "__main__":
    f.main(CASES, shapes, forward, stored)
