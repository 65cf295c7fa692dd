/* print_fetch.c: the program of the sequencer, and what a step reads of the weight image. */
#include "backends/hardware/streaming/printer.h"

void print_program(struct hw_printer *p) {
  const struct hw_design *h = p->h;
  int units = address_bits(h->units.n);
  v_comment(
      p, arena_printf(
             p->a,
             "%s__program: what a step runs, one after another: %d rows of a unit and its repeats' indices.",
             h->name, h->rows.n));
  for (int k = 0; k < h->units.n; k++)
    v_comment(p, arena_printf(p->a, "unit %d: %s", k, h->units.at[k]->name));
  v_comment(p, "One clock from row to unit, i, j.");
  v_line(p, "module %s__program (", h->name);
  v_line(p, "  input  wire clk,");
  v_line(p, "  input  wire [%d:0] row,", address_bits(h->rows.n) - 1);
  v_line(p, "  output reg  [%d:0] unit,", units - 1);
  v_line(p, "  output reg  [15:0] i,");
  v_line(p, "  output reg  [15:0] j");
  v_line(p, ");");
  p->indent++;
  v_line(p, "always @(posedge clk)");
  v_line(p, "  case (row)");
  for (int k = 0; k < h->rows.n; k++) {
    const struct hw_row *r = &h->rows.at[k];
    v_line(p, "    %s: {unit, i, j} <= {%s, 16'd%lld, 16'd%lld};",
           k + 1 < h->rows.n ? literal(p->a, k, address_bits(h->rows.n)) : "default",
           literal(p->a, r->unit->id, units), (long long)r->i, (long long)r->j);
  }
  v_line(p, "  endcase");
  p->indent--;
  v_line(p, "endmodule");
}

/* ---- fetch ----------------------------------------------------------------------------------------- */

struct fetch_command { /* of a step: `words` from word `at`, and on by as much for each token */
  int64_t at, words;
  int sequence; /* whose token, or -1 */
};
struct fetch_commands {
  VEC(struct fetch_command) list;
};

/* The rows that tokens choose, a command for each token, then one command for all the rest. */
static struct fetch_commands *fetch_commands(const struct hw_printer *p) {
  const struct hw_design *h = p->h;
  struct fetch_commands *commands = arena_new(p->a, struct fetch_commands);
  int64_t at = 0;
  for (int k = 0; k < h->prefix_rows; k++) {
    const struct hw_unit *u = h->rows.at[k].unit;
    int times = u->kind == HW_UNIT_SUM ? 1 : h->options.sequences;
    for (int n = 0; n < times && u->words; n++)
      vec_push(p->a, commands->list, (struct fetch_command){at, u->words, n});
    at += u->words * h->table_rows;
  }
  if (h->linear_words)
    vec_push(p->a, commands->list, (struct fetch_command){at, h->linear_words, -1});
  return commands;
}

static void print_fetch_ports(struct hw_printer *p) {
  const struct hw_design *h = p->h;
  v_line(p, "module %s__fetch (", h->name);
  p->indent++;
  v_line(p, "input  wire clk,");
  v_line(p, "input  wire aresetn,");
  v_line(p, "input  wire begin_step, // for one clock");
  v_line(p, "input  wire [%d:0] tokens,", 32 * h->options.sequences - 1);
  v_line(p, "output reg  [39:0] offset,");
  v_line(p, "output reg  [31:0] bytes,");
  v_line(p, "output reg  valid,");
  v_line(p, "input  wire ready");
  p->indent--;
  v_line(p, ");");
}

/* What command `next` reads: from, size, and the token that chooses the row. */
static void print_commands(struct hw_printer *p, const struct fetch_commands *commands) {
  const struct hw_design *h = p->h;
  int bits = address_bits(commands->list.n + 1);
  int64_t bytes = h->word_bits / 8;
  v_line(p, "always @*");
  v_line(p, "  case (next)");
  for (int k = 0; k < commands->list.n; k++) {
    const struct fetch_command *c = &commands->list.at[k];
    const char *pick = !h->prefix_rows ? ""
                       : c->sequence < 0
                           ? "32'd0"
                           : arena_printf(p->a, "tokens[%d:%d]", 32 * c->sequence + 31, 32 * c->sequence);
    const char *label = k + 1 < commands->list.n ? literal(p->a, k, bits) : "default";
    if (h->prefix_rows)
      v_line(p, "    %s: {from, size, token} = {40'd%lld, 32'd%lld, %s};", label, (long long)(c->at * bytes),
             (long long)(c->words * bytes), pick);
    else
      v_line(p, "    %s: {from, size} = {40'd%lld, 32'd%lld};", label, (long long)(c->at * bytes),
             (long long)(c->words * bytes));
  }
  if (!commands->list.n)
    v_line(p, "    default: {from, size} = 72'd0;");
  v_line(p, "  endcase");
}

/* Where the command's bytes begin. */
static const char *fetch_place(struct hw_printer *p) {
  const struct hw_design *h = p->h;
  int token = h->prefix_rows ? unsigned_bits(h->table_rows - 1) : 1;
  if (!h->prefix_rows)
    return "from";
  v_line(p, "wire [%d:0] place = token >= 32'd%lld ? %s : token[%d:0];", token - 1, (long long)h->table_rows,
         literal(p->a, h->table_rows - 1, token), token - 1);
  return arena_printf(p->a, "from + {%d'd0, place} * {8'd0, size}", 40 - token);
}

void print_fetch(struct hw_printer *p) {
  const struct hw_design *h = p->h;
  const struct fetch_commands *commands = fetch_commands(p);
  int bits = address_bits(commands->list.n + 1);
  v_comment(p,
            arena_printf(
                p->a,
                "%s__fetch: what a step reads of the weight image, in the order in which it comes: rows that "
                "tokens choose, then all the rest.",
                h->name));
  v_comment(p, "A token beyond the table means its last row.");
  print_fetch_ports(p);
  p->indent++;
  v_line(p, "reg [%d:0] next; // command, or none", bits - 1);
  v_line(p, "reg [39:0] from;");
  v_line(p, "reg [31:0] size;");
  if (h->prefix_rows)
    v_line(p, "reg [31:0] token;");
  else
    v_line(p, "wire unused = &{1'b0, tokens};");
  print_commands(p, commands);
  const char *where = fetch_place(p);
  v_line(p, "always @(posedge clk)");
  p->indent++;
  v_line(p, "if (!aresetn) begin");
  v_line(p, "  next <= %s;", literal(p->a, commands->list.n, bits));
  v_line(p, "  valid <= 1'b0;");
  v_line(p, "end else if (begin_step) begin");
  v_line(p, "  next <= %s;", literal(p->a, 0, bits));
  v_line(p, "end else if (!valid || ready) begin");
  v_line(p, "  valid <= next != %s;", literal(p->a, commands->list.n, bits));
  v_line(p, "  offset <= %s;", where);
  v_line(p, "  bytes <= size;");
  v_line(p, "  if (next != %s)", literal(p->a, commands->list.n, bits));
  v_line(p, "    next <= next + %s;", literal(p->a, 1, bits));
  v_line(p, "end");
  p->indent -= 2;
  v_line(p, "endmodule");
}
