/* tokenizer_bytes.h: byte-level tokenizers: how files spell bytes, and the pre-tokenizers that are known. */
#ifndef TERN_FRONTEND_CHECKPOINT_TOKENIZER_BYTES_H
#define TERN_FRONTEND_CHECKPOINT_TOKENIZER_BYTES_H

#include "frontend/checkpoint/tokenizer_block.h"

/* The character that a file has for a byte: the byte's own where Latin-1 prints it, else one from U+0100 on.
 */
uint32_t byte_character(uint8_t byte);
/* Bytes as a file spells them, terminated, in the arena. */
char *byte_spelling(struct arena *a, const char *bytes, size_t n);
/* The bytes that a text spells, in the arena; false when some character of it stands for none. */
bool byte_meaning(struct arena *a, struct bytes text, struct bytes *bytes);

/* GPT-2's, which ByteLevel splits by unless told otherwise. */
extern const char pattern_gpt2[];
/* Gives the vocabulary the rules of a pattern (a regular expression as files have it); false: it is not
 * known. */
bool pattern_rules(struct arena *a, struct vocabulary *v, const char *pattern);

/* A byte for each code point, in pages of which equal ones are kept once. */
struct class_table {
  uint8_t page[TOKENIZER_PAGE_COUNT];
  uint8_t *class; /* TOKENIZER_PAGE for each page */
  size_t count;
};
void class_table_pack(struct arena *a, const uint8_t *class_of, struct class_table *t);
/* The classes of tokenizer_format.h for all of Unicode. */
void class_table_make(struct arena *a, struct class_table *t);

/* Normalization form C, as tokenizer_format.h has it. */
struct nfc_table {
  uint8_t *class; /* of each code point */
  VEC(struct tokenizer_decomposition) decompositions;
  VEC(uint32_t) decomposed;
  VEC(struct tokenizer_composition) compositions;
};
void nfc_table_make(struct arena *a, struct nfc_table *t);

/* Once everything is read: pieces get the bytes that they spell. One that spells none is no part of a text.
 */
void vocabulary_to_bytes(struct arena *a, struct vocabulary *v);

#endif
