/* private.h: what the files of this folder know of a checkpoint.
 *
 * open.c fills it (with safetensors.c for one file's header and config.c for config.json); the rest only
 * reads. Data is fetched with pread and nothing else is shared, so any number of threads may read at once;
 * only the thread that called in reports errors. */
#ifndef TERN_FRONTEND_CHECKPOINT_PRIVATE_H
#define TERN_FRONTEND_CHECKPOINT_PRIVATE_H

#include "frontend/checkpoint/checkpoint.h"
#include "frontend/checkpoint/config.h"

struct shard { /* one open safetensors file */
  const char *path;
  int fd;
  int64_t data_at, data_bytes; /* where the tensors' bytes start, and how many there are */
  bool base3;                  /* the header says "tern.packing": "base3" */
  json_t *metadata;            /* __metadata__ or NULL; owned */
};

struct tensor {
  struct tensor_info info; /* as stored: of a compact matrix U8 [m, ceil(n / 5)] */
  int shard;
  int64_t begin, bytes;       /* in the shard's data */
  const struct tensor *scale; /* of a compact matrix its X_scale; else NULL */
  int64_t columns;            /* of a compact matrix: n, or 0 when the header does not say */
  bool is_scale;              /* the X_scale of a compact matrix */
};

struct checkpoint {
  struct diag *diag;
  struct arena *arena;
  const char *path; /* as given, for diagnostics */
  const char *dir;
  VEC(struct shard) shards;
  VEC(struct tensor) tensors;    /* in file order */
  const struct tensor **by_name; /* sorted */
  struct config config;          /* config.root == NULL: no config.json */
};

enum {
  TRITS_PER_BYTE = 5,
  READ_ELEMENTS = 65536, /* one pread; also what one partial sum covers */
};

const struct tensor *tensor_find(const struct checkpoint *c, const char *name);
int64_t tensor_count(const struct tensor *t); /* elements as stored */
bool dtype_is_float(enum dtype t);
int64_t dtype_bytes(enum dtype t); /* not for DTYPE_OTHER */
/* "[4, 8]", in the arena. */
const char *shape_text(struct arena *a, int rank, const int64_t *shape);
/* Shape as the model sees it: of a compact matrix [m, n]. */
void tensor_shape(const struct tensor *t, int64_t shape[CHECKPOINT_MAX_RANK]);
/* The published layout's rule: float matrices whose name ends in _proj.weight or lm_head.weight are ternary.
 */
bool tensor_is_ternary(const struct tensor *t);

/* `bytes` bytes of t's data from offset `at`. 0, or errno's value; READ_ENDED when the file has become
 * shorter. May be called by any thread. */
enum { READ_ENDED = -1 };
int tensor_pread(const struct checkpoint *c, const struct tensor *t, int64_t at, void *to, int64_t bytes);
void report_read(struct checkpoint *c, const struct tensor *t, int error);

/* Codes and means without a diagnostic for weights that are not finite: *bad_weight gets the first such
 * weight's index, or -1. False after a diagnostic. Arguments as checkpoint_read_ternary's, which are right.
 */
bool ternary_scan(struct checkpoint *c, const struct tensor *t, int64_t rows, int64_t cols,
                  enum scale_kind kind, int64_t group, int8_t *codes, float *means, int threads,
                  int64_t *bad_weight);

#endif
