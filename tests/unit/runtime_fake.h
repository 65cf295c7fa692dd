/* runtime_fake.h: a model, an image and a tokenizer written by hand, to test the runtime without a compiler.
 *
 * The model's state is eight 32-bit words that every token stirs; rows of logits are hashes of the state. It
 * shares its work by thread and needs its barriers: left out, or results that depended on the number of
 * threads, they would show. The scripted model is certain of the next byte instead, so that its text is
 * known (byte 1 is the word, byte 2 the second end). The tokenizer has one id a byte. */
#ifndef TERN_TESTS_RUNTIME_FAKE_H
#define TERN_TESTS_RUNTIME_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/core/checksum.h"
#include "runtime/core/image.h"
#include "runtime/core/session.h"
#include "runtime/model.h"
#include "runtime/text/tokenizer.h"
#include "tests/random/call.h"

enum {
  VOCAB = 300,
  WORDS = 8,
  CHUNK = 8,
  WEIGHTS = 4096,
  TOKENIZER_AT = 128,
  TOKENIZER_BYTES = 64,
  PARTS_AT = 256
};
enum { FAKE_STATE = WORDS * 4 + 4, SEQUENCES = 4 };
enum {
  BOS = 0,
  EOS = 1,
  BYTE = 2,
  THE = 258,
  FULL = 259,
  TOKENS = 260
}; /* ids: control, control, 256
bytes, a word, a second end */

static inline uint32_t stir(uint32_t a, uint32_t b) {
  uint32_t h = (a ^ b * 0x9e3779b9u) * 0x85ebca6bu;
  return (h ^ h >> 13) * 0xc2b2ae35u ^ h >> 16;
}

static inline void meet(const struct tern_args *a) {
  if (a->barrier)
    a->barrier(a->team);
}

/* One position; a row of logits where `row` is not NULL. */
static inline void fake_token(const struct tern_args *a, uint32_t token, float *row, uint32_t thread,
                              uint32_t threads) {
  uint32_t *state = (uint32_t *)a->state, *next = (uint32_t *)a->scratch;
  for (uint32_t i = thread; i < WORDS; i += threads)
    next[i] = stir(state[i] + state[(i + 1) % WORDS], token + a->weights[(token * 7 + i) % WEIGHTS]);
  meet(a);
  for (uint32_t i = thread; i < WORDS; i += threads)
    state[i] = next[i];
  meet(a);
  float level = ((float *)a->state)[WORDS]; /* set by the fill, never changed */
  for (uint32_t v = thread; row && v < VOCAB; v += threads)
    row[v] = level + (float)(stir(state[v % WORDS], v) % 2001) / 200 - 5;
  meet(a);
}

static inline void fake_step(const struct tern_args *a, uint32_t thread, uint32_t threads) {
  fake_token(a, *(uint32_t *)a->ports[CALL_TOKENS], a->ports[CALL_LOGITS], thread, threads);
}

static inline void fake_prefill(const struct tern_args *a, uint32_t thread, uint32_t threads) {
  uint32_t n = a->sizes[TERN_T], keep = a->sizes[TERN_K];
  const uint32_t *tokens = a->ports[CALL_TOKENS];
  for (uint32_t i = 0; i < n; i++) {
    uint32_t kept = i + keep - n; /* wraps below the kept positions */
    float *row = kept < keep ? (float *)a->ports[CALL_LOGITS] + (size_t)kept * VOCAB : NULL;
    fake_token(a, tokens[i], row, thread, threads);
  }
}

/* Sequence after sequence: their states are apart. */
static inline void fake_batch(const struct tern_args *a, uint32_t thread, uint32_t threads) {
  const uint32_t *tokens = a->ports[CALL_TOKENS], *rows = a->ports[CALL_ROWS];
  for (uint32_t i = 0; i < a->sizes[TERN_B]; i++) {
    struct tern_args one = *a;
    one.state = a->state + rows[i] * FAKE_STATE;
    fake_token(&one, tokens[i], (float *)a->ports[CALL_LOGITS] + (size_t)i * VOCAB, thread, threads);
  }
}

/* Tokens along `tokens`, logits of `kind` along `rows`. */
#define FAKE_PORTS(tokens, rows, kind, bits)                                                                 \
  {.name = "tokens", .type = "", .access = TERN_IN, .elem = TERN_U32, .dim = tokens, .elements = 1}, {       \
    .name = "logits", .type = "", .access = TERN_OUT, .elem = kind, .frac = bits, .dim = rows,               \
    .elements = VOCAB                                                                                        \
  }
static const struct tern_port fake_step_ports[] = {FAKE_PORTS(-1, -1, TERN_F32, 0)};
static const struct tern_port fixed_step_ports[] = {FAKE_PORTS(-1, -1, TERN_I32, 10)};
static const struct tern_port fake_prefill_ports[] = {FAKE_PORTS(TERN_T, TERN_K, TERN_F32, 0)};
static const struct tern_port fake_batch_ports[] = {
    FAKE_PORTS(TERN_B, TERN_B, TERN_F32, 0),
    {.name = "rows", .type = "", .access = TERN_ROWS, .elem = TERN_U32, .dim = TERN_B, .elements = 1}};

#define FAKE_ENTRY(title, function, table)                                                                   \
  {.name = title,                                                                                            \
   .run = function,                                                                                          \
   .ports = table,                                                                                           \
   .n_ports = sizeof table / sizeof *table,                                                                  \
   .barriers = 3,                                                                                            \
   .scratch = WORDS * 4,                                                                                     \
   .weight_bytes = WORDS}
/* All three forms; and a table of `step` alone. */
#define FAKE_FORMS(step, prefill, batch)                                                                     \
  {FAKE_ENTRY("step", step, fake_step_ports), FAKE_ENTRY("prefill", prefill, fake_prefill_ports),            \
   FAKE_ENTRY("batch", batch, fake_batch_ports)}
#define FAKE_STEP(step) {FAKE_ENTRY("step", step, fake_step_ports)}

static const struct tern_entry fake_entries[] = FAKE_FORMS(fake_step, fake_prefill, fake_batch);
static const struct tern_dim fake_dims[] = {{"T", CHUNK}, {"K", CHUNK}, {"B", SEQUENCES}};
static const struct tern_fill fake_fills[] = {{WORDS * 4, 1, 4, 0x3e800000}}; /* 0.25 */

static const struct tern_model fake_model = {
    .abi = TERN_ABI,
    .name = "fake",
    .spec = "fake.tern",
    .target = "x86_64-linux, \"generic\"",
    .compiler = "ternc 0.1.0",
    .params = "vocab=300 words=8",
    .layout = 0x1234,
    .state_shape = 0x5678,
    .parameters = 4096,
    .weights_bytes = WEIGHTS,
    .state_bytes = FAKE_STATE,
    .entries = fake_entries,
    .n_entries = sizeof fake_entries / sizeof *fake_entries,
    .n_dims = sizeof fake_dims / sizeof *fake_dims,
    .dims = fake_dims,
    .threads = 1,
    .fills = fake_fills,
    .n_fills = 1,
};

/* The same with a table of `step` alone. */
static inline struct tern_model step_model(const struct tern_entry *step) {
  struct tern_model m = fake_model;
  m.entries = step;
  m.n_entries = 1;
  return m;
}

/* With integer logits of 10 fraction bits. */
static inline void fixed_step(const struct tern_args *a, uint32_t thread, uint32_t threads) {
  fake_step(a, thread, threads);
  for (uint32_t v = thread; v < VOCAB; v += threads) {
    float x = ((float *)a->ports[CALL_LOGITS])[v];
    ((int32_t *)a->ports[CALL_LOGITS])[v] = (int32_t)(x * 1024);
  }
  meet(a);
}

static inline struct tern_model fixed_model(void) {
  static const struct tern_entry entries[] = {FAKE_ENTRY("step", fixed_step, fixed_step_ports)};
  return step_model(entries);
}

/* A model with no prefill form whose next token follows the script: word 0 of the state counts positions. The
 * byte 1 stands for the word token. At the script's end comes EOS, or its beginning again. Each step takes
 * `script_delay` microseconds. */
static const char *script = "";
static bool script_repeats;
static useconds_t script_delay;

static inline uint32_t script_token(uint32_t position) {
  size_t n = strlen(script);
  if (position >= n && !script_repeats)
    return EOS;
  unsigned char byte = (unsigned char)script[position % n];
  return byte == 1 ? THE : byte == 2 ? FULL : BYTE + byte;
}

static inline void script_step(const struct tern_args *a, uint32_t thread, uint32_t threads) {
  (void)threads;
  if (thread != 0)
    return;
  uint32_t *count = (uint32_t *)a->state;
  if (script_delay)
    usleep(script_delay);
  memset(a->ports[CALL_LOGITS], 0, VOCAB * sizeof(float));
  ((float *)a->ports[CALL_LOGITS])[script_token(*count)] = 50;
  ++*count;
}

static inline struct tern_model script_model(void) {
  static const struct tern_entry entries[] = FAKE_STEP(script_step);
  return step_model(entries);
}

static inline void uniform_step(const struct tern_args *a, uint32_t thread, uint32_t threads) {
  (void)threads;
  for (uint32_t v = 0; thread == 0 && v < VOCAB; v++)
    ((float *)a->ports[CALL_LOGITS])[v] = 3;
}

/* ---- the image ---- */

static inline size_t fake_image_bytes(void) {
  return IMAGE_PAGE + WEIGHTS;
}

static const char fake_names[] = "tokenizer\0layers.0.fake";

/* Gives header and table the checksums that they should have, as they are. */
static inline void fake_seal(uint8_t *bytes) {
  struct image_header h;
  memcpy(&h, bytes, sizeof h);
  h.parts_sum = checksum(bytes + PARTS_AT, 2 * sizeof(struct image_part) + sizeof fake_names);
  h.header_sum = image_header_sum(&h);
  memcpy(bytes, &h, sizeof h);
}

/* The same with the checksums of tokenizer and weights. */
static inline void fake_pack(uint8_t *bytes) {
  struct image_part parts[] = {
      {TOKENIZER_AT, TOKENIZER_BYTES, checksum(bytes + TOKENIZER_AT, TOKENIZER_BYTES), 0},
      {IMAGE_PAGE, WEIGHTS, checksum(bytes + IMAGE_PAGE, WEIGHTS), strlen("tokenizer") + 1}};
  memcpy(bytes + PARTS_AT, parts, sizeof parts);
  memcpy(bytes + PARTS_AT + sizeof parts, fake_names, sizeof fake_names);
  fake_seal(bytes);
}

/* The image as it should be, malloc'ed. */
static inline uint8_t *fake_image(void) {
  uint8_t *bytes = calloc(1, fake_image_bytes());
  struct image_header h = {.layout = fake_model.layout,
                           .tokenizer_at = TOKENIZER_AT,
                           .tokenizer_bytes = TOKENIZER_BYTES,
                           .weights_at = IMAGE_PAGE,
                           .weights_bytes = WEIGHTS,
                           .parts_at = PARTS_AT,
                           .n_parts = 2,
                           .names_bytes = sizeof fake_names,
                           .total_bytes = fake_image_bytes()};
  memcpy(h.magic, IMAGE_MAGIC, sizeof h.magic);
  memcpy(bytes, &h, sizeof h);
  memcpy(bytes + TOKENIZER_AT, "FAKETOK", 8);
  for (uint32_t i = 0; i < WEIGHTS; i++)
    bytes[IMAGE_PAGE + i] = (uint8_t)stir(i, 1);
  fake_pack(bytes);
  return bytes;
}

static inline void put_file(const char *path, const void *bytes, size_t n) {
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(bytes, 1, n, f), n);
  assert_int_equal(fclose(f), 0);
}

/* The whole file, terminated; free it. */
static inline char *get_file(const char *path, size_t *n) {
  FILE *f = fopen(path, "rb");
  assert_non_null(f);
  fseek(f, 0, SEEK_END);
  *n = (size_t)ftell(f);
  rewind(f);
  char *bytes = calloc(1, *n + 1);
  assert_int_equal(fread(bytes, 1, *n, f), *n);
  fclose(f);
  return bytes;
}

static inline void put_fake_image(const char *path) {
  uint8_t *bytes = fake_image();
  put_file(path, bytes, fake_image_bytes());
  free(bytes);
}

/* A folder of its own for the test to run in; all names in the tests are relative. */
static char scratch_folder[64];

static inline int enter_folder(void **state) {
  (void)state;
  strcpy(scratch_folder, "/tmp/test-runtime-XXXXXX");
  if (!mkdtemp(scratch_folder) || chdir(scratch_folder) != 0)
    return -1;
  put_fake_image("fake.img");
  return 0;
}

static inline int leave_folder(void **state) {
  (void)state;
  char command[96];
  snprintf(command, sizeof command, "rm -r %s", scratch_folder);
  return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

/* ---- the tokenizer ---- */

struct tokenizer {
  char bytes[256];
};

struct tokenizer *tokenizer_open(const void *block, size_t bytes, char *error, size_t error_size) {
  if (bytes < 8 || memcmp(block, "FAKETOK", 8) != 0) {
    snprintf(error, error_size, "no FAKETOK");
    return NULL;
  }
  struct tokenizer *t = malloc(sizeof *t);
  for (int i = 0; i < 256; i++)
    t->bytes[i] = (char)i;
  return t;
}

void tokenizer_close(struct tokenizer *t) {
  free(t);
}

size_t tokenizer_encode(const struct tokenizer *t, const char *text, size_t n, enum tokenizer_special special,
                        uint32_t **ids) {
  (void)t;
  if (special == TOKENIZER_SPECIAL_ALWAYS && n == 6 &&
      memcmp(text, "<full>", 6) == 0) { /* its one special token */
    *ids = malloc(sizeof **ids);
    **ids = FULL;
    return 1;
  }
  *ids = malloc(n * sizeof **ids + 1);
  for (size_t i = 0; i < n; i++)
    (*ids)[i] = BYTE + (unsigned char)text[i];
  return n;
}

const char *tokenizer_piece(const struct tokenizer *t, uint32_t id, bool first, size_t *n) {
  assert_true(id < TOKENS);
  *n = id < BYTE || id == FULL ? 0 : id == THE ? 4 - first : 1;
  return id < BYTE || id == FULL ? "" : id == THE ? " the" + first : &t->bytes[id - BYTE];
}

uint32_t tokenizer_size(const struct tokenizer *t) {
  (void)t;
  return TOKENS;
}

int32_t tokenizer_bos(const struct tokenizer *t) {
  (void)t;
  return BOS;
}

int32_t tokenizer_eos(const struct tokenizer *t) {
  (void)t;
  return EOS;
}

bool tokenizer_is_end(const struct tokenizer *t, uint32_t id) {
  (void)t;
  return id == EOS || id == FULL;
}

static bool no_prefix; /* a checkpoint whose texts begin with nothing */

const uint32_t *tokenizer_prefix(const struct tokenizer *t, size_t *n) {
  static const uint32_t bos[] = {BOS};
  (void)t;
  *n = no_prefix ? 0 : 1;
  return bos;
}

const uint32_t *tokenizer_suffix(const struct tokenizer *t, size_t *n) {
  static const uint32_t eos[] = {EOS};
  (void)t;
  *n = no_prefix ? 1 : 0; /* and end with EOS */
  return eos;
}

#endif
