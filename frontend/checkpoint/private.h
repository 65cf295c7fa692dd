/* private.h: what the files of this folder know of a checkpoint.
 *
 * open.c fills it (with safetensors.c for one file's header and config.c for config.json); the rest only
 * reads. Data is fetched with pread and nothing else is shared, so any number of threads may read at once;
 * only the thread that called in reports errors. */
#ifndef TERN_FRONTEND_CHECKPOINT_PRIVATE_H
#define TERN_FRONTEND_CHECKPOINT_PRIVATE_H

#include "frontend/checkpoint/checkpoint.h"
#include "frontend/checkpoint/config.h"
#include "runtime/kernels/ternarize.h"

struct shard { /* one open safetensors file */
  const char *path;
  int fd;
  int64_t data_at, data_bytes; /* where the tensors' bytes start, and how many there are */
  bool base3;                  /* the header says "tern.packing": "base3" */
  bool codes;                  /* ... "base3+codes": only matrices with "tern.columns.X" are compact */
  json_t *metadata;            /* __metadata__ or NULL; owned */
};

struct stored_tensor {
  struct tensor_info info; /* as stored: of a compact matrix U8 [m, ceil(n / 5)] */
  const char *stored;      /* its name in the file, which --prefix strips */
  int shard;
  int64_t begin, bytes;               /* in the shard's data */
  const struct stored_tensor *scale;  /* of a compact matrix its X_scale; else NULL */
  int64_t columns;                    /* of a compact matrix: n, or 0 when the header does not say */
  const struct stored_tensor *beside; /* of any other matrix X its X_scale, or NULL */
  const char *fault;                  /* why it cannot be used, naming its file; NULL: it can */
  bool is_scale;                      /* the X_scale of another */
  bool told_nan;                      /* that it holds a NaN */
};

struct checkpoint {
  struct diag *diag;
  struct arena *arena;
  const char *path; /* as given, for diagnostics */
  const char *dir;
  VEC(struct shard) shards;
  VEC(struct stored_tensor) tensors;    /* in file order */
  const struct stored_tensor **by_name; /* sorted */
  const char *stripped;                 /* what --prefix took from names; NULL: nothing */
  const char *added;    /* what the model's names begin with and these do not; NULL: nothing */
  struct config config; /* config.root == NULL: no config.json, or none that can be read */
  bool config_unread;   /* it is there, and why it cannot be read has been told */
  enum {
    SCALE_UNSAID,
    SCALE_MULTIPLIES,
    SCALE_DIVIDES
  } convention; /* of scales beside codes, by config.json */
};

enum {
  TRITS_PER_BYTE = 5,
  ROWS_PER_BYTE = 4,                 /* of U8 codes */
  READ_ELEMENTS = TERN_SUM_ELEMENTS, /* one pread; also what one partial sum covers */
};

/* By the name that the model has for it. */
const struct stored_tensor *tensor_find(const struct checkpoint *c, const char *name);
int64_t tensor_count(const struct stored_tensor *t); /* elements as stored */
bool dtype_is_float(enum dtype t);
/* A matrix of codes that is not compact: I8, or U8 with four rows a byte. */
bool tensor_is_codes(const struct stored_tensor *t);
int64_t dtype_bytes(enum dtype t); /* not for DTYPE_OTHER */
/* "[4, 8]", in the arena. */
const char *shape_text(struct arena *a, int rank, const int64_t *shape);
/* Shape as the model sees it: of a compact matrix [m, n]. */
void tensor_shape(const struct stored_tensor *t, int64_t shape[MAX_RANK]);
/* The published layout's rule: float matrices whose name ends in _proj.weight or lm_head.weight are ternary.
 */
bool tensor_is_ternary(const struct stored_tensor *t);

/* `bytes` bytes of t's data from offset `at`. 0, or errno's value; READ_ENDED when the file has become
 * shorter. May be called by any thread. */
enum { READ_ENDED = -1 };
int tensor_pread(const struct checkpoint *c, const struct stored_tensor *t, int64_t at, void *to,
                 int64_t bytes);
void report_read(struct checkpoint *c, const struct stored_tensor *t, int error);

/* False, after a diagnostic for the weight number `bad` of a matrix. */
bool weight_not_finite(struct checkpoint *c, const struct stored_tensor *t, int64_t cols, int64_t bad);

/* The s that the mean or the largest magnitude makes: by the mean 1 / max(c, TERN_LEAST_MAGNITUDE), else
 * `most`, the largest code, over c, or 1 where that is too large. */
float scale_of(float c, bool largest, int most);
/* The largest magnitude that floats get as a code of so many bits (struct scaling). */
int largest_code(int bits);

/* ---- codes.c: matrices that are codes already, or floats of them ---- */
/* Codes of [rows, cols]. False after a diagnostic, with the place of what is no code. */
bool codes_read(struct checkpoint *c, const struct stored_tensor *t, int64_t rows, int64_t cols, int bits,
                int8_t *codes);
/* Why the tensor is stored in a way that has no codes of more than two bits; NULL: it has, or none are
 * wanted.
 */
const char *wide_misfit(struct checkpoint *c, const struct stored_tensor *t, const struct scaling *scaling);
/* The scales s of X_scale, or 1, spread to what the scaling asks for. */
bool codes_scales(struct checkpoint *c, const struct stored_tensor *t, int64_t rows, int64_t cols,
                  const struct scaling *scaling, float *scales);
/* Why the stored scales do not fit the scaling; NULL: they do. In the arena. */
const char *codes_misfit(struct checkpoint *c, const struct stored_tensor *t, int64_t rows, int64_t cols,
                         const struct scaling *scaling);
/* Values, as checkpoint_read_f32, which has checked the range. */
bool codes_floats(struct checkpoint *c, const struct stored_tensor *t, int64_t first, int64_t count,
                  float *out);
/* Of one scale: it is in *scale as stored (1 without), with *divides. False: there are several, or they
 * cannot be read, which is not reported. */
bool codes_one_scale(struct checkpoint *c, const struct stored_tensor *t, float *scale, bool *divides);

/* ---- already.c ---- */
/* The tensor, in segments of `span` elements within rows of `width`, holds -s, 0 and s, one s a segment, and
 * a 0. *largest: that of the last segment that has one. */
bool already_ternary(struct checkpoint *c, const struct stored_tensor *t, int64_t width, int64_t span,
                     float *largest);

/* Codes and means, or the largest magnitudes, without a diagnostic for weights that are not finite:
 * *bad_weight gets the first such weight's index, or -1. False after a diagnostic. Arguments as
 * checkpoint_read_codes's, which are right; the matrix is floats or compact.
 */
bool ternary_scan(struct checkpoint *c, const struct stored_tensor *t, int64_t rows, int64_t cols,
                  enum scale_kind kind, int64_t group, bool largest, int most, int8_t *codes, float *means,
                  int threads, int64_t *bad_weight);

#endif
