/* print_kernel.c: a kernel's module: ports, the sequencer of its phases, its own arrays, and the phases. */
#include "backends/hardware/streaming/printer.h"

#include "backends/lower/facts.h"
#include "backends/lower/lower.h"
#include <string.h>

int unit_ports(const struct hw_unit *u, const struct hw_buffer *b) {
  int n = 0;
  for (int i = 0; i < u->phases.n; i++)
    for (int k = 0; k < u->phases.at[i]->nodes.n; k++) {
      const struct hw_node *x = u->phases.at[i]->nodes.at[k];
      if (x->kind == HW_NODE_LOAD && x->buffer == b && x->port + 1 > n)
        n = x->port + 1;
    }
  return n;
}

static int most_words(const struct hw_unit *u) {
  int most = 0;
  for (int i = 0; i < u->phases.n; i++)
    most = u->phases.at[i]->words > most ? u->phases.at[i]->words : most;
  return most;
}

bool unit_streams(const struct hw_unit *u) {
  return u->kind == HW_UNIT_SUM || most_words(u) > 0;
}

static const struct hw_store *logits_store(const struct hw_phase *p) {
  for (int i = 0; i < p->stores.n; i++)
    if (p->stores.at[i]->buffer->place == HW_LOGITS)
      return p->stores.at[i];
  return NULL;
}

bool unit_token(const struct hw_unit *u) {
  for (int i = 0; i < u->phases.n; i++)
    for (int k = 0; k < u->phases.at[i]->nodes.n; k++) {
      const struct hw_node *x = u->phases.at[i]->nodes.at[k];
      if (x->kind == HW_NODE_LOAD && x->buffer->place == HW_TOKEN)
        return true;
    }
  return false;
}

/* ---- ports ----------------------------------------------------------------------------------------- */

static void print_ports(struct hw_printer *p) {
  const struct hw_unit *u = p->u;
  int lanes = p->h->options.vector;
  v_line(p, "input  wire clk,");
  v_line(p, "input  wire aresetn,");
  v_line(p, "input  wire start, // for one clock");
  if (u->uses_i)
    v_line(p, "input  wire [%d:0] i,", address_bits(u->i_count) - 1);
  if (u->uses_j)
    v_line(p, "input  wire [%d:0] j,", address_bits(u->j_count) - 1);
  if (unit_token(u))
    v_line(p, "input  wire signed [32:0] token,");
  if (unit_streams(u)) {
    v_line(p, "input  wire [%d:0] w_data,", p->h->word_bits - 1);
    v_line(p, "input  wire w_valid,");
    v_line(p, "output wire w_ready,");
  }
  if (unit_stores_logits(u)) {
    v_line(p, "input  wire hold, // no further iteration is issued");
    v_line(p, "output reg  logit_valid,");
    v_line(p, "output reg  [%d:0] logit_index,", address_bits(p->h->logits->elements) - 1);
    v_line(p, "output reg  signed [%d:0] logit_data,", p->h->logits->bits - 1);
  }
  for (int i = 0; i < u->reads.n; i++) {
    const struct hw_buffer *b = u->reads.at[i];
    if (b->place == HW_LOCAL)
      continue;
    for (int k = 0; k < unit_ports(u, b); k++) {
      v_line(p, "output reg  [%d:0] %s_read%d_address,", address_bits(b->words) - 1, b->name, k);
      v_line(p, "input  wire [%d:0] %s_read%d_data,", lanes * b->bits - 1, b->name, k);
    }
  }
  for (int i = 0; i < u->writes.n; i++) {
    const struct hw_buffer *b = u->writes.at[i];
    if (b->place == HW_LOCAL)
      continue;
    v_line(p, "output reg  [%d:0] %s_write,", lanes - 1, b->name);
    v_line(p, "output reg  [%d:0] %s_write_address,", address_bits(b->words) - 1, b->name);
    v_line(p, "output reg  [%d:0] %s_write_data,", lanes * b->bits - 1, b->name);
  }
  v_line(p, "output reg  done // for one clock");
}

/* ---- buses of memories ----------------------------------------------------------------------------- */

/* The node of the phase that uses the port. */
static const struct hw_node *port_user(const struct hw_phase *p, const struct hw_buffer *b, int port) {
  for (int i = 0; i < p->nodes.n; i++) {
    const struct hw_node *n = p->nodes.at[i];
    if (n->kind == HW_NODE_LOAD && n->buffer == b && n->port == port)
      return n;
  }
  return NULL;
}

static void print_read_port(struct hw_printer *p, const struct hw_buffer *b, int port) {
  int users = 0;
  for (int i = 0; i < p->u->phases.n; i++)
    users += port_user(p->u->phases.at[i], b, port) != NULL;
  v_line(p, "always @(posedge clk)");
  p->indent++;
  if (users > 1)
    v_line(p, "case (phase)");
  int seen = 0;
  for (int i = 0; i < p->u->phases.n; i++) {
    const struct hw_node *n = port_user(p->u->phases.at[i], b, port);
    if (!n)
      continue;
    const char *set =
        arena_printf(p->a, "%s_read%d_address <= %s_word;", b->name, port, node_name(p->a, p->u, n));
    if (users == 1)
      v_line(p, "%s", set);
    else if (++seen == users)
      v_line(p, "  default: %s", set);
    else
      v_line(p, "  %d: %s", i, set);
  }
  if (users > 1)
    v_line(p, "endcase");
  p->indent--;
}

static const struct hw_store *store_to(const struct hw_phase *p, const struct hw_buffer *b) {
  for (int i = 0; i < p->stores.n; i++)
    if (p->stores.at[i]->buffer == b)
      return p->stores.at[i];
  return NULL;
}

static void print_write_port(struct hw_printer *p, const struct hw_buffer *b) {
  int lanes = p->h->options.vector;
  v_line(p, "always @(posedge clk) begin");
  p->indent++;
  v_line(p, "%s_write <= %d'd0;", b->name, lanes);
  for (int i = 0; i < p->u->phases.n; i++) {
    const struct hw_store *s = store_to(p->u->phases.at[i], b);
    if (!s)
      continue;
    const char *name = store_name(p->a, p->u->phases.at[i], s);
    v_line(p, "if (%s_valid) begin", name);
    v_line(p, "  %s_write <= %s_mask;", b->name, name);
    v_line(p, "  %s_write_address <= %s_address;", b->name, name);
    v_line(p, "  %s_write_data <= %s_data;", b->name, name);
    v_line(p, "end");
  }
  p->indent--;
  v_line(p, "end");
}

static void print_logits_port(struct hw_printer *p) {
  v_line(p, "always @(posedge clk) begin");
  p->indent++;
  v_line(p, "logit_valid <= 1'b0;");
  for (int i = 0; i < p->u->phases.n; i++) {
    const struct hw_store *s = logits_store(p->u->phases.at[i]);
    if (!s)
      continue;
    const char *name = store_name(p->a, p->u->phases.at[i], s);
    v_line(p, "if (%s_valid) begin", name);
    v_line(p, "  logit_valid <= 1'b1;");
    v_line(p, "  logit_index <= %s_at;", name);
    v_line(p, "  logit_data <= %s_data;", name);
    v_line(p, "end");
  }
  p->indent--;
  v_line(p, "end");
}

static void declare_local(struct hw_printer *p, const struct hw_buffer *b) {
  int lanes = p->h->options.vector, address = address_bits(b->words), ports = unit_ports(p->u, b);
  v_line(p, "reg [%d:0] %s_write;", lanes - 1, b->name);
  v_line(p, "reg [%d:0] %s_write_address;", address - 1, b->name);
  v_line(p, "reg [%d:0] %s_write_data;", lanes * b->bits - 1, b->name);
  for (int k = 0; k < ports; k++) {
    v_line(p, "reg [%d:0] %s_read%d_address;", address - 1, b->name, k);
    v_line(p, "wire [%d:0] %s_read%d_data;", lanes * b->bits - 1, b->name, k);
    v_line(p, "tern_ram #(.WIDTH(%d), .LANES(%d), .DEPTH(%lld)) %s_%d (.clk(clk),", b->bits, lanes,
           (long long)(b->words < 2 ? 2 : b->words), b->name, k);
    v_line(p, "  .write(%s_write), .write_address(%s_write_address), .write_data(%s_write_data),", b->name,
           b->name, b->name);
    v_line(p, "  .read(1'b1), .read_address(%s_read%d_address), .read_data(%s_read%d_data));", b->name, k,
           b->name, k);
  }
}

/* ---- the sequencer --------------------------------------------------------------------------------- */

static const char *level_name(const struct hw_printer *p, const struct hw_level *v) {
  return arena_printf(p->a, "%s%d", v->loop->name, v->loop->id);
}

static const char *all_last(const struct hw_printer *p, const struct hw_phase *phase) {
  const char *text = NULL;
  for (int k = phase->n_outer; k < phase->n_levels; k++) {
    const struct hw_level *v = phase->levels[k];
    if (v->steps == 1)
      continue;
    const char *one =
        arena_printf(p->a, "%s == %s", level_name(p, v), literal(p->a, v->steps - 1, address_bits(v->steps)));
    text = text ? arena_printf(p->a, "%s && %s", text, one) : one;
  }
  return text ? text : "1'b1";
}

static void declare_control(struct hw_printer *p) {
  const struct hw_unit *u = p->u;
  int phase_bits = address_bits(u->phases.n);
  v_line(p, "reg running;");
  v_line(p, "reg issued; // all iterations of the phase");
  v_line(p, "reg [%d:0] phase;", phase_bits - 1);
  for (int i = 0; i < u->counters.n; i++)
    if (u->counters.at[i]->steps > 1)
      v_line(p, "reg [%d:0] %s;", address_bits(u->counters.at[i]->steps) - 1,
             level_name(p, u->counters.at[i]));
  int words = most_words(u);
  if (words > 1) {
    v_line(p, "reg [%d:0] w_count; // words of the record that are there", address_bits(words) - 1);
    v_line(p, "reg [%d:0] w_kept;", (words - 1) * p->h->word_bits - 1);
  }
  for (int i = 0; i < u->phases.n; i++) {
    const struct hw_phase *x = u->phases.at[i];
    const char *may = arena_printf(p->a, "running && !issued && phase == %s%s", literal(p->a, i, phase_bits),
                                   logits_store(x) ? " && !hold" : "");
    if (!x->words) {
      v_line(p, "wire p%d_go = %s;", i, may);
    } else {
      v_line(p, "wire p%d_want = %s;", i, may);
      if (words > 1)
        v_line(p, "wire p%d_go = p%d_want && w_valid && w_count == %s;", i, i,
               literal(p->a, x->words - 1, address_bits(words)));
      else
        v_line(p, "wire p%d_go = p%d_want && w_valid;", i, i);
    }
    v_line(p, "wire p%d_on = running && phase == %s;", i, literal(p->a, i, phase_bits));
    v_line(p, "wire p%d_last = %s;", i, all_last(p, x));
    v_line(p, "reg [%d:1] p%d_v; // iterations on their way", x->depth, i);
    v_line(p, "reg [%d:1] p%d_l; // the last of them", x->depth, i);
    v_line(p, "wire p%d_end = p%d_l[%d];", i, i, x->depth);
  }
}

static void print_records(struct hw_printer *p) {
  const struct hw_unit *u = p->u;
  int words = most_words(u), bits = p->h->word_bits;
  if (!words)
    return;
  const char *want = NULL, *go = NULL;
  for (int i = 0; i < u->phases.n; i++) {
    const struct hw_phase *x = u->phases.at[i];
    if (!x->words)
      continue;
    want = arena_printf(p->a, "%s%sp%d_want", want ? want : "", want ? " || " : "", i);
    go = arena_printf(p->a, "%s%sp%d_go", go ? go : "", go ? " || " : "", i);
    if (x->words > 1)
      v_line(p, "wire [%d:0] p%d_record = {w_data, w_kept[%d:0]};", x->words * bits - 1, i,
             (x->words - 1) * bits - 1);
    else
      v_line(p, "wire [%d:0] p%d_record = w_data;", bits - 1, i);
    if (x->record_bits < (int64_t)x->words * bits)
      v_line(p, "wire p%d_unused_record = &{1'b0, p%d_record[%d:%lld]};", i, i, x->words * bits - 1,
             (long long)x->record_bits);
  }
  v_line(p, "assign w_ready = %s;", want);
  if (words == 1)
    return;
  v_line(p, "integer w;");
  v_line(p, "always @(posedge clk)");
  v_line(p, "  for (w = 0; w < %d; w = w + 1)", words - 1);
  v_line(p, "    if (w_valid && w_ready && w_count == w[%d:0])", address_bits(words) - 1);
  v_line(p, "      w_kept[w * %d +: %d] <= w_data;", bits, bits);
  v_line(p, "always @(posedge clk)");
  v_line(p, "  if (!aresetn || %s)", go);
  v_line(p, "    w_count <= %s;", literal(p->a, 0, address_bits(words)));
  v_line(p, "  else if (w_valid && w_ready)");
  v_line(p, "    w_count <= w_count + %s;", literal(p->a, 1, address_bits(words)));
}

/* One more step of the loops that the phase issues, the innermost first. */
static void print_counting(struct hw_printer *p, const struct hw_phase *x) {
  int opened = 0;
  for (int k = x->n_levels - 1; k >= x->n_outer; k--) {
    const struct hw_level *v = x->levels[k];
    if (v->steps == 1)
      continue;
    const char *name = level_name(p, v);
    int bits = address_bits(v->steps);
    v_line(p, "%s <= %s == %s ? %s : %s + %s;", name, name, literal(p->a, v->steps - 1, bits),
           literal(p->a, 0, bits), name, literal(p->a, 1, bits));
    bool more = false;
    for (int m = k - 1; m >= x->n_outer; m--)
      more |= x->levels[m]->steps > 1;
    if (!more)
      break;
    v_line(p, "if (%s == %s) begin", name, literal(p->a, v->steps - 1, bits));
    p->indent++;
    opened++;
  }
  for (; opened > 0; opened--) {
    p->indent--;
    v_line(p, "end");
  }
}

/* What follows phase `k`: the next iteration of a loop that ends with it, the next phase, or the end. */
static void print_next(struct hw_printer *p, int k) {
  const struct hw_unit *u = p->u;
  int bits = address_bits(u->phases.n), opened = 0;
  for (int i = u->loops.n - 1; i >= 0; i--) { /* inner loops stand behind outer ones */
    const struct hw_loop *loop = &u->loops.at[i];
    if (loop->last != k || loop->level->steps == 1)
      continue;
    const char *name = level_name(p, loop->level);
    int width = address_bits(loop->level->steps);
    v_line(p, "if (%s != %s) begin", name, literal(p->a, loop->level->steps - 1, width));
    v_line(p, "  %s <= %s + %s;", name, name, literal(p->a, 1, width));
    v_line(p, "  phase <= %s;", literal(p->a, loop->first, bits));
    v_line(p, "end else begin");
    p->indent++;
    opened++;
    v_line(p, "%s <= %s;", name, literal(p->a, 0, width));
  }
  if (k + 1 < u->phases.n) {
    v_line(p, "phase <= %s;", literal(p->a, k + 1, bits));
  } else {
    v_line(p, "running <= 1'b0;");
    v_line(p, "done <= 1'b1;");
  }
  for (; opened > 0; opened--) {
    p->indent--;
    v_line(p, "end");
  }
}

static void print_sequencer(struct hw_printer *p) {
  const struct hw_unit *u = p->u;
  int bits = address_bits(u->phases.n);
  v_line(p, "always @(posedge clk)");
  p->indent++;
  v_line(p, "if (!aresetn) begin");
  v_line(p, "  running <= 1'b0;");
  v_line(p, "  issued <= 1'b0;");
  v_line(p, "  done <= 1'b0;");
  v_line(p, "  phase <= %s;", literal(p->a, 0, bits));
  for (int i = 0; i < u->counters.n; i++)
    if (u->counters.at[i]->steps > 1)
      v_line(p, "  %s <= %s;", level_name(p, u->counters.at[i]),
             literal(p->a, 0, address_bits(u->counters.at[i]->steps)));
  v_line(p, "end else begin");
  p->indent++;
  v_line(p, "done <= 1'b0;");
  v_line(p, "if (start) begin");
  v_line(p, "  running <= 1'b1;");
  v_line(p, "  phase <= %s;", literal(p->a, 0, bits));
  v_line(p, "end");
  for (int i = 0; i < u->phases.n; i++) {
    v_line(p, "if (p%d_go) begin", i);
    p->indent++;
    v_line(p, "issued <= p%d_last;", i);
    print_counting(p, u->phases.at[i]);
    p->indent--;
    v_line(p, "end");
    v_line(p, "if (p%d_end) begin", i);
    p->indent++;
    v_line(p, "issued <= 1'b0;");
    print_next(p, i);
    p->indent--;
    v_line(p, "end");
  }
  p->indent--;
  v_line(p, "end");
  p->indent--;
  for (int i = 0; i < u->phases.n; i++) {
    int depth = u->phases.at[i]->depth;
    const char *older = depth > 1 ? arena_printf(p->a, "p%d_v[%d:1], ", i, depth - 1) : "";
    const char *last = depth > 1 ? arena_printf(p->a, "p%d_l[%d:1], ", i, depth - 1) : "";
    v_line(p, "always @(posedge clk) p%d_v <= aresetn ? {%sp%d_go} : %d'd0;", i, older, i, depth);
    v_line(p, "wire p%d_unused = &{1'b0, p%d_on, p%d_v};", i, i, i);
    v_line(p, "always @(posedge clk) p%d_l <= aresetn ? {%sp%d_go && p%d_last} : %d'd0;", i, last, i, i,
           depth);
  }
}

/* ---- the module ------------------------------------------------------------------------------------ */

static const char *phase_title(const struct hw_printer *p, const struct hw_phase *x) {
  const char *text = arena_printf(p->a, "phase %d:", x->id);
  if (x->single)
    return arena_printf(p->a, "%s scalars, %d clocks", text, x->depth + 1);
  for (int k = x->n_outer; k < x->n_levels; k++)
    text = arena_printf(p->a, "%s %s%d < %lld", text, x->levels[k]->loop->name, x->levels[k]->loop->id,
                        (long long)x->levels[k]->extent);
  return arena_printf(p->a, "%s, %d %s a clock, pipeline of %d, %lld clocks", text, x->lanes,
                      x->lanes == 1 ? "element" : "elements", x->depth, (long long)x->cycles);
}

static void print_header(struct hw_printer *p) {
  const struct hw_unit *u = p->u;
  const char *file = source_name(p->a, p->h->module, u->kernel->at.file);
  v_comment(p,
            arena_printf(p->a, "%s: kernel %s of %s%s%s", u->module, kernel_title(u->kernel),
                         p->h->module->name, *file ? ", " : "",
                         *file ? arena_printf(p->a, "%s line %u", file, (unsigned)u->kernel->at.line) : ""));
  v_comment(p, "");
  for (int i = 0; i < u->phases.n; i++)
    v_comment(p, phase_title(p, u->phases.at[i]));
  v_comment(
      p, arena_printf(p->a,
                      "From start to done: %lld clocks, and one more for each clock in which a word of the "
                      "stream is awaited; %lld words of the stream.",
                      (long long)u->cycles, (long long)u->words));
}

void hw_print_kernel(struct hw_printer *p, const struct hw_unit *u) {
  p->u = u;
  print_header(p);
  v_line(p, "module %s (", u->module);
  p->indent++;
  print_ports(p);
  p->indent--;
  v_line(p, ");");
  p->indent++;
  declare_control(p);
  for (int i = 0; i < u->writes.n; i++)
    if (u->writes.at[i]->place == HW_LOCAL)
      declare_local(p, u->writes.at[i]);
  print_records(p);
  declare_shared_units(p);
  for (int i = 0; i < u->phases.n; i++) {
    v_blank(p);
    v_comment(p, phase_title(p, u->phases.at[i]));
    print_phase(p, u->phases.at[i]);
  }
  v_blank(p);
  print_shared_units(p);
  v_blank(p);
  for (int i = 0; i < u->reads.n; i++)
    for (int k = 0; k < unit_ports(u, u->reads.at[i]); k++)
      print_read_port(p, u->reads.at[i], k);
  for (int i = 0; i < u->writes.n; i++)
    print_write_port(p, u->writes.at[i]);
  if (unit_stores_logits(u))
    print_logits_port(p);
  v_blank(p);
  print_sequencer(p);
  p->indent--;
  v_line(p, "endmodule");
}
