/* vectors.c: what the interpreter computes, kernel by kernel, in the order in which the hardware stores it.
 */
#include "backends/hardware/streaming/test_bench.h"

#include "backends/lower/facts.h"
#include "support/file.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct recorder {
  const struct hw_design *h;
  struct diag *d;
  struct arena arena;
  FILE *out; /* of this sequence */
};

int bench_writes(struct arena *a, const struct hw_unit *u, struct bench_write **out) {
  VEC(struct bench_write) list = {0};
  if (u->kind == HW_UNIT_SUM) {
    struct bench_write w = {u->out, u->kernel->out, u->kernel->out->elements, u->m};
    vec_push(a, list, w);
    *out = list.at;
    return list.n;
  }
  for (int i = 0; i < u->phases.n; i++)
    for (int k = 0; k < u->phases.at[i]->stores.n; k++) {
      const struct hw_store *s = u->phases.at[i]->stores.at[k];
      bool known = s->buffer->place == HW_LOCAL;
      for (int n = 0; n < list.n; n++)
        known |= list.at[n].buffer == s->buffer;
      if (!known)
        vec_push(a, list,
                 (struct bench_write){s->buffer, s->planned, s->planned->elements, s->planned->elements});
    }
  *out = list.at;
  return list.n;
}

static int64_t number_of(const struct tensor *t, int64_t k) {
  switch (t->type.elem) {
  case ELEM_I8: return t->i8[k];
  case ELEM_I16: return t->i16[k];
  case ELEM_BOOL: return t->boolean[k];
  default: return t->i32[k];
  }
}

static void put_number(FILE *out, int64_t x) {
  uint32_t u = (uint32_t)x;
  uint8_t bytes[4] = {(uint8_t)(u >> 24), (uint8_t)(u >> 16), (uint8_t)(u >> 8), (uint8_t)u};
  fwrite(bytes, 1, sizeof bytes, out);
}

static void put_tensor(FILE *out, const struct tensor *t) {
  int64_t n = type_count(t->type, NULL);
  for (int64_t i = 0; i < n; i++)
    put_number(out, number_of(t, i));
}

/* The result of the operator that lies where the kernel stores. */
static const struct tensor *result_at(struct interp *in, const struct op *op, const struct bench_write *w) {
  int64_t at = w->buffer->place == HW_LOGITS ? AT_OUTPUT : w->b->offset;
  for (int i = 0; i < op->n_out; i++)
    if (op->out[i]->at == at && type_count(op->out[i]->type, NULL) == w->elements)
      return interp_value(in, op->out[i]);
  return NULL;
}

static const struct tensor *written(struct interp *in, const struct op *op, const struct bench_write *w,
                                    const uint32_t *indices) {
  const struct state *s = w->buffer->state;
  if (!s)
    return result_at(in, op, w);
  int64_t bytes = w->b->offset - s->offset + indices[0] * w->b->stride_i + indices[1] * w->b->stride_j;
  return interp_state(in, s, s->stride ? bytes / s->stride : 0);
}

static bool record(void *self, struct interp *in, const struct op *op, const uint32_t *indices) {
  struct recorder *r = self;
  uint32_t at[MAX_REPEATS] = {0};
  int depth = 0;
  for (const struct op *up = op->block->parent; up; up = up->block->parent)
    depth += up->code == OP_REPEAT;
  for (int k = 0; k < depth && k < MAX_REPEATS; k++)
    at[k] = indices[k];
  for (int i = 0; i < r->h->units.n; i++) {
    const struct hw_unit *u = r->h->units.at[i];
    struct bench_write *writes;
    if (u->kernel->op != op)
      continue;
    int n = bench_writes(&r->arena, u, &writes);
    for (int k = 0; k < n; k++) {
      const struct tensor *t = written(in, op, &writes[k], at);
      if (!t) {
        diag_at(r->d, SEVERITY_ERROR, op->at, "the interpreter has no value for '%s' of %s",
                writes[k].buffer->name, u->name);
        return false;
      }
      put_tensor(r->out, t);
    }
  }
  return true;
}

/* ---- sequences ------------------------------------------------------------------------------------- */

static uint32_t best_of(const struct tensor *t) {
  int64_t n = type_count(t->type, NULL), best = 0;
  for (int64_t i = 1; i < n; i++)
    if (number_of(t, i) > number_of(t, best))
      best = i;
  return (uint32_t)best;
}

/* All steps of one sequence, recorded if r->out is there. */
static bool run_sequence(struct recorder *r, struct interp *in, const struct hw_vectors *v, int sequence) {
  int sequences = r->h->options.sequences;
  struct interp_hook hook = {.self = r, .after = record}, none = {0};
  const struct tensor *logits;
  uint32_t token = 0;
  interp_reset(in);
  interp_set_hook(in, v->units && r->out ? &hook : &none);
  int64_t steps = v->n / sequences + v->generate;
  bool ok = true;
  for (int64_t k = 0; ok && k < steps; k++) {
    if (k < v->n / sequences)
      token = v->tokens[k * sequences + sequence];
    ok = interp_run(in, "step", &token, 1, 1, &logits);
    if (!ok)
      break;
    if (r->out && !v->units)
      put_tensor(r->out, logits);
    if (v->best)
      v->best[k * sequences + sequence] = best_of(logits);
    token = best_of(logits);
    if (v->ends && k + 1 == v->ends + sequence)
      interp_reset(in);
  }
  interp_set_hook(in, &none);
  return ok;
}

/* Bytes that a sequence records for a row. */
static int64_t row_bytes(struct recorder *r, const struct hw_unit *u, bool units) {
  struct bench_write *writes;
  int64_t bytes = 0;
  int n = bench_writes(&r->arena, u, &writes);
  for (int k = 0; k < n; k++)
    if (units || writes[k].buffer->place == HW_LOGITS)
      bytes += 4 * writes[k].elements;
  return bytes;
}

static bool copy(FILE *from, FILE *to, int64_t bytes) {
  uint8_t piece[65536];
  while (bytes > 0) {
    size_t n = bytes < (int64_t)sizeof piece ? (size_t)bytes : sizeof piece;
    if (fread(piece, 1, n, from) != n)
      return false;
    fwrite(piece, 1, n, to);
    bytes -= (int64_t)n;
  }
  return true;
}

/* From files of sequences to rows with all sequences. */
static bool interleave(struct recorder *r, FILE *const *from, const struct hw_vectors *v, FILE *to) {
  bool ok = true;
  int64_t steps = v->n / r->h->options.sequences + v->generate;
  for (int64_t k = 0; ok && k < steps; k++)
    for (int i = 0; ok && i < r->h->rows.n; i++) {
      int64_t bytes = row_bytes(r, r->h->rows.at[i].unit, v->units);
      for (int n = 0; ok && n < r->h->options.sequences; n++)
        ok = copy(from[n], to, bytes);
    }
  return ok;
}

/* What was recorded is whole, and will be read. */
static bool to_begin(FILE *file, struct diag *d) {
  if (!ferror(file) && fseeko(file, 0, SEEK_SET) == 0)
    return true;
  diag_error(d, "intermediate results: cannot write: %s (set TMPDIR to a folder with room)",
             strerror(errno ? errno : EIO));
  return false;
}

bool vectors_write(const struct hw_design *h, struct diag *d, struct interp *in, const struct hw_vectors *v,
                   FILE *expected) {
  struct recorder r = {.h = h, .d = d};
  FILE *files[16] = {0};
  bool ok = true;
  errno = 0;
  for (int n = 0; ok && n < h->options.sequences; n++) {
    files[n] = expected ? file_temporary(d) : NULL;
    if (expected && !files[n]) {
      ok = false;
      break;
    }
    r.out = files[n];
    ok = run_sequence(&r, in, v, n) && (!files[n] || to_begin(files[n], d));
  }
  if (ok && expected && !interleave(&r, files, v, expected)) {
    diag_error(d, "cannot read intermediate results back: %s", strerror(errno));
    ok = false;
  }
  for (int n = 0; n < h->options.sequences; n++)
    if (files[n])
      fclose(files[n]);
  arena_free(&r.arena);
  return ok;
}
