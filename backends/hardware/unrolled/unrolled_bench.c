/* unrolled_bench.c: the project's test bench: the top beside
 * backends/hardware/library/simulation/tern_token_bench.sv, and its vectors, which the interpreter computes.
 */
#include "backends/hardware/unrolled/unrolled.h"
#include "ir/interp/interp.h"

#include <stdlib.h>

void unrolled_emit_bench(const struct unrolled *u, int64_t tokens, FILE *out) {
  const struct unrolled_streams *t = &u->streams;
  fprintf(out, "// %s_bench: the design with a source of tokens and a checker of results.\n", u->top);
  fprintf(out, "// Plus arguments: see tern_token_bench.sv.\n");
  fprintf(out, "`timescale 1ns / 1ps\nmodule %s_bench;\n", u->top);
  fprintf(out, "  wire aclk, aresetn, s_tvalid, s_tready, s_tlast, m_tvalid, m_tready, m_tlast;\n");
  fprintf(out,
          "  wire [%d:0] s_tdata;\n  wire [%d:0] s_tuser;\n  wire [%d:0] m_tdata;\n  wire [%d:0] m_tuser;\n",
          t->token_data - 1, t->sequence_bits, t->results * t->field - 1, t->sequence_bits - 1);
  fprintf(out,
          "  tern_token_bench #(\n    .TOKEN_BITS(%d), .SEQUENCE_BITS(%d), .SEQUENCES(%d), .TOKENS(%lld),\n"
          "    .RESULTS(%d), .FIELD(%d), .FIRST_RESULT(\"%s\"), .RESULT(\"%s\")\n  ) bench (\n",
          t->token_data, t->sequence_bits, u->schedule.interleave, (long long)tokens, t->results, t->field,
          u->options.best ? "best token" : "logit", u->options.best ? "score" : "logit");
  fprintf(out, "    .aclk(aclk), .aresetn(aresetn),\n"
               "    .s_tdata(s_tdata), .s_tuser(s_tuser), .s_tlast(s_tlast), .s_tvalid(s_tvalid), "
               ".s_tready(s_tready),\n"
               "    .m_tdata(m_tdata), .m_tuser(m_tuser), .m_tlast(m_tlast), .m_tvalid(m_tvalid), "
               ".m_tready(m_tready)\n"
               "  );\n");
  fprintf(out,
          "  %s dut (\n    .aclk(aclk), .aresetn(aresetn),\n"
          "    .s_axis_tdata(s_tdata), .s_axis_tuser(s_tuser), .s_axis_tlast(s_tlast), "
          ".s_axis_tvalid(s_tvalid),\n"
          "    .s_axis_tready(s_tready), .m_axis_tdata(m_tdata), .m_axis_tuser(m_tuser), "
          ".m_axis_tlast(m_tlast),\n"
          "    .m_axis_tvalid(m_tvalid), .m_axis_tready(m_tready)\n  );\nendmodule\n",
          u->top);
}

static int64_t integer_at(const struct tensor *t, int64_t i) {
  switch (t->type.elem) {
  case ELEM_I8: return t->i8[i];
  case ELEM_I16: return t->i16[i];
  default: return t->i32[i];
  }
}

static void print_results(const struct unrolled *u, const struct tensor *logits, FILE *out) {
  int64_t vocabulary = type_count(logits->type, NULL), best = 0;
  for (int64_t i = 0; i < vocabulary; i++) {
    if (!u->options.best)
      fprintf(out, "%08x\n", (unsigned)integer_at(logits, i));
    if (integer_at(logits, i) > integer_at(logits, best))
      best = i;
  }
  if (u->options.best)
    fprintf(out, "%08x\n%08x\n", (unsigned)best, (unsigned)integer_at(logits, best));
}

static bool print_sequence(const struct unrolled *u, struct interp *in, const struct unrolled_vectors *v,
                           int64_t s, FILE *tokens, FILE *results) {
  const struct tensor *logits;
  interp_reset(in);
  for (int64_t i = 0; i < v->n; i++) {
    uint32_t token = v->tokens[(i + s) % v->n];
    if (!interp_run(in, "step", &token, 1, 1, &logits))
      return false;
    fprintf(tokens, "%x\n", token);
    print_results(u, logits, results);
  }
  return true;
}

bool unrolled_emit_vectors(const struct unrolled *u, const struct unrolled_vectors *vectors, FILE *tokens,
                           FILE *results) {
  struct interp *in = interp_new(u->module, u->source, false);
  bool ok = in != NULL;
  for (int64_t s = 0; ok && s < u->schedule.interleave; s++)
    ok = print_sequence(u, in, vectors, s, tokens, results);
  interp_free(in);
  return ok;
}
