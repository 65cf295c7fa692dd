#!/usr/bin/env python3
"""make_text.py KIND SEED LINES: text to train and to compare tokenizers on, the same for the same arguments.

plain    words of made-up syllables, ASCII only
prose    the same with some accents and other scripts; what models are trained on
nasty    valid UTF-8 that tokenizers differ on: all planes, combining marks, runs of blanks, controls, long words
invalid  nasty lines with bytes cut, changed and put in, so that they are no valid UTF-8; zeros too
"""
import random
import sys

SYLLABLES = "ba be bi ca ce co da de do el en er fa fe fo ga ha he hi in is ka la le li ma me mo na ne no on or pa " \
    "ra re ro sa se so st ta te th ti to un va ve vi wa we wo ya the ing and tion".split()
ACCENTED = "café naïve Übermut señor Ærø čaj łódź İstanbul ﬁne ½ Å Å ㎏ ① Ⅳ ｆｕｌｌ ﷺ".split()
SCRIPTS = ["привет мир", "γειά σου", "שלום עולם", "مرحبا", "नमस्ते", "こんにちは世界", "你好世界", "안녕하세요",
           "สวัสดี", "გამარჯობა", "አማርኛ"]
BLANKS = [" ", "  ", "   ", " " * 9, "\t", "\t\t", "\u00a0", "\u2003", "\u3000", "\u200b", "\u2028", "\u0085",
          "\ufeff", "\r", "\v", "\f", "\u2581", "\u2581\u2581", " \u2581 "]
EMOJI = ["😀", "👩‍👩‍👧‍👦", "👍🏽", "🇩🇪", "❤️", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"]
MARKUP = ["<s>", "</s>", "<unk>", "<0x0A>", "<0x", "<|user|>", "<mask>", "[X Y]", "@@", "##", "http://a.b/c?d=e"]
# ranges of code points; surrogates are left out
BLOCKS = [(0x20, 0x7E), (0x00, 0x1F), (0x7F, 0xFF), (0x100, 0x24F), (0x300, 0x36F), (0x370, 0x52F), (0x590, 0x6FF),
          (0x900, 0xDFF), (0x1100, 0x11FF), (0x1E00, 0x1FFF), (0x2000, 0x2BFF), (0x3000, 0x33FF), (0x4E00, 0x9FFF),
          (0xAC00, 0xD7A3), (0xE000, 0xE0FF), (0xF900, 0xFFFD), (0x10000, 0x10FFF), (0x1D400, 0x1D7FF),
          (0x1F300, 0x1FAFF), (0x20000, 0x2A6DF), (0xE0000, 0xE01EF), (0x10FF00, 0x10FFFF)]


def word(r):
    w = "".join(r.choice(SYLLABLES) for _ in range(r.choice((1, 1, 2, 2, 3, 5))))
    return r.choice((w, w, w, w, w.capitalize(), w.upper(), w + r.choice(",.;:!?'"), str(r.randrange(3000))))


def plain(r):
    return " ".join(word(r) for _ in range(r.randrange(3, 20)))


def prose(r):
    words = plain(r).split()
    for _ in range(r.choice((0, 0, 0, 1, 2))):
        words.insert(r.randrange(len(words)), r.choice(ACCENTED + SCRIPTS))
    return " ".join(words)


def characters(r):
    low, high = r.choice(BLOCKS)
    return "".join(chr(r.randint(low, high)) for _ in range(r.randrange(1, 12)))


def repeated(r):
    unit = r.choice((" ", "a", "ab", "the", "\u2581", "é", "世", "😀", "=", "-", "0", word(r)))
    return unit * r.choice((2, 3, 5, 17, 64, 300))


def nasty(r):
    kinds = (word, word, word, characters, characters, repeated, lambda r: r.choice(BLANKS),
             lambda r: r.choice(BLANKS), lambda r: r.choice(EMOJI), lambda r: r.choice(MARKUP),
             lambda r: r.choice(ACCENTED), lambda r: r.choice(SCRIPTS), lambda r: word(r) + "\u0301\u0323")
    parts = [r.choice(kinds)(r) for _ in range(r.choice((0, 1, 1, 2, 3, 8, 20, 40)))]
    line = r.choice((" ", "", "  ")).join(parts)
    return line.replace("\n", "")


def invalid(r):
    line = bytearray(nasty(r).encode())
    for _ in range(r.randrange(1, 6)):
        at = r.randrange(len(line) + 1)
        bad = bytes(r.choice((0x00, 0x80, 0xBF, 0xC0, 0xC1, 0xE0, 0xED, 0xA0, 0xF0, 0xF4, 0x90, 0xF8, 0xFE, 0xFF))
                    for _ in range(r.randrange(1, 4)))
        line[at:at + r.randrange(3)] = bad
    return bytes(b for b in line if b != 10)


def main():
    kind, seed, lines = sys.argv[1], sys.argv[2], int(sys.argv[3])
    make = {"plain": plain, "prose": prose, "nasty": nasty, "invalid": invalid}[kind]
    r = random.Random(kind + seed)
    for i in range(lines):
        line = make(r)
        sys.stdout.buffer.write((line if isinstance(line, bytes) else line.encode()) + b"\n")
    if kind == "nasty":  # one very long word, one very long run of words
        sys.stdout.buffer.write(("".join(word(r) for _ in range(20000))).encode() + b"\n")
        sys.stdout.buffer.write(("the " * 20000).encode() + b"\n")


main()
