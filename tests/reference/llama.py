"""LLaMA: pre-norm transformer with rotary positions, of which Llama 3.1's and YaRN's scaling are written by their papers."""

import sys

sys.dont_write_bytecode = True
import families as f
import numpy as np

BASE = dict(
    model_type="llama", architectures=["LlamaForCausalLM"], vocab_size=51, hidden_size=24, intermediate_size=40,
    num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, hidden_act="silu", max_position_embeddings=64,
    rms_norm_eps=1e-5, rope_theta=10000.0, rope_scaling=None, attention_bias=False, mlp_bias=False,
    tie_word_embeddings=False,
)
LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32)
YARN = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=16, beta_fast=8, beta_slow=1)
CASES = {
    "plain": BASE | dict(tie_word_embeddings=True),
    "llama3": BASE | dict(head_dim=16, num_key_value_heads=None, attention_bias=True, mlp_bias=True, rope_theta=500.0, rope_scaling=LLAMA3),
    "yarn": BASE | dict(head_dim=12, num_key_value_heads=1, rope_scaling=None, rope_theta=None, rope_parameters=YARN | dict(rope_theta=100.0)),
    "linear": BASE | dict(rope_scaling=dict(type="linear", factor=2.5), hidden_act="gelu_pytorch_tanh"),
    "mistral": BASE | dict(model_type="mistral", architectures=["MistralForCausalLM"], sliding_window=7),
}


def shapes(c):
    h, vocab, inner = c["hidden_size"], c["vocab_size"], c["intermediate_size"]
    heads, width = c["num_attention_heads"], c.get("head_dim", h // c["num_attention_heads"])
    groups = c["num_key_value_heads"] or heads
    s = {"model.embed_tokens.weight": (vocab, h), "model.norm.weight": (h,)}
    for i in range(c["num_hidden_layers"]):
        at = "model.layers.%d." % i
        s |= {at + "input_layernorm.weight": ((h,), 1, 0.2), at + "post_attention_layernorm.weight": ((h,), 1, 0.2)}
        linears = dict(q=(heads * width, h), k=(groups * width, h), v=(groups * width, h), o=(h, heads * width))
        s |= {at + "self_attn.%s_proj.weight" % name: shape for name, shape in linears.items()}
        mlp = dict(gate=(inner, h), up=(inner, h), down=(h, inner))
        s |= {at + "mlp.%s_proj.weight" % name: shape for name, shape in mlp.items()}
        if c["attention_bias"]:
            s |= {at + "self_attn.%s_proj.bias" % name: shape[:1] for name, shape in linears.items()}
        if c["mlp_bias"]:
            s |= {at + "mlp.%s_proj.bias" % name: shape[:1] for name, shape in mlp.items()}
    return s if c["tie_word_embeddings"] else s | {"lm_head.weight": (vocab, h)}


def rates(c, width):
    """Radians a token, and what cosines and sines are multiplied by."""
    rope = c.get("rope_parameters") or (c["rope_scaling"] or {}) | dict(rope_theta=c["rope_theta"])
    kind, theta = rope.get("rope_type", rope.get("type")), rope["rope_theta"]
    rate = theta ** (-np.arange(0, width, 2) / width)
    if kind == "linear":
        return rate / rope["factor"], 1
    if kind == "llama3":
        length = 2 * np.pi / rate
        low, high = (rope["original_max_position_embeddings"] / rope[name + "_freq_factor"] for name in ("low", "high"))
        smooth = (rope["original_max_position_embeddings"] / length - rope["low_freq_factor"]) / (rope["high_freq_factor"] - rope["low_freq_factor"])
        middle = (1 - smooth) * rate / rope["factor"] + smooth * rate
        return np.where(length < high, rate, np.where(length > low, rate / rope["factor"], middle)), 1
    if kind == "yarn":

        def pair(turns):  # the one that turns so often within the trained length
            return width * np.log(rope["original_max_position_embeddings"] / (turns * 2 * np.pi)) / (2 * np.log(theta))

        first, last = max(np.floor(pair(rope["beta_fast"])), 0), min(np.ceil(pair(rope["beta_slow"])), width - 1)
        ramp = np.clip((np.arange(width // 2) - first) / (last - first), 0, 1)
        return rate / rope["factor"] * ramp + rate * (1 - ramp), 0.1 * np.log(rope["factor"]) + 1
    return rate, 1


def linear(w, at, x):
    return x @ w[at + ".weight"].T + w.get(at + ".bias", 0)


def forward(c, w, tokens):
    heads, eps = c["num_attention_heads"], c["rms_norm_eps"]
    width = c.get("head_dim", c["hidden_size"] // heads)
    rate, size = rates(c, width)
    angles, x = np.arange(len(tokens))[:, None] * rate, w["model.embed_tokens.weight"][tokens]
    act = dict(silu=f.silu, gelu_pytorch_tanh=lambda y: 0.5 * y * (1 + np.tanh(np.sqrt(2 / np.pi) * (y + 0.044715 * y**3))))[c["hidden_act"]]
    for i in range(c["num_hidden_layers"]):
        p = f.layers(w, "model.layers.%d." % i)
        y = f.rmsnorm(x, p["input_layernorm.weight"], eps)
        q, k, v = (linear(p, "self_attn.%s_proj" % name, y).reshape(len(x), -1, width) for name in "qkv")
        o = f.attend(f.rotate(q, angles, size), f.rotate(k, angles, size), v, width**-0.5, c.get("sliding_window"))
        x = x + linear(p, "self_attn.o_proj", o.reshape(len(x), -1))
        y = f.rmsnorm(x, p["post_attention_layernorm.weight"], eps)
        x = x + linear(p, "mlp.down_proj", act(linear(p, "mlp.gate_proj", y)) * linear(p, "mlp.up_proj", y))
    head = w["model.embed_tokens.weight"] if c["tie_word_embeddings"] else w["lm_head.weight"]
    return f.rmsnorm(x, w["model.norm.weight"], eps) @ head.T


if __name__ == "__main__":
    f.main(CASES, shapes, forward)
