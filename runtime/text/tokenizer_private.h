/* tokenizer_private.h: what the files of the tokenizer share: the opened tables, a text being encoded,
 * and the steps from text to ids (normalize -> symbols -> merges -> ids). */
#ifndef TERN_RUNTIME_TOKENIZER_PRIVATE_H
#define TERN_RUNTIME_TOKENIZER_PRIVATE_H

#include "runtime/core/base.h"
#include "runtime/text/tokenizer.h"
#include "runtime/text/tokenizer_format.h"

#define NO_ID UINT32_MAX

/* A section of the block, typed by its user. */
struct tokenizer_table {
  const void *at;
  uint32_t count;
};

struct tokenizer {
  const struct tokenizer_header *header;
  const struct tokenizer_token *tokens;
  const char *strings;
  struct tokenizer_table table[TOKENIZER_SECTIONS];
  uint32_t flags;
  bool has_unused;        /* some piece must be taken apart again after merging */
  uint32_t longest_added; /* bytes of the longest added token */
  uint32_t starts[256];   /* by byte: the sections (1 << section) with a match that begins so */
};

/* Bytes that grow. */
struct text {
  char *at;
  size_t n, cap;
};

/* One encoding in progress. Buffers are kept from word to word. `failed` is set when memory runs out or the
 * text is too long; all steps then do nothing. */
struct merge_symbol;
struct merge_candidate;
struct piece_origin;
struct known_word;
struct encoder {
  const struct tokenizer *t;
  uint32_t *ids;
  size_t n_ids, cap_ids;
  bool after_unknown; /* the last id is a run of unknown characters */
  bool failed;
  bool special;     /* special tokens are looked for */
  const char *word; /* what symbols refer to */
  struct merge_symbol *symbols;
  size_t n_symbols, cap_symbols;
  struct merge_candidate *heap;
  size_t n_heap, cap_heap;
  struct piece_origin *origins; /* by id; NULL unless has_unused */
  /* BYTE_LEVEL only. */
  struct known_word *known; /* words whose ids are known; NULL: a short text */
  const char *limit;        /* what ends behind it may change with the text to come; NULL: nothing may */
  const char *stopped;      /* where that begins; NULL: not reached */
  tokenizer_take *take;     /* gets the pieces of the text instead of the ids; NULL: ids */
  void *context;
};

/* Room for one more element of an array of `*cap` elements that holds `n`; false and `failed` without memory.
 */
bool encoder_room(struct encoder *e, void *array, size_t n, size_t *cap, size_t size);
void encoder_put(struct encoder *e, uint32_t id);

/* Longest entry of a match section that `s` begins with, without those that have a flag of `without`; NULL:
 * none. */
const struct tokenizer_match *tokenizer_match_prefix(const struct tokenizer *t,
                                                     enum tokenizer_section section, const char *s, size_t n,
                                                     uint32_t without);
/* The token of a piece among those whose type is in `types` (a set of 1 << type); NO_ID: none. */
uint32_t tokenizer_find_piece(const struct tokenizer *t, const char *s, size_t n, uint32_t types);

/* The character that s begins with, and its bytes; 0 when it is malformed (n >= 1). */
size_t utf8_decode(const char *s, size_t n, uint32_t *c);

bool text_append(struct encoder *e, struct text *out, const char *s, size_t n);
/* The text as SentencePiece's normalizer leaves it. */
void normalize_sentencepiece(struct encoder *e, const char *s, size_t n, bool first, struct text *out);
/* The text cut at added tokens; `take` gets each stretch between them, in order. */
typedef void take_stretch(struct encoder *e, const char *s, size_t n, bool first);
void encode_cut_text(struct encoder *e, enum tokenizer_section section, const char *s, size_t n,
                     take_stretch *take);
/* An added token, bytes [s, s + n) of the text. */
void encoder_put_added(struct encoder *e, const char *s, size_t n, uint32_t id);
/* Whether [s, s + n) may change with the text to come: from then on nothing more is taken. */
bool encoder_stops(struct encoder *e, const char *s, size_t n);
/* A text by a tokenizer.json: each stretch is normalized and cut into words; encode_word is called for each.
 */
void encode_json(struct encoder *e, const char *s, size_t n);
/* A text by a tokenizer whose pieces are bytes. */
void encode_byte_level(struct encoder *e, const char *s, size_t n);
/* A text in Unicode's normalization form C. */
void normalize_nfc(struct encoder *e, const char *s, size_t n, struct text *out);
/* Whether a text contains a marker. */
bool text_is_chat(const struct tokenizer *t, const char *s, size_t n);

/* Merges the symbols of n >= 1 bytes and appends the ids. */
void encode_word(struct encoder *e, const char *s, size_t n);

#endif
