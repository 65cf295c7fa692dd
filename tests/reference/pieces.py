"""The blocks of the library that no example has: attention in a window with a cap, attention sinks, rotary positions of
neighbours with NTK scaling, sLSTM, adapters, and the channel mixers and norms that are left."""

import sys

sys.dont_write_bytecode = True
import families as f
import numpy as np

CASES = {"pieces": dict(vocab_size=31, rope_scaling=dict(rope_type="ntk", factor=3.0), max_position_embeddings=64)}
N, HEADS, INNER = 16, 4, 20


def shapes(c):
    vocab = c["vocab_size"]
    s = {"emb": ((vocab, N), 0, 0.7), "head.weight": (vocab, N), "head.lora_A.weight": (3, N), "head.lora_B.weight": (vocab, 3)}
    for name in ("near", "sinking"):
        s |= {name + ".%s_proj.weight" % p: (rows, N) for p, rows in dict(q=16, k=8, v=12).items()} | {name + ".o_proj.weight": (N, 24)}
    s |= {"sinking.sinks": (HEADS,), "norm_a.weight": ((N,), 0, 0.2), "norm_d.weight": ((N,), 1, 0.2)}
    s |= {name + ".weight": ((N,), 1, 0.2) for name in ("norm_b", "norm_c")} | {name + ".bias": (N,) for name in ("norm_b", "norm_c")}
    s |= {"cell.%s.weight" % g: (N, N) for g in "ifzo"}
    s |= {"cell.slstm._recurrent_kernel_": (HEADS, N // HEADS, N), "cell.slstm._bias_": (4 * N,)}
    s |= {"mlp_a.up_proj.weight": (INNER, N), "mlp_a.down_proj.weight": (N, INNER)}
    return s | {"mlp_b.gate_proj.weight": (2 * INNER, N), "mlp_b.down_proj.weight": (N, INNER)}


def turned(x, angles):
    """Elements 2 i and 2 i + 1 as a complex number, times e^(i angle)."""
    r = angles.shape[1]
    z = (x[..., 0 : 2 * r : 2] + 1j * x[..., 1 : 2 * r : 2]) * np.exp(1j * angles)[:, None]
    return np.concatenate([np.stack([z.real, z.imag], axis=-1).reshape(*x.shape[:-1], 2 * r), x[..., 2 * r :]], axis=-1)


def parts(w, at, x):
    return ((x @ w[at + ".%s_proj.weight" % name].T).reshape(len(x), h, -1) for name, h in (("q", HEADS), ("k", 2), ("v", 2)))


def near(w, x):
    q, k, v = parts(w, "near", x)
    angles = np.arange(len(x))[:, None] * (50 * 3.0 ** (4 / 2)) ** (-np.arange(2) / 2)
    return f.attend(turned(q, angles), turned(k, angles), v, 0.3, 5, 2).reshape(len(x), -1) @ w["near.o_proj.weight"].T


def sinking(w, x):
    q, k, v = parts(w, "sinking", x)
    angles = np.arange(len(x))[:, None] * np.ones(1)
    q, k, v = turned(q, angles), np.repeat(f.rotate(k, angles), 2, axis=1), np.repeat(v, 2, axis=1)
    score = np.einsum("thn,shn->hts", q, k) / 2
    score = np.where(np.tri(len(x), dtype=bool), score, -np.inf)
    sink = np.broadcast_to(w["sinking.sinks"][:, None, None], (HEADS, len(x), 1))
    p = f.softmax(np.concatenate([score, sink], axis=-1))[..., :-1]
    return np.einsum("hts,shm->thm", p, v).reshape(len(x), -1) @ w["sinking.o_proj.weight"].T


def cell(w, x):
    """c_t = f c_{t-1} + i z, n_t = f n_{t-1} + i, h_t = o c_t / n_t: without a stabiliser, as float64 has the range."""
    h, c, n, rows = np.zeros(N), 0, 0, []
    for t in range(len(x)):

        def gate(g):
            kernel, bias = w["cell.slstm._recurrent_kernel_"], w["cell.slstm._bias_"]
            kernel = kernel.reshape(HEADS, N // HEADS, 4, N // HEADS)[:, :, "ifzo".index(g)]
            again = np.einsum("hji,hj->hi", kernel, h.reshape(HEADS, -1)) + bias.reshape(HEADS, 4, -1)[:, "ifzo".index(g)]
            return w["cell.%s.weight" % g] @ x[t] + again.ravel()

        i, forget, z, o = np.exp(gate("i")), f.sigmoid(gate("f")), np.tanh(gate("z")), f.sigmoid(gate("o"))
        c, n = forget * c + i * z, forget * n + i
        h = o * c / n
        rows.append(h)
    return np.array(rows)


def forward(c, w, tokens):
    x = w["emb"][tokens]
    x = x + near(w, f.rmsnorm(x, 1 + w["norm_a.weight"], 1e-6))
    y = f.layernorm(x, w["norm_b.weight"], w["norm_b.bias"], 1e-5)
    x = x + np.maximum(y @ w["mlp_a.up_proj.weight"].T, 0) ** 2 @ w["mlp_a.down_proj.weight"].T
    x = x + sinking(w, f.layernorm(x, w["norm_c.weight"], w["norm_c.bias"], 1e-5))
    x = x + cell(w, x)
    gate, up = np.split(f.layernorm(x, w["norm_d.weight"], 0, 1e-5) @ w["mlp_b.gate_proj.weight"].T, 2, axis=1)
    x = x + (f.sigmoid(gate) * up) @ w["mlp_b.down_proj.weight"].T
    return x @ w["head.weight"].T + 2 * (x @ w["head.lora_A.weight"].T @ w["head.lora_B.weight"].T)


if __name__ == "__main__":
    f.main(CASES, shapes, forward, spec="Inputs/pieces.tern")
