#!/usr/bin/env python3
"""make_scripts.py: the text Inputs/scripts.txt: some characters of each general category of every block of Unicode, in
the surroundings that a pre-tokenizer tells apart; emoji, code, contractions and white space. Its ids by the tokenizer
that byte_level.test trains, Inputs/scripts.ids, are those of the reference implementation, as `hugging_face.mjs rust DIR
Inputs/scripts.txt` prints them. (The text is kept, because unicodedata grows with Python.)"""
import sys
import unicodedata

OTHERS = [
    "The dog's bone, they'RE here; we'll see 'tis, I'd've don't 'S 's''s", "it’s naïve—über…", "a1b2 c3d4 ①②Ⅳ ½ 12345678 1,234.5",
    "for (int i = 0; i < n; i++) {\treturn x[i] != NULL && y->z; }  // done", "    if x is None:", "\t\tdef f(self, *args): pass  ",
    "<a href=\"http://a.b/c?d=e&f=g#h\">link</a>", "$ make -j2 && ./run --out=/tmp/x | tee log", "\\frac{a}{b}^2 \\alpha_{ij}",
    "😀😃 👩‍👩‍👧‍👦👍🏽 🇩🇪 ❤️ 🏴󠁧󠁢󠁥󠁮󠁧󠁿x", "  two  three   four    ", "\u00a0x\u00a0\u00a0y \u2003 z\u3000\u3000", "x \u2028y\u2029 z\u0085w\u1680v \u200b\ufeffq",
    "\r x \r\r\v\f\t y", "<|endoftext|>a<|endoftext|> b <|endoftext|>", "<|im_start|>user hi<|im_end|>", "_x__y_ ' '' '' s 're",
    "привет мир, שלום עולם! مرحبا नमस्ते दुनिया こんにちは世界。你好，世界 안녕하세요 สวัสดีชาวโลก გამარჯობა አማርኛ",
    "e\u0301a\u0323\u0301 Å Å ﬁ ㎏ ǅ ʰ ͅ", "\u0000\u0001\u007f\u0080\u009f\u00ad", "\ue000\uf8ff\U0010fffd \ufdd0\uffff",
]


def main():
    lines = list(OTHERS)
    last = None
    for page in range(0, 0x110000, 0x100):
        found = {}
        for c in range(page, page + 0x100):
            kind = unicodedata.category(chr(c))
            if kind not in ("Cs", "Co", "Cn", "Cc"):
                found.setdefault(kind, []).append(chr(c))
        if not found or list(found) == last == ["Lo"]:
            continue  # the middle of a long block
        last = list(found)
        picked = [x for kind in sorted(found) for x in (found[kind][0], found[kind][-1])]
        lines.append("".join(picked[::2]) + " " + " ".join(picked[1::2]) + "1" + picked[0] + "a" + picked[-1] + "  " + picked[0])
    sys.stdout.buffer.write(("\n".join(line.replace("\n", "") for line in lines) + "\n").encode())


main()
