/* describe.c: fills the tables: dimensions, each entry's ports, entries, fills of states, kernels, the model.
 */
#include "backends/lower/describe.h"

#include "backends/lower/facts.h"
#include "ir/layout.h"
#include "runtime/model.h"
#include <string.h>

/* ---- structures ------------------------------------------------------------------------------ */

/* Each structure's members, their numbers ENTRY_name, ..., and its record. */
#define MEMBER(kind, type, name) {MEMBER_##kind, #name},

static const struct member args_members[] = {
#define TERN_ARGS MEMBER
#include "runtime/model.def"
};
static const struct member port_members[] = {
#define TERN_PORT MEMBER
#include "runtime/model.def"
};
static const struct member dim_members[] = {
#define TERN_DIM MEMBER
#include "runtime/model.def"
};
static const struct member entry_members[] = {
#define TERN_ENTRY MEMBER
#include "runtime/model.def"
};
static const struct member kernel_members[] = {
#define TERN_KERNEL_INFO MEMBER
#include "runtime/model.def"
};
static const struct member fill_members[] = {
#define TERN_FILL MEMBER
#include "runtime/model.def"
};
static const struct member past_members[] = {
#define TERN_PAST MEMBER
#include "runtime/model.def"
};
static const struct member tensor_members[] = {
#define TERN_TENSOR MEMBER
#include "runtime/model.def"
};
static const struct member region_members[] = {
#define TERN_REGION MEMBER
#include "runtime/model.def"
};
static const struct member training_members[] = {
#define TERN_TRAINING MEMBER
#include "runtime/model.def"
};
static const struct member model_members[] = {
#define TERN_MODEL MEMBER
#include "runtime/model.def"
};

#define RECORD(type, members) {type, sizeof members / sizeof *members, members}

const struct record record_args = RECORD("struct tern_args", args_members);
const struct record record_model = RECORD("struct tern_model", model_members);
static const struct record record_port = RECORD("struct tern_port", port_members);
static const struct record record_dim = RECORD("struct tern_dim", dim_members);
static const struct record record_entry = RECORD("struct tern_entry", entry_members);
static const struct record record_kernel = RECORD("struct tern_kernel_info", kernel_members);
static const struct record record_fill = RECORD("struct tern_fill", fill_members);
static const struct record record_past = RECORD("struct tern_past", past_members);

static const struct record record_tensor = RECORD("struct tern_tensor", tensor_members);
static const struct record record_region = RECORD("struct tern_region", region_members);
static const struct record record_training = RECORD("struct tern_training", training_members);

enum {
#define TERN_PORT(kind, type, name) PORT_##name,
#include "runtime/model.def"
};
enum {
#define TERN_DIM(kind, type, name) DIM_##name,
#include "runtime/model.def"
};
enum {
#define TERN_ENTRY(kind, type, name) ENTRY_##name,
#include "runtime/model.def"
};
enum {
#define TERN_KERNEL_INFO(kind, type, name) KERNEL_##name,
#include "runtime/model.def"
};
enum {
#define TERN_FILL(kind, type, name) FILL_##name,
#include "runtime/model.def"
};
enum {
#define TERN_PAST(kind, type, name) PAST_##name,
#include "runtime/model.def"
};
enum {
#define TERN_TENSOR(kind, type, name) TENSOR_##name,
#include "runtime/model.def"
};
enum {
#define TERN_REGION(kind, type, name) REGION_##name,
#include "runtime/model.def"
};
enum {
#define TERN_TRAINING(kind, type, name) TRAINING_##name,
#include "runtime/model.def"
};
enum {
#define TERN_MODEL(kind, type, name) MODEL_##name,
#include "runtime/model.def"
};

/* ---- cells ----------------------------------------------------------------------------------- */

struct describing {
  struct arena *a;
  const struct loops *l;
  struct description d;
};

static struct cell number(uint64_t n) {
  return (struct cell){.kind = CELL_NUMBER, .number = n};
}

static struct cell signed_number(int64_t n) {
  return number((uint64_t)n);
}

static struct cell text(const char *s) {
  return (struct cell){.kind = CELL_TEXT, .text = s ? s : ""};
}

static struct cell table_cell(const struct table *t) {
  return t ? (struct cell){.kind = CELL_TABLE, .table = t} : number(0);
}

/* NULL when it has no rows. */
static struct table *table_new(struct describing *x, const char *name, const struct record *r, int n_rows) {
  if (!n_rows)
    return NULL;
  struct table *t = arena_new(x->a, struct table);
  *t = (struct table){name, r, n_rows, arena_array(x->a, struct cell, n_rows * r->n)};
  vec_push(x->a, x->d.tables, t);
  return t;
}

static uint64_t planned(int64_t bytes) {
  return bytes < 0 ? 0 : (uint64_t)bytes;
}

/* ---- tables ---------------------------------------------------------------------------------- */

static bool has_dim(const struct loops *l, int64_t dim) {
  for (int i = 0; i < l->entries.n; i++)
    if (func_has_dim(l->entries.at[i]->func, dim))
      return true;
  return false;
}

static struct table *describe_dims(struct describing *x) {
  const struct module *m = x->l->module;
  struct table *t = table_new(x, "dims", &record_dim, m->dims.n);
  for (int i = 0; i < m->dims.n; i++) {
    struct cell *row = t->cells + i * t->record->n;
    struct type along = type_lead(type_scalar(ELEM_U32), -1 - i);
    row[DIM_name] = text(m->dims.at[i].name);
    row[DIM_most] = number(has_dim(x->l, -1 - i) ? (uint64_t)most_count(m, along) : 0);
  }
  return t;
}

static void describe_port(const struct describing *x, const struct entry_port *p, struct cell *row) {
  static const enum tern_access accesses[] = {
      [PORT_IN] = TERN_IN, [PORT_OUT] = TERN_OUT, [PORT_UPDATED] = TERN_UPDATED, [PORT_ROWS] = TERN_ROWS};
  static const enum tern_elem elems[ELEM_COUNT] = {
      [ELEM_BOOL] = TERN_BOOL, [ELEM_U32] = TERN_U32, [ELEM_I8] = TERN_I8,
      [ELEM_I16] = TERN_I16,   [ELEM_I32] = TERN_I32, [ELEM_F32] = TERN_F32};
  int64_t lead = p->type.rank && p->type.dim[0] < 0 ? p->type.dim[0] : 0;
  row[PORT_name] = text(p->name);
  row[PORT_type] = text(type_text(x->a, x->l->module, p->type));
  row[PORT_access] = number(accesses[p->access]);
  row[PORT_elem] = number(elems[p->type.elem]);
  row[PORT_frac] = signed_number(p->frac == FRAC_NONE ? 0 : p->frac);
  row[PORT_dim] = signed_number(-1 - lead);
  row[PORT_elements] = number((uint64_t)type_count(p->type, NULL));
}

static struct table *describe_ports(struct describing *x, const struct entry *e) {
  const char *name = arena_printf(x->a, "ports%u", e->number);
  struct table *t = table_new(x, name, &record_port, e->ports.n);
  for (int i = 0; i < e->ports.n; i++)
    describe_port(x, &e->ports.at[i], t->cells + i * t->record->n);
  return t;
}

static struct table *describe_entries(struct describing *x) {
  int n = x->l->entries.n;
  struct table **ports = arena_array(x->a, struct table *, n);
  for (int i = 0; i < n; i++)
    ports[i] = describe_ports(x, x->l->entries.at[i]);
  struct table *t = table_new(x, "entries", &record_entry, n);
  for (int i = 0; i < n; i++) {
    const struct entry *e = x->l->entries.at[i];
    struct cell *row = t->cells + i * t->record->n;
    row[ENTRY_name] = text(e->name);
    row[ENTRY_run] = (struct cell){.kind = CELL_ENTRY, .number = e->number};
    row[ENTRY_ports] = table_cell(ports[i]);
    row[ENTRY_n_ports] = signed_number(e->ports.n);
    row[ENTRY_barriers] = signed_number(e->barriers);
    row[ENTRY_scratch] = signed_number(e->scratch);
    row[ENTRY_own] = signed_number(e->own);
    row[ENTRY_weight_bytes] = number(e->weight_bytes);
  }
  return t;
}

static uint64_t count_of(const int64_t *counts, int n, int i) {
  return i < n ? (uint64_t)counts[i] : 1;
}

static struct table *describe_fills(struct describing *x) {
  struct state_fill *fills;
  int n = state_fills(x->a, x->l->module, &fills);
  struct table *t = table_new(x, "fills", &record_fill, n);
  for (int i = 0; i < n; i++) {
    struct cell *row = t->cells + i * t->record->n;
    row[FILL_at] = signed_number(fills[i].at);
    row[FILL_count] = signed_number(fills[i].count);
    row[FILL_size] = signed_number(elem_bytes(fills[i].elem));
    row[FILL_bits] = number(fill_bits(&fills[i]));
  }
  return t;
}

static struct table *describe_pasts(struct describing *x) {
  const struct module *m = x->l->module;
  int n = 0;
  for (const struct state *s = m->states; s; s = s->next)
    n += type_is_past(m, s->type);
  struct table *t = table_new(x, "pasts", &record_past, n);
  struct cell *row = t ? t->cells : NULL;
  for (const struct state *s = m->states; s; s = s->next) {
    if (!type_is_past(m, s->type))
      continue;
    row[PAST_at] = signed_number(s->offset);
    row[PAST_stride] = signed_number(s->stride);
    row[PAST_instances] = number(count_of(s->counts, s->n_counts, 0) * count_of(s->counts, s->n_counts, 1));
    row[PAST_row] = signed_number(state_element_bytes(s) * type_count(type_rest(s->type), NULL));
    row[PAST_most] = signed_number(dim_of(m, s->type.dim[0])->most);
    row[PAST_ring] = signed_number(past_ring(m, s->type.dim[0]));
    row += t->record->n;
  }
  return t;
}

static struct table *describe_kernels(struct describing *x) {
  struct table *t = table_new(x, "kernels", &record_kernel, x->l->n_kernels);
  for (const struct kernel *k = x->l->kernels; k; k = k->next) {
    struct cell *row = t->cells + (int)k->number * t->record->n;
    row[KERNEL_name] = text(kernel_title(k));
    row[KERNEL_run] = (struct cell){.kind = CELL_KERNEL, .number = k->number};
    row[KERNEL_file] = text(source_name(x->a, x->l->module, k->at.file));
    row[KERNEL_line] = number(k->at.line);
    row[KERNEL_entry] = number(k->entry->number);
    row[KERNEL_weight_bytes] = number(k->weight_bytes);
  }
  return t;
}

/* ---- training -------------------------------------------------------------------------------- */

/* By how its name begins; a model's own states have names of the spec. A history stays as it is until the
 * sequence ends, whatever has been gone back through. */
static enum tern_region_kind region_kind(const struct module *m, const struct state *s) {
  static const struct {
    const char *prefix;
    enum tern_region_kind kind;
  } kinds[] = {{"back.", TERN_BACK},     {"grad.", TERN_GRADIENT},   {"mean.", TERN_MEAN},
               {"square.", TERN_SQUARE}, {"tape.", TERN_SAVED},      {"start.", TERN_PASSING},
               {"again.", TERN_PASSING}, {"sum.", TERN_PASSING},     {"replay.", TERN_REPLAYED},
               {"part.", TERN_PASSING},  {"mean_scale.", TERN_MEAN}, {"square_scale.", TERN_SQUARE}};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (strncmp(s->name, kinds[i].prefix, strlen(kinds[i].prefix)) == 0)
      return kinds[i].kind;
  bool history = type_is_past(m, s->type) && !past_ring(m, s->type.dim[0]);
  return history ? TERN_PASSING : TERN_SEQUENCE;
}

static enum tern_elem region_elem(const struct state *s) {
  return s->stored == STORE_BF16    ? TERN_BF16
         : s->type.elem == ELEM_F32 ? TERN_F32
         : s->type.elem == ELEM_I8  ? TERN_I8
                                    : TERN_BOOL;
}

static struct table *describe_regions(struct describing *x) {
  const struct module *m = x->l->module;
  int n = 0, i = 0;
  for (const struct state *s = m->states; s; s = s->next)
    n++;
  struct table *t = table_new(x, "regions", &record_region, n);
  for (const struct state *s = m->states; s; s = s->next) {
    struct cell *row = t->cells + i++ * t->record->n;
    row[REGION_name] = text(s->name);
    row[REGION_kind] = number(region_kind(m, s));
    row[REGION_elem] = number(region_elem(s));
    row[REGION_at] = signed_number(s->offset);
    row[REGION_stride] = signed_number(s->stride);
    row[REGION_instances] = number(count_of(s->counts, s->n_counts, 0) * count_of(s->counts, s->n_counts, 1));
    row[REGION_bytes] = signed_number(state_size(m, s));
  }
  return t;
}

/* The number of the state PREFIX.NAME in the table of regions; -1: there is none. */
static int64_t region_number(const struct describing *x, const char *prefix, const char *name) {
  const char *wanted = arena_printf(x->a, "%s.%s", prefix, name);
  int64_t i = 0;
  for (const struct state *s = x->l->module->states; s; s = s->next, i++)
    if (strcmp(s->name, wanted) == 0)
      return i;
  return -1;
}

/* The weight whose gradient and codes the master is for; any other is its own. */
static const char *trained_as(const struct module *m, const struct weight *w) {
  static const char master[] = "master.";
  const char *rest = w->name + sizeof master - 1;
  bool is_master = strncmp(w->name, master, sizeof master - 1) == 0 && w->tensor && weight_find(m, rest);
  return is_master ? rest : w->name;
}

static uint32_t bits_of(double x) {
  float narrow = (float)x;
  uint32_t bits;
  memcpy(&bits, &narrow, sizeof bits);
  return bits;
}

static void describe_tensor(const struct describing *x, const struct weight *w, struct cell *row) {
  static const int dims[] = {TENSOR_dim0, TENSOR_dim1, TENSOR_dim2, TENSOR_dim3, TENSOR_dim4};
  const char *as = trained_as(x->l->module, w);
  _Static_assert(sizeof dims / sizeof *dims == MAX_RANK, "a tensor has as many dimensions as a type");
  row[TENSOR_name] = text(w->tensor ? w->tensor : w->name);
  row[TENSOR_outer] = number(count_of(w->counts, w->n_counts, 0));
  row[TENSOR_inner] = number(count_of(w->counts, w->n_counts, 1));
  row[TENSOR_rank] = signed_number(w->type.rank);
  for (int i = 0; i < MAX_RANK; i++)
    row[dims[i]] = number(count_of(w->type.dim, w->type.rank, i));
  row[TENSOR_at] = signed_number(w->offset);
  row[TENSOR_stride] = signed_number(w->stride);
  row[TENSOR_elem] = number(w->stored == STORE_BF16 ? TERN_BF16 : TERN_F32);
  row[TENSOR_role] = number(w->role);
  row[TENSOR_mean_bits] = number(bits_of(w->begins.mean));
  row[TENSOR_deviation_bits] = number(bits_of(w->begins.deviation));
  row[TENSOR_ternary] = number(as != w->name);
  row[TENSOR_gradient] = signed_number(region_number(x, "grad", as));
  row[TENSOR_mean] = signed_number(region_number(x, "mean", as));
  row[TENSOR_square] = signed_number(region_number(x, "square", as));
  row[TENSOR_mean_scale] = signed_number(region_number(x, "mean_scale", as));
  row[TENSOR_square_scale] = signed_number(region_number(x, "square_scale", as));
}

static bool is_tensor(const struct weight *w) {
  return w->type.elem == ELEM_F32 && w->origin == WEIGHT_LOADED && w->stored != STORE_NONE;
}

static struct table *describe_tensors(struct describing *x) {
  const struct module *m = x->l->module;
  int n = 0, i = 0;
  for (const struct weight *w = m->weights; w; w = w->next)
    n += is_tensor(w);
  struct table *t = table_new(x, "tensors", &record_tensor, n);
  for (const struct weight *w = m->weights; w; w = w->next)
    if (is_tensor(w))
      describe_tensor(x, w, t->cells + i++ * t->record->n);
  return t;
}

static void point_to(struct cell *row, int pointer, int count, const struct table *t) {
  row[pointer] = table_cell(t);
  row[count] = signed_number(t ? t->n_rows : 0);
}

/* NULL for a module that is not made to be trained. */
static struct table *describe_training(struct describing *x) {
  if (!func_find(x->l->module, "update"))
    return NULL;
  struct table *regions = describe_regions(x), *tensors = describe_tensors(x);
  struct table *t = table_new(x, "training", &record_training, 1);
  point_to(t->cells, TRAINING_tensors, TRAINING_n_tensors, tensors);
  point_to(t->cells, TRAINING_regions, TRAINING_n_regions, regions);
  t->cells[TRAINING_config] = text(x->l->module->config);
  return t;
}

/* Of a sequence's state, at its end: where plan-memory has put them. */
static uint64_t past_bytes(const struct module *m) {
  int64_t first = m->state_bytes;
  for (const struct state *s = m->states; s; s = s->next)
    if (type_is_past(m, s->type) && s->offset < first)
      first = s->offset;
  return first < 0 ? 0 : (uint64_t)(m->state_bytes - first);
}

/* ---- the model ------------------------------------------------------------------------------- */

static void describe_model(struct describing *x, const struct code_facts *code) {
  const struct module *m = x->l->module;
  const struct weight *rows = row_table(m);
  struct cell *row = x->d.model = arena_array(x->a, struct cell, record_model.n);
  row[MODEL_abi] = number(TERN_ABI);
  row[MODEL_name] = text(m->name);
  row[MODEL_spec] = text(m->spec);
  row[MODEL_target] = text(code->target);
  row[MODEL_compiler] = text("ternc " TERN_VERSION);
  row[MODEL_params] = text(params_text(x->a, m));
  row[MODEL_serial] = text(serial_text(x->a, x->l));
  row[MODEL_layout] = number(layout_hash(m));
  row[MODEL_state_shape] = number(state_hash(m));
  row[MODEL_parameters] = number(parameter_count(m));
  row[MODEL_weights_bytes] = number(planned(m->weights_bytes));
  row[MODEL_state_bytes] = number(planned(m->state_bytes));
  row[MODEL_past_bytes] = number(past_bytes(m));
  row[MODEL_context] = number((uint64_t)context_length(m));
  point_to(row, MODEL_pasts, MODEL_n_pasts, describe_pasts(x));
  row[MODEL_table_at] = signed_number(rows ? rows->offset : 0);
  row[MODEL_table_bytes] = signed_number(rows ? weight_bytes(rows) : 0);
  point_to(row, MODEL_dims, MODEL_n_dims, describe_dims(x));
  point_to(row, MODEL_entries, MODEL_n_entries, describe_entries(x));
  point_to(row, MODEL_fills, MODEL_n_fills, describe_fills(x));
  point_to(row, MODEL_kernels, MODEL_n_kernels, describe_kernels(x));
  row[MODEL_training] = table_cell(describe_training(x));
  row[MODEL_threads] = number(code->threads);
  row[MODEL_features] = code->features ? text(code->features) : number(0);
  row[MODEL_better] = (struct cell){.kind = CELL_BETTER};
}

struct description describe(struct arena *a, const struct loops *l, const struct code_facts *code) {
  struct describing x = {.a = a, .l = l};
  describe_model(&x, code);
  return x.d;
}
