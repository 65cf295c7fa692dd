#!/usr/bin/env python3
"""bpe.py TERNC TOKENIZE_TOOL FOLDER: byte-level BPE written plainly, against what `ternc tokenizer` trains and what
the runtime encodes.

Training counts all pairs anew for every merge; encoding looks for the best pair anew for every merge. Words are found
by a regular expression over the classes of the characters, as unicodedata has them; a byte that belongs to no character
is a character of its own, neither letter nor number nor white space."""
import json
import os
import re
import subprocess
import sys
import unicodedata

LETTERS = "Lsterevmld"  # letters that endings are made of stand for themselves
WORD = re.compile("'s|'t|'re|'ve|'m|'ll|'d| ?[%s]+| ?N+| ?['o]+|[ w]+(?![^ w])|[ w]+" % LETTERS)
WHITE = set("\t\n\v\f\r\x85\u2028\u2029")
END = b"<|endoftext|>"


def class_of(c):
    kind = unicodedata.category(c)
    if c in " 'sterevmld":
        return c
    return "w" if c in WHITE or kind == "Zs" else kind[0] if kind[0] in "LN" else "o"


def words(data):
    for stretch in data.split(END):
        text = stretch.decode("utf-8", "surrogateescape")
        for m in WORD.finditer("".join(map(class_of, text))):
            yield text[m.start():m.end()].encode("utf-8", "surrogateescape")


def alphabet():
    """byte -> the character that files have for it"""
    kept = [b for b in range(256) if 33 <= b <= 126 or 161 <= b <= 172 or 174 <= b <= 255]
    others = [b for b in range(256) if b not in kept]
    return {**{b: chr(b) for b in kept}, **{b: chr(256 + i) for i, b in enumerate(others)}}


CHARACTER = alphabet()


def spelt(piece):
    return "".join(CHARACTER[b] for b in piece)


def replace(tokens, pair, new):
    out, i = [], 0
    while i < len(tokens):
        if tuple(tokens[i:i + 2]) == pair:
            out.append(new)
            i += 2
        else:
            out.append(tokens[i])
            i += 1
    return out


def train(data, vocab):
    """The pieces by id, and the merges as pairs of ids."""
    pieces = [END] + [bytes([b]) for b in sorted(range(256), key=CHARACTER.get)]
    ids = {p: i for i, p in enumerate(pieces) if i}
    counts = {}
    for w in words(data):
        counts[w] = counts.get(w, 0) + 1
    known = [([ids[bytes([b])] for b in w], n) for w, n in counts.items()]
    merges = []
    while len(pieces) < vocab:
        pairs = {}
        for tokens, n in known:
            for pair in zip(tokens, tokens[1:]):
                pairs[pair] = pairs.get(pair, 0) + n
        pairs = {p: n for p, n in pairs.items() if len(pieces[p[0]]) + len(pieces[p[1]]) <= 4096}
        if not pairs:
            break
        best = min(pairs, key=lambda p: (-pairs[p], p))
        piece = pieces[best[0]] + pieces[best[1]]
        if piece not in ids:
            ids[piece] = len(pieces)
            pieces.append(piece)
        if best not in merges:
            merges.append(best)
        known = [(replace(tokens, best, ids[piece]), n) for tokens, n in known]
    return pieces, merges


def encode(data, pieces, merges):
    ids = {p: i for i, p in enumerate(pieces)}
    ranks = {pair: i for i, pair in enumerate(merges)}
    out = []
    for w in words(data):
        tokens = [ids[bytes([b])] for b in w]
        while True:
            best = min((p for p in zip(tokens, tokens[1:]) if p in ranks), key=ranks.get, default=None)
            if best is None:
                break
            i = list(zip(tokens, tokens[1:])).index(best)
            tokens[i:i + 2] = [ids[pieces[best[0]] + pieces[best[1]]]]
        out += tokens
    return out


def check(holds, what):
    if not holds:
        sys.exit("DIFFERENT: " + what)
    print("equal: " + what)


def made_text(kind, seed, lines):
    tool = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tokenizer/make_text.py")
    return subprocess.run([sys.executable, tool, kind, str(seed), str(lines)], capture_output=True, check=True).stdout


def main():
    ternc, tool, folder = sys.argv[1:]
    nasty = b"".join(line + b"\n" for line in made_text("nasty", 11, 80).split(b"\n") if len(line) < 2000)
    texts = {
        "prose": (made_text("prose", 5, 120), 600),
        "nasty": (nasty, 400),
        "invalid": (made_text("invalid", 6, 50), 400),
        "repeated": (b"a" * 9 + b" " + b"ab" * 33 + b"\n" + b"aabaabaaab" * 7 + END + b"b" * 20000 + END * 2 + b"\xff" * 70, 300),
        "exhausted": (b"one two one", 1000),
    }
    for name, (data, vocab) in texts.items():
        path, out = os.path.join(folder, name + ".txt"), os.path.join(folder, name)
        with open(path, "wb") as f:
            f.write(data)
        subprocess.run([ternc, "tokenizer", "--train", path, "--vocab", str(vocab), "-o", out, "-q"], check=True)
        pieces, merges = train(data, vocab)
        with open(os.path.join(out, "tokenizer.json"), encoding="utf-8") as f:
            model = json.load(f)["model"]
        expected = {END.decode(): 0, **{spelt(p): i for i, p in enumerate(pieces) if i}}
        check(model["vocab"] == expected, "%s: vocabulary of %d" % (name, len(pieces)))
        check(model["merges"] == ["%s %s" % (spelt(pieces[a]), spelt(pieces[b])) for a, b in merges], name + ": merges")
        for text in ("nasty", "invalid"):
            lines = texts[text][0].split(b"\n")[:-1]
            with open(os.path.join(folder, "lines"), "wb") as f:
                f.write(b"".join(line + b"\n" for line in lines))
            got = subprocess.run([tool, out, os.path.join(folder, "lines")], capture_output=True, check=True, text=True)
            check(got.stdout.split("\n")[:-1] == [" ".join(map(str, encode(line, pieces, merges))) for line in lines],
                  "%s: ids of %s" % (name, text))


main()
