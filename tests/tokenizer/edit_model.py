#!/usr/bin/env python3
"""edit_model.py unused IN OUT N     a SentencePiece model with every N-th piece of several characters made UNUSED,
                                  which SentencePiece gives as the pieces they were merged from
edit_model.py json IN OUT VARIANT  the model as a tokenizer.json (merges: every pair whose join is a piece, by score)
    VARIANT is a list of words joined by "+":
    prepend | metaspace | first | never | old   what puts U+2581 in front
    pairs    merges as ["a", "b"] rather than "a b"
    split    Metaspace's split
    ignore   ignore_merges
    nofuse   fuse_unk false
    added    added tokens of all kinds

The model is read as a protocol buffer by hand: field 1 of the message is a piece, in which field 1 is the text,
field 2 the score and field 3 the type (absent: 1, a normal piece)."""
import json
import struct
import sys


def varint(b, i):
    value = shift = 0
    while True:
        value |= (b[i] & 127) << shift
        shift += 7
        i += 1
        if b[i - 1] < 128:
            return value, i


def to_varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytes([n]))


def fields(b):
    """(number, bytes of the whole field, payload of a length-delimited one) of a message"""
    i = 0
    while i < len(b):
        start = i
        key, i = varint(b, i)
        payload = None
        if key & 7 == 0:
            _, i = varint(b, i)
        elif key & 7 == 2:
            n, i = varint(b, i)
            payload = b[i:i + n]
            i += n
        else:
            i += 8 if key & 7 == 1 else 4
        yield key >> 3, b[start:i], payload


def read(path):
    """(text, score, type) of each piece"""
    for number, _, payload in fields(open(path, "rb").read()):
        if number == 1:
            piece = {n: (w, p) for n, w, p in fields(payload)}
            score = struct.unpack("<f", piece[2][0][1:])[0] if 2 in piece else 0.0
            yield piece[1][1].decode(), score, varint(piece[3][0], 1)[0] if 3 in piece else 1


def mark_unused(source, every):
    seen, out = 0, b""
    for number, whole, payload in fields(open(source, "rb").read()):
        if number == 1:
            piece = {n: p for n, _, p in fields(payload)}
            if 3 not in piece and len(piece[1].decode()) > 1:
                seen += 1
                if seen % every == 0:
                    payload += b"\x18\x05"
            whole = b"\x0a" + to_varint(len(payload)) + payload
        out += whole
    return out


def merges(pieces):
    ids = {text: i for i, (text, _, kind) in enumerate(pieces) if kind == 1}
    found = []
    for text, i in ids.items():
        for at in range(1, len(text)):
            left, right = text[:at], text[at:]
            if left in ids and right in ids:
                found.append((-pieces[i][1], ids[left], ids[right], left, right))
    return [(left, right) for _, _, _, left, right in sorted(found)]


PREPEND = {"type": "Prepend", "prepend": "\u2581"}
REPLACE = {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
FRONT = {
    "prepend": ({"type": "Sequence", "normalizers": [PREPEND, REPLACE]}, None),
    "metaspace": (None, {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": False}),
    "first": (None, {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "first", "split": False}),
    "never": (None, {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "never", "split": False}),
    "old": (None, {"type": "Metaspace", "replacement": "\u2581", "add_prefix_space": True, "str_rep": "\u2581"}),
    "gemma": (REPLACE, {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious",
                        "invert": False}),
}

ADDED = [("<mask>", {}), ("[X Y]", {"lstrip": True}), ("@@", {"rstrip": True}), ("@@@", {}),
         ("the", {"normalized": True}), ("##", {"lstrip": True, "rstrip": True})]


def added(id, content, **changes):
    token = {"id": id, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": False, "special": False}
    return {**token, **changes}


def to_json(source, variant):
    words = variant.split("+")
    pieces = list(read(source))
    normalizer, pre_tokenizer = FRONT[words[0]]
    if "split" in words:
        pre_tokenizer["split"] = True
    tokens = [added(i, text, special=True) for i, (text, _, kind) in enumerate(pieces) if kind in (2, 3)]
    if "added" in words:
        ids, new = {text: i for i, (text, _, _) in enumerate(pieces)}, len(pieces)
        for content, how in ADDED:
            tokens.append(added(ids.get(content, new), content, **how))
            new += content not in ids
    pairs = merges(pieces)
    model = {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
             "end_of_word_suffix": None, "fuse_unk": "nofuse" not in words,
             "byte_fallback": any(kind == 6 for _, _, kind in pieces), "ignore_merges": "ignore" in words,
             "vocab": {text: i for i, (text, _, _) in enumerate(pieces)},
             "merges": [list(p) for p in pairs] if "pairs" in words else [" ".join(p) for p in pairs]}
    whole = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": tokens, "normalizer": normalizer,
             "pre_tokenizer": pre_tokenizer, "post_processor": None, "decoder": None, "model": model}
    return json.dumps(whole, ensure_ascii=False, indent=1).encode()


def main():
    kind, source, target, how = sys.argv[1:]
    out = mark_unused(source, int(how)) if kind == "unused" else to_json(source, how)
    open(target, "wb").write(out)


main()
