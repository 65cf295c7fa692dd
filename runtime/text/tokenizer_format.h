/* tokenizer_format.h: layout of the tokenizer's flat block, shared by the reader (runtime/text/tokenizer.c)
 * and by ternc, which writes it (frontend/checkpoint/tokenizer_block.c).
 *
 * The block is a header and a few tables ("sections"), each an array of fixed-size little-endian records that
 * starts on a multiple of 8 bytes from the header. Tables refer to each other by index and to text by a span
 * of the strings section, so the block works wherever it is mapped, as long as its start is a multiple of 8.
 * Equal tokenizers give equal bytes: padding is zero and every table has one defined order. */
#ifndef TERN_RUNTIME_TOKENIZER_FORMAT_H
#define TERN_RUNTIME_TOKENIZER_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#define TOKENIZER_MAGIC "TERNTOK4" /* the last letter counts versions of the format */
/* U+2581, what SentencePiece writes for a blank inside pieces. */
#define TOKENIZER_BLANK "\xE2\x96\x81"
enum { TOKENIZER_BLANK_BYTES = 3, TOKENIZER_ALIGN = 8 };

/* Limits, so that sizes stay within 32 bits and recursion over a piece stays shallow. */
enum { TOKENIZER_MAX_TOKENS = 1 << 22, TOKENIZER_MAX_PIECE = 4096 };

enum tokenizer_flag {
  /* How merges are chosen: any pair whose joined text is a piece, by the piece's rank (SentencePiece), or,
   * with PAIR_MERGES, the pairs of the merges section by their index (Hugging Face). */
  TOKENIZER_PAIR_MERGES = 1 << 0,
  /* SentencePiece's normalizer_spec and trainer_spec. */
  TOKENIZER_ADD_DUMMY = 1 << 1,       /* a blank in front of the text */
  TOKENIZER_DUMMY_IS_SUFFIX = 1 << 2, /* ... or behind it (treat_whitespace_as_suffix) */
  TOKENIZER_REMOVE_EXTRA = 1 << 3,    /* no blanks at the ends, single ones inside */
  TOKENIZER_ESCAPE = 1 << 4,          /* ' ' -> U+2581 */
  /* tokenizer.json: the normalizer, then the pre-tokenizer. */
  TOKENIZER_PREPEND = 1 << 5,        /* U+2581 in front of every stretch of text between added tokens */
  TOKENIZER_REPLACE = 1 << 6,        /* ' ' -> U+2581 before normalized added tokens are looked for */
  TOKENIZER_META_REPLACE = 1 << 7,   /* ... or after it */
  TOKENIZER_META_PREPEND = 1 << 8,   /* U+2581 in front where there is none yet */
  TOKENIZER_META_FIRST = 1 << 9,     /* META_PREPEND only where the text begins */
  TOKENIZER_META_SPLIT = 1 << 10,    /* merges do not cross a boundary in front of U+2581 */
  TOKENIZER_IGNORE_MERGES = 1 << 11, /* a word that is a piece is taken whole */
  TOKENIZER_FUSE_UNK = 1 << 12,      /* a run of unknown characters is one UNK */
  /* Decoding: the first token's leading blank is not text. */
  TOKENIZER_DROP_FIRST_BLANK = 1 << 13,
  /* ADD_DUMMY only where the text begins, not behind an added token. */
  TOKENIZER_DUMMY_FIRST = 1 << 14,
  /* Pieces are bytes (with PAIR_MERGES): words are cut out of the text by the rules section, and each begins
   * as the tokens of its bytes. No byte is changed, so any text comes back as it was. */
  TOKENIZER_BYTE_LEVEL = 1 << 15,
  TOKENIZER_PREFIX_SPACE = 1 << 16, /* ' ' in front of a stretch between added tokens that begins otherwise */
  TOKENIZER_NFC = 1 << 17, /* a stretch is in Unicode's normalization form C first; BYTE_LEVEL only */
  TOKENIZER_ALL_FLAGS = (1 << 18) - 1
};

/* The numbers are those of SentencePiece's ModelProto.SentencePiece.Type. */
enum tokenizer_type {
  TOKENIZER_NORMAL = 1,
  TOKENIZER_UNKNOWN = 2,
  TOKENIZER_CONTROL = 3,
  TOKENIZER_USER_DEFINED = 4,
  TOKENIZER_UNUSED = 5,
  TOKENIZER_BYTE = 6
};

enum tokenizer_section {
  TOKENIZER_TOKENS,      /* struct tokenizer_token, by id */
  TOKENIZER_PIECES,      /* uint32_t: open hash table of id + 1 (0: empty) by the piece's bytes */
  TOKENIZER_BYTES,       /* uint32_t[256]: the token of each byte; empty: no byte fallback. With BYTE_LEVEL
                            TOKENIZER_NO_BYTE where there is none */
  TOKENIZER_MERGES,      /* struct tokenizer_merge, by rank */
  TOKENIZER_MERGE_SLOTS, /* uint32_t: open hash table of index + 1 of merges, by (left, right) */
  TOKENIZER_SYMBOLS,     /* struct tokenizer_match, ascending by text: SentencePiece's user-defined symbols */
  TOKENIZER_ADDED,       /* ... added tokens: cut out of the text as it is given */
  TOKENIZER_LATE_ADDED,  /* ... those that are cut out of the normalized text */
  TOKENIZER_TRIE,        /* uint32_t: Darts double array of the precompiled charsmap */
  TOKENIZER_REPLACEMENTS, /* bytes: what the trie's values point to; every string ends in a zero */
  TOKENIZER_STRINGS,      /* bytes that spans refer to */
  TOKENIZER_PREFIX,       /* uint32_t: ids in front of a text */
  TOKENIZER_SUFFIX,       /* uint32_t: ids behind a text that is whole */
  TOKENIZER_ENDS,         /* uint32_t: ids that end a text, the first of them the header's eos */
  TOKENIZER_WORDS,        /* struct tokenizer_range, ascending: characters of words; empty: no token asks */
  TOKENIZER_RULES,        /* struct tokenizer_rule, in the order in which they are tried; BYTE_LEVEL only */
  TOKENIZER_PAGES,     /* uint8_t: the page of classes of every TOKENIZER_PAGE code points; BYTE_LEVEL only */
  TOKENIZER_CLASSES,   /* uint8_t[TOKENIZER_PAGE] a page: the class of each code point */
  TOKENIZER_NFC_PAGES, /* as PAGES, of NFC_CLASSES; all of these with NFC only */
  TOKENIZER_NFC_CLASSES,    /* uint8_t[TOKENIZER_PAGE] a page: what normalization does at each code point */
  TOKENIZER_DECOMPOSITIONS, /* struct tokenizer_decomposition, ascending; none of Hangul */
  TOKENIZER_DECOMPOSED,     /* uint32_t: what they refer to */
  TOKENIZER_COMPOSITIONS,   /* struct tokenizer_composition, ascending; none of Hangul */
  TOKENIZER_SECTIONS
};
#define TOKENIZER_NO_BYTE UINT32_MAX

struct tokenizer_span {
  uint32_t at, n; /* n bytes from byte `at` of the strings */
};

struct tokenizer_token {
  struct tokenizer_span piece; /* as it is matched */
  struct tokenizer_span text;  /* as it is printed; a leading blank may have to go (DROP_FIRST_BLANK) */
  uint32_t rank;               /* order of merging into it: lower first; equal scores have equal ranks */
  uint32_t type;               /* enum tokenizer_type */
};

struct tokenizer_merge {
  uint32_t left, right, result;
};

enum tokenizer_how {
  TOKENIZER_STRIP_LEFT = 1, /* blanks around a match belong to it */
  TOKENIZER_STRIP_RIGHT = 2,
  TOKENIZER_SINGLE_WORD = 4, /* not within a word */
  TOKENIZER_SPECIAL = 8,     /* found only where special tokens are looked for */
  TOKENIZER_MARKER = 16,     /* a special one whose presence makes a text chat text */
  TOKENIZER_ALL_HOW = 31
};
struct tokenizer_match {
  struct tokenizer_span text;
  uint32_t id, how;
};

struct tokenizer_range {
  uint32_t first, last; /* code points */
};

/* Classes of characters: the general categories of Unicode, in the order Cn Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No
 * Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Cs Co, less what patterns name by itself. A byte that
 * belongs to no character is of the class of U+FFFD, So. */
enum tokenizer_class {
  TOKENIZER_CLASS_OTHER = 22, /* So */
  TOKENIZER_CLASS_BLANK = 30, /* U+0020 */
  TOKENIZER_CLASS_LINE = 31,  /* U+000A, U+000D */
  TOKENIZER_CLASS_SPACE = 32, /* the other control characters that are White_Space */
  TOKENIZER_CLASS_COUNT
};
enum { TOKENIZER_PAGE = 256, TOKENIZER_PAGE_COUNT = 0x110000 / TOKENIZER_PAGE, TOKENIZER_MAX_RULES = 32 };

/* How a pattern of a pre-tokenizer finds the next word: an alternative of its regular expression. Sets of
 * classes have bit 1 << class. */
enum tokenizer_rule_kind {
  TOKENIZER_ENDING = 1, /* 's|'t|'re|'ve|'m|'ll|'d; `most` 1: capitals as well */
  TOKENIZER_RUN = 2,    /* lead? body{1,most} tail*; an empty lead or tail is none, `most` 0 is no bound */
  TOKENIZER_UNTIL = 3,  /* body* tail+, where tail is part of body: as far as the last tail of a run */
  TOKENIZER_BEFORE = 4  /* body+(?!outside): a run of body, less its last one where something follows */
};
struct tokenizer_rule {
  uint32_t kind, most;
  uint64_t lead, body, tail;
};

/* In NFC_CLASSES: the canonical combining class; 0 where nothing in front can change a character, which so
 * begins a segment that is normalized by itself; of class 0 and not so: JOINS. */
enum { TOKENIZER_NFC_JOINS = 255 };
struct tokenizer_decomposition {
  uint32_t code, at, n; /* to n code points from number `at` of DECOMPOSED, canonical and in full */
};
struct tokenizer_composition {
  uint32_t first, second, result;
};

struct tokenizer_header {
  char magic[8];
  uint64_t checksum; /* tokenizer_checksum of the block's bytes after this field */
  uint64_t bytes;    /* of the whole block; a multiple of 8 */
  uint32_t flags;
  int32_t unk, bos, eos; /* ids, -1: none; bos and eos may lie beyond the tokens */
  struct {
    uint32_t at, count; /* byte offset, number of records */
  } section[TOKENIZER_SECTIONS];
};

enum { TOKENIZER_CHECKED_FROM = 16 }; /* offset of the first byte that the checksum covers */

/* `bytes` is a multiple of 8 and `p` aligned to it. */
static inline uint64_t tokenizer_checksum(const void *p, size_t bytes) {
  const uint64_t *words = p;
  uint64_t h = bytes;
  for (size_t i = 0; i < bytes / 8; i++) {
    h = (h ^ words[i]) * UINT64_C(0x9E3779B97F4A7C15);
    h ^= h >> 29;
  }
  return h;
}

/* Hash of a piece: FNV-1a, its bits mixed for tables of a power of two. */
static inline uint32_t tokenizer_hash(const char *s, size_t n) {
  uint32_t h = 2166136261u;
  for (size_t i = 0; i < n; i++)
    h = (h ^ (uint8_t)s[i]) * 16777619u;
  return h ^ h >> 15;
}

static inline uint32_t tokenizer_hash_pair(uint32_t left, uint32_t right) {
  uint64_t h = ((uint64_t)left << 32 | right) * UINT64_C(0x9E3779B97F4A7C15);
  return (uint32_t)(h >> 32 ^ h >> 47);
}

#endif
