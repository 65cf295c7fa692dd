/* checkpoint.h: a trained model as it is published: config.json, safetensors (one file or shards), and
 * tokenizer files.
 *
 * Formats: safetensors (8-byte little-endian header length, JSON header, raw little-endian tensors) with
 * F32, F16, BF16 and F64 tensors (F64 is rounded to float32 first, then all is as for F32); matrices that are
 * codes -1, 0, 1 already, with or without a scale tensor X_scale beside the matrix X:
 *
 *   X        I8 [m, n]            codes
 *            U8 [h, n]            as transformers' BitNet packs them, h = ceil(m / 4): code + 1 of row r is
 *                                 in bits 2k and 2k + 1 of row r - k * h, k = floor(r / h)
 *            floats [m, n]        the numbers -1, 0 and 1; only where there is an X_scale
 *
 *          of a matrix that the model wants as wider codes, these as I8 or, with an X_scale, as floats
 *   X_scale  floats [], [1], [m], [m, 1] or [m, groups]
 *
 * X stands for codes * X_scale, or for codes / X_scale where config.json's quantization_config says bitnet
 * and not autobitlinear, as transformers has it. Last, the compact form that `ternc weights --pack` writes,
 * in which a ternary matrix X[m, n] is two tensors:
 *
 *   X        U8 [m, ceil(n / 5)]  five trits a byte: t0 + 3 t1 + 9 t2 + 27 t3 + 81 t4, t = code + 1
 *   X_scale  F32 []               mean|W|, which the weight scale s = 1 / max(mean, 1e-5) is made from
 *
 * A row's padding has t = 1. The header's __metadata__ has "tern.packing": "base3", and "tern.columns.X"
 * with n, which the padding hides, as a decimal number; of a matrix whose floats are -s, 0 and s also
 * "tern.largest.X" with s, as C's %a prints it. Where codes of the original are among the rest, the packing
 * is "base3+codes". All else is as it was in the original.
 *
 * Tensors are read with pread in pieces; nothing stays resident, so checkpoints larger than memory work. */
#ifndef TERN_FRONTEND_CHECKPOINT_H
#define TERN_FRONTEND_CHECKPOINT_H

#include "frontend/config_value.h"
#include "support/rank.h"

struct checkpoint; /* lives in the arena given to checkpoint_open; close it to release file handles */

enum dtype { DTYPE_F32, DTYPE_F16, DTYPE_BF16, DTYPE_F64, DTYPE_U8, DTYPE_I8, DTYPE_OTHER };

struct tensor_info {
  const char *name;
  enum dtype dtype;
  const char *dtype_name; /* as the header spells it */
  int rank;
  int64_t shape[MAX_RANK];
  const char *file; /* for diagnostics */
};

/* Opens DIR (config.json; model.safetensors, or model.safetensors.index.json and its shards) or one
 * .safetensors FILE. Every header is checked whole: lengths, offsets that overlap, leave holes or leave the
 * file, shapes that do not match byte counts. NULL after diagnostics when there is no checkpoint. A tensor, a
 * shard or a config.json that cannot be used is reported when something needs it. */
struct checkpoint *checkpoint_open(struct diag *d, struct arena *a, const char *path);
void checkpoint_close(struct checkpoint *c);

/* "_orig_mod.": tensors whose names begin with it have names without it from now on; "+model.": a name of the
 * model that begins with "model." may be there without. False after a diagnostic when no tensor is named so.
 */
bool checkpoint_prefix(struct checkpoint *c, const char *prefix);

int checkpoint_count(const struct checkpoint *c);
const struct tensor_info *checkpoint_tensor(const struct checkpoint *c, int i); /* in file order */
const struct tensor_info *checkpoint_find(const struct checkpoint *c, const char *name);
const char *checkpoint_dir(const struct checkpoint *c); /* where tokenizer files are looked for */

/* A value of config.json, in the checkpoint's arena; `key` as the language's config() has it (language.h).
 * CONFIG_ABSENT: no config.json, no such key, or null. CONFIG_WRONG after a diagnostic. */
enum config_result { CONFIG_FOUND, CONFIG_ABSENT, CONFIG_WRONG };
enum config_result checkpoint_config(struct checkpoint *c, const char *key, struct config_value *value);
bool checkpoint_has_config(const struct checkpoint *c);
/* There is a config.json, and why it cannot be read has been told. */
bool checkpoint_config_unread(const struct checkpoint *c);
/* What config.json calls the model: its model_type, or without one its architectures; and these in any case.
 * Both add to `names`, in the arena. */
typedef VEC(const char *) model_kinds;
void checkpoint_kinds(struct checkpoint *c, model_kinds *names);
void checkpoint_architectures(struct checkpoint *c, model_kinds *names);

/* One scale for a matrix, for each row, or for each `group` columns of a row. */
enum scale_kind { SCALE_TENSOR, SCALE_ROW, SCALE_GROUP };
/* Where scales come from: stored ones for codes, else mean|W|, of wider codes max|W| (AUTO); mean|W|; max|W|;
 * X_scale; 1 / X_scale.
 */
enum scale_by { BY_AUTO, BY_MEAN, BY_LARGEST, BY_STORED, BY_INVERSE };
/* How a matrix of codes is scaled. */
struct scaling {
  enum scale_kind kind;
  int64_t group; /* SCALE_GROUP: columns */
  enum scale_by by;
  int bits; /* of a code, 2 to 8; 0: it is -1, 0 or 1 */
};

/* What a model needs of a checkpoint. */
struct wanted_tensor {
  const char *name;
  int rank;
  int64_t shape[MAX_RANK];
  bool codes;             /* ternary or wider ones */
  struct loc at;          /* where the spec asks for it */
  struct scaling scaling; /* of codes */
};
/* Names every missing, extra and mis-shaped tensor at once, with both shapes; true when all is well. Tensors
 * that the model does not use are errors too unless allow_extra. A ternary tensor may be stored compact. */
bool checkpoint_check(struct checkpoint *c, const struct wanted_tensor *wanted, int n, bool allow_extra);

/* `count` values from element `first`, row-major, widened exactly to float. False after a diagnostic. A NaN
 * is a warning, the first of a tensor. */
bool checkpoint_read_f32(struct checkpoint *c, const char *name, int64_t first, int64_t count, float *out);

/* All `count` numbers of a tensor of type I8, as they are. False after a diagnostic. */
bool checkpoint_read_i8(struct checkpoint *c, const char *name, int64_t count, int8_t *out);

/* Codes of the matrix [rows, cols], row-major, as wide as the scaling says, and its scales s, W = codes / s:
 * SCALE_TENSOR scales[1], SCALE_ROW scales[rows], SCALE_GROUP scales[rows * ceil(cols / group)]. By the mean:
 * it is summed in double in a fixed order and rounded to float; s = 1 / max(mean, 1e-5f) in float; code =
 * clamp(round_half_even(W * s), -1, 1) in float (docs/numerics.md has the other rules, and wider codes).
 * Works in bounded memory beyond `codes`; uses `threads` threads; the result does not depend on them. */
bool checkpoint_read_codes(struct checkpoint *c, const char *name, int64_t rows, int64_t cols,
                           const struct scaling *scaling, int8_t *codes, float *scales, int threads);

/* Whether the matrix is floats that are -s, 0 or s, one s for each that the scaling has, and some are 0: then
 * mean|W| is not s. Such a matrix with one s a row, where the scaling has one for all, is told by *rows. */
bool checkpoint_already_ternary(struct checkpoint *c, const char *name, const struct scaling *scaling,
                                bool *rows);
/* The matrix is stored as codes: I8, U8, or floats with a scale beside them. */
bool checkpoint_has_codes(const struct checkpoint *c, const char *name);
/* The matrix has a stored scale, and nothing in config.json says whether it multiplies or divides. */
bool checkpoint_scale_unsaid(const struct checkpoint *c, const char *name);

/* ---- tools behind `ternc weights` ---- */
struct progress; /* support/progress.h */

/* Prints tensors, types, shapes, ternary histogram of matrices and packed sizes; JSON when json. */
bool checkpoint_print(struct checkpoint *c, FILE *out, bool json);
/* Writes the compact form of c, config.json and the tokenizer files into directory `out`, made if missing. */
bool checkpoint_pack(struct checkpoint *c, const char *out, int threads);
/* Makes a random checkpoint in the published layout (HGRNBitForCausalLM) into directory `out`. `config`: a
 * config.json's path, "370M", "1.3B", "2.7B", or "key=value,key=value" over the 370M's config. dtype BF16
 * unless torch_dtype says otherwise. The same seed gives the same bytes. Streams. */
bool checkpoint_random(struct diag *d, const char *config, const char *out, uint64_t seed);

/* A tensor of random numbers, float32: normal with that mean and deviation, or all the mean where that is 0.
 * CODES: -1, 0 and 1, each as often. */
struct random_tensor {
  const char *name;
  int rank;
  int64_t shape[MAX_RANK];
  float mean, deviation;
  bool codes;
};
/* The same with these tensors, and with the text of a config.json. */
bool checkpoint_random_tensors(struct diag *d, const char *config, const struct random_tensor *tensors, int n,
                               const char *out, uint64_t seed);

/* Reads DIR's tokenizer.json, or else tokenizer.model, with the files beside it, into the runtime's flat
 * block (runtime/text/tokenizer.h); in the arena. *block == NULL when the directory has none that can be
 * used; why not is told in warnings, for a model can be run on ids alone. */
void checkpoint_tokenizer(struct diag *d, struct arena *a, const char *dir, uint8_t **block, size_t *bytes);

#endif
