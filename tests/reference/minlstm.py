"""minLSTM: h_t = f' h_{t-1} + i' g(c_t), f' = f / (f + i), i' = i / (f + i), with float layers."""

import sys

sys.dont_write_bytecode = True
import families as f
import numpy as np

BASE = dict(
    model_type="minlstm", architectures=["MinLSTMForCausalLM"], vocab_size=35, hidden_size=16, num_hidden_layers=2,
    expansion_factor=1.5, conv_kernel_size=3, rms_norm_eps=1e-6, tie_word_embeddings=False, tern={"params": {"proj": "linear"}},
)
CASES = {"log": BASE, "plain": BASE | dict(tern={"params": {"proj": "linear", "log_space": 0}}, rms_norm_eps=1e-4)}


def shapes(c):
    h, vocab, inner = c["hidden_size"], c["vocab_size"], int(c["hidden_size"] * c["expansion_factor"])
    s = {"token_emb.weight": (vocab, h), "norm.weight": (h,), "to_logits.weight": (vocab, h)}
    for i in range(c["num_hidden_layers"]):
        at = "layers.%d." % i
        s |= {at + "conv.weight": ((h, c["conv_kernel_size"]), 0, 0.5), at + "rnn_norm.weight": (h,), at + "ff_norm.weight": (h,)}
        s |= {at + "rnn.to_hidden_and_f_i_gate.weight": (3 * inner, h), at + "rnn.to_out.weight": (h, inner)}
        s |= {at + "ff.up.weight": (4 * h, h), at + "ff.down.weight": (h, 4 * h)}
    return s


def cell(c, w, x):
    candidate, forget, write = np.split(x @ w["rnn.to_hidden_and_f_i_gate.weight"].T, 3, axis=1)
    h, rows = 0, []
    if c["tern"]["params"].get("log_space", 1):
        candidate, h = np.where(candidate >= 0, candidate + 0.5, f.sigmoid(candidate)), 0.5
    forget, write = f.sigmoid(forget), f.sigmoid(write)
    for t in range(len(x)):
        h = (forget[t] * h + write[t] * candidate[t]) / (forget[t] + write[t])
        rows.append(h)
    return np.array(rows) @ w["rnn.to_out.weight"].T


def forward(c, w, tokens):
    x, eps = w["token_emb.weight"][tokens], c["rms_norm_eps"]
    for i in range(c["num_hidden_layers"]):
        p = f.layers(w, "layers.%d." % i)
        x = x + f.causal_conv(x, p["conv.weight"][:, None, :])
        x = x + cell(c, p, f.rmsnorm(x, p["rnn_norm.weight"], eps))
        x = x + np.maximum(f.rmsnorm(x, p["ff_norm.weight"], eps) @ p["ff.up.weight"].T, 0) ** 2 @ p["ff.down.weight"].T
    return f.rmsnorm(x, w["norm.weight"], eps) @ w["to_logits.weight"].T


if __name__ == "__main__":
    f.main(CASES, shapes, forward)
