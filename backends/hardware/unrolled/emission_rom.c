/* emission_rom.c: tables. Those of one operand in one stage (the columns of an embedding) are one memory; a
 * table that stands alone, as a curve's does, is a function that all who look up in it share. */
#include "backends/hardware/unrolled/emission.h"

/* Tables of one operand and stage are one memory. */
static bool same_rom(const struct emission *e, ref a, ref b) {
  const struct net_node *x = net_at(e->net, a), *y = net_at(e->net, b);
  return y->kind == NET_ROM && e->name[b] && x->in[0] == y->in[0] && x->stage == y->stage &&
         x->unit == y->unit;
}

struct rom {
  VEC(ref) member;
  int width;
};

static void collect(const struct emission *e, ref r, struct rom *rom) {
  *rom = (struct rom){0};
  for (ref k = 0; k < e->net->nodes.n; k++)
    if (same_rom(e, r, k)) {
      vec_push(e->arena, rom->member, k);
      rom->width += net_width(e->net, k);
    }
}

static void print_entry(const struct emission *e, const struct rom *rom, int64_t entry, char *bits,
                        FILE *out) {
  int at = 0;
  for (int i = 0; i < rom->member.n; i++) {
    int w = net_width(e->net, rom->member.at[i]);
    int64_t v = e->net->tables.at[net_at(e->net, rom->member.at[i])->table].value[entry];
    for (int k = 0; k < w; k++)
      bits[at++] = (char)(v >> k & 1);
  }
  fprintf(out, "%d'h", rom->width);
  for (int k = (rom->width + 3) / 4 - 1; k >= 0; k--)
    fprintf(out, "%x", bits[4 * k] | bits[4 * k + 1] << 1 | bits[4 * k + 2] << 2 | bits[4 * k + 3] << 3);
}

static void print_cases(const struct emission *e, const struct rom *rom, const char *address,
                        const char *result, FILE *out) {
  const struct net_node *x = net_at(e->net, rom->member.at[0]);
  const struct net_table *t = &e->net->tables.at[x->table];
  int width = net_width(e->net, x->in[0]);
  char *bits = arena_alloc(e->arena, (size_t)rom->width + 4);
  fprintf(out, "    case (%s)\n", address);
  for (int64_t i = 0; i < t->n; i++) {
    uint64_t at = (uint64_t)(t->first + i) & (((uint64_t)1 << width) - 1);
    fprintf(out, "      %d'd%llu: %s = ", width, (unsigned long long)at, result);
    print_entry(e, rom, i, bits, out);
    fprintf(out, ";\n");
  }
  if ((int64_t)1 << width != t->n)
    fprintf(out, "      default: %s = {%d{1'bx}};\n", result, rom->width);
  fprintf(out, "    endcase\n");
}

void net_emit_lookups(const struct emission *e, int unit, FILE *out) {
  bool *done = arena_array(e->arena, bool, e->net->tables.n + 1);
  struct rom rom;
  for (ref r = 0; r < e->net->nodes.n; r++) {
    const struct net_node *x = net_at(e->net, r);
    if (x->kind != NET_ROM || !e->name[r] || x->unit != unit || done[x->table])
      continue;
    collect(e, r, &rom);
    if (rom.member.n > 1)
      continue;
    done[x->table] = true;
    const char *name = e->table_name[x->table];
    fprintf(out, "  function %s%s(input %sat);\n", net_range_text(e, ~(net_mask)0 >> (64 - rom.width)), name,
            net_range_text(e, ~(net_mask)0 >> (64 - net_width(e->net, x->in[0]))));
    print_cases(e, &rom, "at", name, out);
    fprintf(out, "  endfunction\n");
  }
}

static void assign(const struct emission *e, ref r, const char *value, FILE *out) {
  if (net_is_export(e, net_at(e->net, r)->unit, r, 0))
    fprintf(out, "  assign %s = %s;\n", e->name[r], value);
  else
    net_declare(e, out, "wire", r, 0, value);
}

void net_emit_rom(const struct emission *e, ref r, bool *done, FILE *out) {
  const struct net_node *x = net_at(e->net, r);
  const char *address = net_bits_text(e, x->in[0], x->stage, 0, net_width(e->net, x->in[0]));
  const char *memory = arena_printf(e->arena, "%s_rom", e->name[r]);
  struct rom rom;
  collect(e, r, &rom);
  if (rom.member.n == 1) {
    assign(e, r, arena_printf(e->arena, "%s(%s)", e->table_name[x->table], address), out);
    return;
  }
  fprintf(out, "  reg [%d:0] %s;\n  always @*\n", rom.width - 1, memory);
  print_cases(e, &rom, address, memory, out);
  for (int i = 0, at = 0; i < rom.member.n; i++) {
    int w = net_width(e->net, rom.member.at[i]);
    assign(e, rom.member.at[i],
           w == 1 ? arena_printf(e->arena, "%s[%d]", memory, at)
                  : arena_printf(e->arena, "%s[%d:%d]", memory, at + w - 1, at),
           out);
    at += w;
    done[rom.member.at[i]] = true;
  }
}
