"""xLSTM of both kinds of blocks, as the package xlstm has them. mLSTM in its parallel form, sLSTM step by step without its
stabiliser, which float64 does not need."""

import math, sys

sys.dont_write_bytecode = True
import families as f
import numpy as np

BASE = dict(
    vocab_size=37, embedding_dim=16, num_blocks=3, slstm_at=[1], bias=False, tie_weights=False, add_post_blocks_norm=True,
    context_length=64, mlstm_block=dict(mlstm=dict(conv1d_kernel_size=4, qkv_proj_blocksize=4, num_heads=2, proj_factor=2.0)),
    slstm_block=dict(
        slstm=dict(backend="cuda", num_heads=4, conv1d_kernel_size=3), feedforward=dict(proj_factor=1.3, act_fn="gelu")
    ),
)
CASES = {"both": BASE, "biased": BASE | dict(bias=True, slstm_at=[0, 2], tie_weights=True)}


def inner(c):
    return 64 * math.ceil(c["mlstm_block"]["mlstm"]["proj_factor"] * c["embedding_dim"] / 64)


def shapes(c):
    h, vocab, m, s_heads = c["embedding_dim"], c["vocab_size"], inner(c), c["slstm_block"]["slstm"]["num_heads"]
    part, ffn = c["mlstm_block"]["mlstm"]["qkv_proj_blocksize"], 64 * math.ceil(1.3 * h / 64)
    s = {"token_embedding.weight": ((vocab, h), 0, 0.7), "xlstm_block_stack.post_blocks_norm.weight": ((h,), 0, 0.2)}
    for i in range(c["num_blocks"]):
        at = "xlstm_block_stack.blocks.%d." % i
        s[at + "xlstm_norm.weight"] = ((h,), 0, 0.2)
        if i in c["slstm_at"]:
            s |= {at + "xlstm.conv1d.conv.weight": (h, 1, c["slstm_block"]["slstm"]["conv1d_kernel_size"]), at + "xlstm.conv1d.conv.bias": (h,)}
            s |= {at + "xlstm.%sgate.weight" % name: (s_heads, h // s_heads, h // s_heads) for name in "fizo"}
            s |= {at + "xlstm.slstm_cell._recurrent_kernel_": (s_heads, h // s_heads, 4 * h // s_heads), at + "xlstm.slstm_cell._bias_": (4 * h,)}
            s |= {at + "xlstm.group_norm.weight": ((h,), 0, 0.2), at + "ffn_norm.weight": ((h,), 0, 0.2)}
            s |= {at + "ffn.proj_up.weight": (2 * ffn, h), at + "ffn.proj_down.weight": (h, ffn)}
            continue
        at += "xlstm."
        s |= {at + "proj_up.weight": (2 * m, h), at + "proj_down.weight": (h, m), at + "learnable_skip": (m,)}
        s |= {at + "conv1d.conv.weight": (m, 1, 4), at + "conv1d.conv.bias": (m,), at + "mlstm_cell.outnorm.weight": ((m,), 0, 0.2)}
        s |= {at + "%s_proj.weight" % name: (m // part, part, part) for name in "qkv"}
        for name in "if":
            s |= {at + "mlstm_cell.%sgate.weight" % name: (2, 3 * m), at + "mlstm_cell.%sgate.bias" % name: (2,)}
        if c["bias"]:
            s |= {at + "proj_up.bias": (2 * m,), at + "proj_down.bias": (h,)} | {at + "%s_proj.bias" % name: (m,) for name in "qkv"}
    return s if c["tie_weights"] else s | {"lm_head.weight": (vocab, h)}


def norm(x, w):
    return f.layernorm(x, 1 + w, 0, 1e-5)


def head_norm(x, w):
    """x [T, heads, n]"""
    return f.layernorm(x, 1, 0, 1e-5).reshape(len(x), -1) * (1 + w)


def headwise(w, at, x):
    parts = w[at + ".weight"]
    y = np.einsum("thd,hod->tho", x.reshape(len(x), len(parts), -1), parts)
    return y.reshape(len(x), -1) + w.get(at + ".bias", 0)


def mlstm(w, x):
    y, z = np.split(x @ w["proj_up.weight"].T + w.get("proj_up.bias", 0), 2, axis=1)
    seen = f.silu(f.causal_conv(y, w["conv1d.conv.weight"], w["conv1d.conv.bias"]))
    q, k, v = headwise(w, "q_proj", seen), headwise(w, "k_proj", seen), headwise(w, "v_proj", y)
    qkv = np.concatenate([q, k, v], axis=1)
    i, forget = (qkv @ w["mlstm_cell.%sgate.weight" % g].T + w["mlstm_cell.%sgate.bias" % g] for g in "if")
    q, k, v = (part.reshape(len(x), 2, -1) for part in (q, k, v))
    total = np.cumsum(-f.softplus(-forget), axis=0).T  # of logarithms of forget gates, [heads, T]
    d = np.where(np.tri(len(x), dtype=bool), total[:, :, None] - total[:, None, :] + i.T[:, None, :], -np.inf)
    top = np.max(d, axis=-1, keepdims=True)
    score = np.einsum("thn,shn->hts", q, k) / np.sqrt(q.shape[2]) * np.exp(d - top)
    size = np.maximum(np.abs(np.sum(score, axis=-1, keepdims=True)), np.exp(-top)) + 1e-6
    h = head_norm(np.einsum("hts,shn->thn", score / size, v), w["mlstm_cell.outnorm.weight"])
    return ((h + w["learnable_skip"] * seen) * f.silu(z)) @ w["proj_down.weight"].T + w.get("proj_down.bias", 0)


def slstm(w, x):
    seen = f.silu(f.causal_conv(x, w["conv1d.conv.weight"], w["conv1d.conv.bias"]))
    gates = [headwise(w, "fgate", seen), headwise(w, "igate", seen), headwise(w, "zgate", x), headwise(w, "ogate", x)]
    kernel = w["slstm_cell._recurrent_kernel_"]
    heads, n = kernel.shape[:2]
    bias = w["slstm_cell._bias_"].reshape(heads, 4, n)
    h, c, total, rows = np.zeros((heads, n)), 0, 0, []
    for t in range(len(x)):
        again = np.einsum("hj,hjgk->hgk", h, kernel.reshape(heads, n, 4, n)) + bias
        i, forget, z, o = (gate[t].reshape(heads, n) + again[:, g] for g, gate in enumerate(gates))
        c = f.sigmoid(forget) * c + np.exp(i) * np.tanh(z)
        total = f.sigmoid(forget) * total + np.exp(i)
        h = f.sigmoid(o) * c / total
        rows.append(h)
    return head_norm(np.array(rows), w["group_norm.weight"])


def forward(c, w, tokens):
    erf = np.vectorize(math.erf)
    x = w["token_embedding.weight"][tokens]
    for i in range(c["num_blocks"]):
        p = f.layers(w, "xlstm_block_stack.blocks.%d." % i)
        layer = slstm if i in c["slstm_at"] else mlstm
        x = x + layer(f.layers(p, "xlstm."), norm(x, p["xlstm_norm.weight"]))
        if i in c["slstm_at"]:
            gate, up = np.split(norm(x, p["ffn_norm.weight"]) @ p["ffn.proj_up.weight"].T, 2, axis=1)
            x = x + (gate * (1 + erf(gate / np.sqrt(2))) / 2 * up) @ p["ffn.proj_down.weight"].T
    head = w["token_embedding.weight"] if c["tie_weights"] else w["lm_head.weight"]
    return norm(x, w["xlstm_block_stack.post_blocks_norm.weight"]) @ head.T


if __name__ == "__main__":
    f.main(CASES, shapes, forward, spec="../../examples/xlstm/blocks.tern", limit=1e-7)  # erf is near the true one by so much
