/* sequencer.c: the sequencer's program: the model's schedule with its repeats unrolled, and what it takes. */
#include "backends/hardware/streaming/design.h"

#include "backends/lower/facts.h"
#include "backends/lower/index.h"
#include "backends/lower/lower.h"
#include <string.h>

enum { MOST_ROWS = 1 << 16 };

static struct hw_unit *find_unit(const struct hw_design *h, const struct kernel *k) {
  for (int i = 0; i < h->units.n; i++)
    if (h->units.at[i]->kernel == k)
      return h->units.at[i];
  return NULL;
}

/* Trip counts of the repeats around the first call of each kernel. */
static bool add_units(struct hw_design *h, struct diag *d, const struct call *c, const int64_t *counts,
                      int depth) {
  bool ok = true;
  for (; c && ok; c = c->next) {
    int64_t inner[MAX_REPEATS] = {counts[0], counts[1]};
    if (!c->kernel) {
      if (depth < MAX_REPEATS) /* loops_lower refused more */
        inner[depth] = c->count;
      ok = add_units(h, d, c->body, inner, depth + 1);
    } else if (find_unit(h, c->kernel)) {
      continue;
    } else if (c->kernel->kind == KERNEL_TERNARY_SUM) {
      ok = hw_add_sums(h, d, c->kernel, counts[0], counts[1]);
    } else {
      struct hw_unit *u = arena_new(h->arena, struct hw_unit);
      *u = (struct hw_unit){
          .kind = HW_UNIT_KERNEL, .kernel = c->kernel, .name = c->kernel->name, .id = h->units.n};
      u->module = arena_printf(h->arena, "%s__%s", h->name, u->name);
      u->i_count = counts[0];
      u->j_count = counts[1];
      vec_push(h->arena, h->units, u);
      ok = hw_lower_kernel(h, d, u);
    }
  }
  return ok;
}

static void add_rows(struct hw_design *h, const struct call *c, int64_t i, int64_t j, int depth) {
  for (; c && h->rows.n <= MOST_ROWS; c = c->next) {
    if (!c->kernel) {
      for (int64_t n = 0; n < c->count && h->rows.n <= MOST_ROWS; n++)
        add_rows(h, c->body, depth == 0 ? n : i, depth == 0 ? j : n, depth + 1);
      continue;
    }
    struct hw_unit *u = find_unit(h, c->kernel);
    for (int k = u->id; k < h->units.n && h->units.at[k]->kernel == c->kernel; k++) {
      vec_push(h->arena, h->rows, (struct hw_row){h->units.at[k], i, j});
      h->units.at[k]->runs++;
    }
  }
}

bool hw_schedule(struct hw_design *h, struct diag *d) {
  int64_t ones[MAX_REPEATS] = {1, 1};
  if (!add_units(h, d, language_step(h->loops)->schedule, ones, 0))
    return false;
  add_rows(h, language_step(h->loops)->schedule, 0, 0, 0);
  if (h->rows.n > MOST_ROWS) {
    diag_error(d,
               "a step of the model takes more than %d runs of kernels and sums, which the sequencer's "
               "memory does not hold; fewer or shorter repeats would fit",
               MOST_ROWS);
    return false;
  }
  return true;
}

/* ---- what it takes --------------------------------------------------------------------------------- */

static bool is_dynamic(const struct hw_unit *u) {
  for (int i = 0; i < u->phases.n; i++)
    if (u->phases.at[i]->dynamic)
      return true;
  return false;
}

/* Rows of the tables that the token chooses from: the smallest of their weights. */
static int64_t table_rows(const struct hw_design *h) {
  int64_t rows = INT64_MAX;
  for (int i = 0; i < h->units.n; i++)
    for (int k = 0; k < h->units.at[i]->phases.n; k++) {
      const struct hw_phase *p = h->units.at[i]->phases.at[k];
      for (int n = 0; n < p->nodes.n; n++) {
        const struct hw_node *x = p->nodes.at[n];
        int64_t row = x->kind == HW_NODE_WEIGHT ? hw_row_of(x->index) : 0;
        if (row > 0 && x->expr->buffer->elements / row < rows)
          rows = x->expr->buffer->elements / row;
      }
    }
  return rows == INT64_MAX ? 1 : rows;
}

/* What the token's number is multiplied by. */
int64_t hw_row_of(const struct index *x) {
  if (!x)
    return 0;
  if (x->kind == INDEX_VALUE)
    return 1;
  int64_t a = hw_row_of(x->a), b = hw_row_of(x->b);
  if (x->kind == INDEX_MUL)
    return a * x->b->constant;
  return a ? a : b;
}

static int64_t runs_of(const struct hw_design *h, const struct hw_unit *u) {
  return u->kind == HW_UNIT_SUM ? 1 : h->options.sequences; /* sums serve all sequences at once */
}

static bool find_prefix(struct hw_design *h, struct diag *d) {
  h->prefix_rows = 0;
  for (int i = 0; i < h->rows.n; i++)
    if (is_dynamic(h->rows.at[i].unit))
      h->prefix_rows = i + 1;
  for (int i = 0; i < h->prefix_rows; i++)
    h->prefix_words += h->rows.at[i].unit->words;
  if (h->prefix_rows > 1 && h->prefix_words > 1 << 20) {
    const struct hw_unit *u = h->rows.at[h->prefix_rows - 1].unit;
    diag_at(d, SEVERITY_ERROR, u->kernel->at,
            "the token's row of a weight is read after most of the model; the hardware can read such rows "
            "only at "
            "the beginning of a step");
    return false;
  }
  return true;
}

bool hw_add_up(struct hw_design *h, struct diag *d) {
  if (!find_prefix(h, d))
    return false;
  h->table_rows = h->prefix_rows ? table_rows(h) : 0;
  h->step_cycles = STEP_OVERHEAD;
  h->step_words = h->linear_words = 0;
  for (int i = 0; i < h->rows.n; i++) {
    const struct hw_unit *u = h->rows.at[i].unit;
    int64_t runs = runs_of(h, u);
    h->step_words += runs * u->words;
    if (i >= h->prefix_rows)
      h->linear_words += runs * u->words;
    h->step_cycles += runs * (u->cycles + ROW_OVERHEAD);
    if (unit_stores_logits(u))
      h->step_cycles += runs * (RESULT_OVERHEAD + h->options.topk);
  }
  h->image_words = h->table_rows * h->prefix_words + h->linear_words;
  return true;
}

bool unit_stores_logits(const struct hw_unit *u) {
  if (u->kind == HW_UNIT_SUM)
    return u->out->place == HW_LOGITS;
  for (int i = 0; i < u->phases.n; i++)
    for (int k = 0; k < u->phases.at[i]->stores.n; k++)
      if (u->phases.at[i]->stores.at[k]->buffer->place == HW_LOGITS)
        return true;
  return false;
}
