/* inventory.c: makes inventories; nothing here knows a device. */
#include "backends/hardware/inventory.h"

struct inventory *inventory_new(struct arena *a, enum inv_machine machine, const char *model,
                                const char *top) {
  struct inventory *v = arena_new(a, struct inventory);
  v->arena = a;
  v->machine = machine;
  v->model = model;
  v->top = top;
  v->sequences = 1;
  return v;
}

struct inv_unit *inv_unit(struct inventory *v, enum inv_kind kind, const char *name, const char *path,
                          const char *module, const char *what) {
  struct inv_unit *u = arena_new(v->arena, struct inv_unit);
  u->in = v;
  u->id = v->units.n;
  u->kind = kind;
  u->name = name;
  u->path = path;
  u->module = module;
  u->what = what;
  vec_push(v->arena, v->units, u);
  return u;
}

void inv_stream(struct inventory *v, const struct inv_unit *from, const struct inv_unit *to, const char *name,
                int bits, int64_t words, bool handshake) {
  struct inv_stream s = {.from = from ? from->id : -1,
                         .to = to ? to->id : -1,
                         .name = name,
                         .bits = bits,
                         .words = words,
                         .handshake = handshake};
  vec_push(v->arena, v->streams, s);
}

void inv_put(struct inv_unit *u, struct inv_part part) {
  if (part.count > 0 && (part.bits > 0 || part.kind == PART_LIBRARY))
    vec_push(u->in->arena, u->parts, part);
}

void inv_add(struct inv_unit *u, int64_t count, int bits, int both_bits, unsigned flags) {
  inv_put(u, (struct inv_part){
                 .kind = PART_ADD, .flags = flags, .count = count, .bits = bits, .other = both_bits});
}

void inv_add_if(struct inv_unit *u, int64_t count, int bits, int operands) {
  inv_put(u, (struct inv_part){.kind = PART_ADD_IF, .count = count, .bits = bits, .other = operands});
}

void inv_invert(struct inv_unit *u, int64_t count, int bits) {
  inv_put(u, (struct inv_part){.kind = PART_INVERT, .count = count, .bits = bits});
}

void inv_add_sub(struct inv_unit *u, int64_t count, int bits) {
  inv_put(u, (struct inv_part){.kind = PART_ADD_SUB, .count = count, .bits = bits});
}

void inv_less(struct inv_unit *u, int64_t count, int bits, unsigned flags) {
  inv_put(u, (struct inv_part){.kind = PART_LESS, .flags = flags, .count = count, .bits = bits});
}

void inv_equal(struct inv_unit *u, int64_t count, int bits, unsigned flags) {
  inv_put(u, (struct inv_part){.kind = PART_EQUAL, .flags = flags, .count = count, .bits = bits});
}

void inv_clamp(struct inv_unit *u, int64_t count, int to_bits, int from_bits) {
  if (from_bits > to_bits)
    inv_put(u, (struct inv_part){.kind = PART_CLAMP, .count = count, .bits = to_bits, .other = from_bits});
}

void inv_mul(struct inv_unit *u, int64_t count, int a, int b, int register_bits) {
  inv_put(u,
          (struct inv_part){.kind = PART_MUL, .count = count, .bits = a, .other = b, .depth = register_bits});
}

void inv_reg(struct inv_unit *u, int64_t count, int bits, unsigned flags) {
  inv_put(u, (struct inv_part){.kind = PART_REG, .flags = flags, .count = count, .bits = bits});
}

void inv_delay(struct inv_unit *u, int64_t count, int bits, int stages, unsigned flags) {
  if (stages > 0)
    inv_put(u, (struct inv_part){
                   .kind = PART_DELAY, .flags = flags, .count = count, .bits = bits, .other = stages});
}

void inv_mux(struct inv_unit *u, int64_t count, int bits, int inputs) {
  if (inputs > 1)
    inv_put(u, (struct inv_part){.kind = PART_MUX, .count = count, .bits = bits, .other = inputs});
}

void inv_case(struct inv_unit *u, int64_t count, int bits, int inputs) {
  inv_put(u, (struct inv_part){.kind = PART_CASE, .count = count, .bits = bits, .other = inputs});
}

void inv_pick(struct inv_unit *u, int64_t count, int bits, int inputs) {
  if (inputs > 1)
    inv_put(u, (struct inv_part){.kind = PART_PICK, .count = count, .bits = bits, .other = inputs});
}

void inv_shift(struct inv_unit *u, int64_t count, int bits, int amount_bits) {
  if (amount_bits > 0)
    inv_put(u, (struct inv_part){.kind = PART_SHIFT, .count = count, .bits = bits, .other = amount_bits});
}

void inv_logic(struct inv_unit *u, int64_t gates, int inputs) {
  if (inputs > 1)
    inv_put(u, (struct inv_part){.kind = PART_LOGIC, .count = gates, .bits = 1, .other = inputs});
}

void inv_ram(struct inv_unit *u, int64_t count, int64_t depth, int lane_bits, int lanes, int reads,
             unsigned flags) {
  inv_put(u, (struct inv_part){.kind = PART_RAM,
                               .flags = flags,
                               .count = count,
                               .bits = lane_bits,
                               .lanes = lanes,
                               .other = reads,
                               .depth = depth});
}

void inv_rom(struct inv_unit *u, int64_t count, int64_t depth, int bits, int reads, unsigned flags) {
  inv_put(
      u, (struct inv_part){
             .kind = PART_ROM, .flags = flags, .count = count, .bits = bits, .other = reads, .depth = depth});
}

/* A column of a table: a bit of each word. */
struct table_column {
  const int64_t *value;
  int64_t depth;
  int bit;
};

static bool column_at(const struct table_column *c, int64_t word) {
  return c->value[word < c->depth ? word : c->depth - 1] >> c->bit & 1;
}

/* Whether it looks at an address bit anywhere within `size` words from `from` on. */
static bool looks_at(const struct table_column *c, int64_t from, int64_t size, int64_t address) {
  for (int64_t i = 0; i < size; i++)
    if (!(i & address) && column_at(c, from + i) != column_at(c, from + i + address))
      return true;
  return false;
}

/* What is made of a table so far. */
struct sub_table {
  struct table_column of;
  int64_t from, size;
};
struct sub_tables {
  struct arena *a;
  VEC(struct sub_table) at;
};

static bool is_made(const struct sub_tables *made, const struct table_column *c, int64_t from, int64_t size) {
  for (int i = 0; i < made->at.n; i++) {
    const struct sub_table *s = &made->at.at[i];
    int64_t same = 0;
    while (s->size == size && same < size && column_at(&s->of, s->from + same) == column_at(c, from + same))
      same++;
    if (same == size)
      return true;
  }
  return false;
}

/* LUTs of `inputs` inputs: one for what looks at no more address bits, else for two halves and their choice.
 * Equal halves are made once. */
static int column_luts(struct sub_tables *made, const struct table_column *c, int64_t from, int64_t size,
                       int inputs) {
  int seen = 0;
  int64_t highest = 0;
  for (int64_t address = 1; address < size; address *= 2)
    if (looks_at(c, from, size, address)) {
      seen++;
      highest = address;
    }
  if (seen < 2 || is_made(made, c, from, 2 * highest))
    return 0;
  vec_push(made->a, made->at, (struct sub_table){*c, from, 2 * highest});
  return seen <= inputs ? 1
                        : 1 + column_luts(made, c, from, highest, inputs) +
                              column_luts(made, c, from + highest, highest, inputs);
}

static bool same_column(const struct table_column *a, const struct table_column *b) {
  for (int64_t i = 0; i < a->depth; i++)
    if (column_at(a, i) != column_at(b, i))
      return false;
  return true;
}

void inv_table(struct inv_unit *u, int64_t count, const int64_t *value, int64_t depth, int bits,
               unsigned flags) {
  struct inv_part part = {
      .kind = PART_ROM, .flags = flags | PART_KNOWN, .count = count, .other = 1, .depth = depth};
  struct sub_tables made[2] = {{.a = u->in->arena}, {.a = u->in->arena}};
  int64_t size = 1;
  while (size < depth)
    size *= 2;
  for (int k = 0; k < bits; k++) {
    struct table_column c = {value, depth, k};
    bool varies = false, again = false;
    for (int64_t i = 1; i < depth && !varies; i++)
      varies = column_at(&c, i) != column_at(&c, 0);
    for (int m = 0; m < k && varies && !again; m++)
      again = same_column(&c, &(struct table_column){value, depth, m});
    if (!varies || again)
      continue;
    part.bits++;
    for (int i = 0; i < 2; i++)
      part.luts[i] += column_luts(&made[i], &c, 0, size, i ? 6 : 4);
  }
  inv_put(u, part);
}

void inv_library(struct inv_unit *u, int64_t count, const char *module, ...) {
  VEC(struct inv_param) params = {0};
  va_list ap;
  va_start(ap, module);
  for (const char *name; (name = va_arg(ap, const char *)) != NULL;)
    vec_push(u->in->arena, params, (struct inv_param){name, va_arg(ap, int)});
  va_end(ap);
  inv_put(
      u,
      (struct inv_part){
          .kind = PART_LIBRARY, .count = count, .module = module, .param = params.at, .n_param = params.n});
}
