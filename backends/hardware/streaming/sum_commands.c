/* sum_commands.c: ternary sums as commands of the sum engine.
 *
 * The engine takes chunks of `lanes` columns that begin on words of the code buffer. A row of the operand, or
 * a group of columns, that begins inside a word is widened to the word's beginning: the weights of the
 * columns before it are zeros in the stream. */
#include "backends/hardware/streaming/design.h"

#include "backends/lower/facts.h"

static const struct weight *matrix_of(const struct hw_design *h, const struct kernel *k) {
  return weight_find(h->module, k->op->in[0]->def->attr.symbol);
}

static int64_t rows_of(const struct hw_unit *u, const struct kernel *k) {
  return interval_of_index(u, NULL, k->rows).hi;
}

static bool sum_fits(const struct hw_design *h, struct diag *d, const struct kernel *k) {
  const char *why = NULL;
  if (k->in->format != FORMAT_I8 && k->in->format != FORMAT_I16)
    why = "its operand is no vector of 8- or 16-bit codes; quantize it (the pass fixed-point needs --fixed)";
  else if (is_logits(k->out) && h->options.sequences > 1)
    why = "with --hw-batch the logits cannot come from a sum directly; scale them";
  if (why)
    diag_at(d, SEVERITY_ERROR, k->at, "ternary_sum of '%s': %s", matrix_of(h, k)->name, why);
  return !why;
}

static const char *unit_name(struct hw_design *h, const struct kernel *k, int64_t number, int64_t of) {
  return of == 1 ? k->name : arena_printf(h->arena, "%s_part%lld", k->name, (long long)number);
}

bool hw_add_sums(struct hw_design *h, struct diag *d, const struct kernel *k, int64_t i_count,
                 int64_t j_count) {
  if (!sum_fits(h, d, k))
    return false;
  struct hw_unit key = {
      .kind = HW_UNIT_SUM, .kernel = k, .m = k->m, .n = k->n, .i_count = i_count, .j_count = j_count};
  key.in = hw_buffer_of(h, d, k, k->in);
  key.out = hw_buffer_of(h, d, k, k->out);
  if (!key.in || !key.out)
    return false;
  key.in->sum_in = true;
  key.in->reads = key.in->reads > 1 ? key.in->reads : 1;
  key.out->sum_out = true;
  key.weight = matrix_of(h, k);
  key.group = k->group ? k->group : k->n;
  int64_t rows = rows_of(&key, k), groups = (k->n + key.group - 1) / key.group, parts = rows * groups;
  for (int64_t part = 0; part < parts; part++) {
    struct hw_unit *u = arena_new(h->arena, struct hw_unit);
    int64_t g = part % groups;
    *u = key;
    u->row = part / groups;
    u->name = unit_name(h, k, part, parts);
    u->id = h->units.n;
    u->first_column = g * key.group;
    u->columns = k->n - u->first_column < key.group ? k->n - u->first_column : key.group;
    int64_t element = u->row * k->n + u->first_column;
    u->first_word = element / h->options.vector;
    u->skipped = element % h->options.vector;
    u->chunks = (u->skipped + u->columns + h->options.lanes - 1) / h->options.lanes;
    u->out_first = u->row * k->m * groups + g;
    u->out_step = groups;
    u->last_segment = part + 1 == parts;
    vec_push(h->arena, h->units, u);
  }
  return true;
}

int hw_load(const struct hw_design *h) {
  int load = h->options.vector;
  while (h->options.lanes % load)
    load /= 2;
  return load;
}

static int log2_of(int64_t n) {
  int bits = 0;
  while ((int64_t)1 << bits < n)
    bits++;
  return bits;
}

enum { AROUND = 8, BETWEEN = 4 }; /* tern_sum's registers beside its adders; between loads of two chunks */

/* The first chunk's codes are loaded, those of the others while the one before runs, if it is long enough;
 * the last word's sum passes the adders (tern_lanes.v states their latency). */
void hw_time_sum(struct hw_design *h, struct hw_unit *u) {
  int64_t load = (int64_t)h->options.lanes / hw_load(h) * h->options.sequences;
  int64_t chunk = u->m > load + BETWEEN ? u->m : load + BETWEEN;
  int adders = log2_of((h->options.lanes + 3) / 4) + 5 + (h->options.packing == STORE_TILE3);
  u->words = u->chunks * u->m;
  u->busy = u->words;
  u->cycles = (u->chunks - 1) * chunk + u->m + load + adders + AROUND;
}
