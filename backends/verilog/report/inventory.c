/* inventory.c: makes inventories; nothing here knows a device. */
#include "backends/verilog/report/inventory.h"

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

void inv_fit(struct inv_unit *u, int64_t count, int to_bits, int from_bits) {
  if (from_bits > to_bits)
    inv_put(u, (struct inv_part){.kind = PART_FIT, .count = count, .bits = to_bits, .other = from_bits});
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
