/* test_passes.c: ternarize, norm-scale, batch-time, fuse and plan-memory on models of every kind: the
 * interpreter runs each before and after, step by step and in chunks, and all bits agree. Shapes of the
 * results (how many kernels, what is in a scan) are counted. The planner by its property, on random
 * lifetimes. */
#include "tests/unit/passes_common.h"

#include "passes/place.h"

/* ---- models ------------------------------------------------------------------------------------------ */

enum { VOCAB = 16 };

struct model {
  const char *name, *text;
};

#define QUANT " {bits = 8, frac = dynamic, round = half_even} : q8"

/* The published architecture, small. */
static const char mlgru[] = "module mmfree\n"
                            "weight @emb : f32[16, 24]\n"
                            "weight @\"l.{}.norm\"[3] : f32[24]\n"
                            "weight @\"l.{}.i.norm\"[3] : f32[24]\n"
                            "weight @\"l.{}.i\"[3] : ternary[24, 24] per tensor\n"
                            "weight @\"l.{}.f.norm\"[3] : f32[24]\n"
                            "weight @\"l.{}.f\"[3] : ternary[24, 24] per tensor\n"
                            "weight @\"l.{}.g.norm\"[3] : f32[24]\n"
                            "weight @\"l.{}.g\"[3] : ternary[24, 24] per tensor\n"
                            "weight @\"l.{}.gn\"[3] : f32[24]\n"
                            "weight @\"l.{}.o.norm\"[3] : f32[24]\n"
                            "weight @\"l.{}.o\"[3] : ternary[24, 24] per tensor\n"
                            "weight @\"l.{}.norm2\"[3] : f32[24]\n"
                            "weight @\"l.{}.up.norm\"[3] : f32[24]\n"
                            "weight @\"l.{}.up\"[3] : ternary[96, 24] per tensor\n"
                            "weight @\"l.{}.down.norm\"[3] : f32[48]\n"
                            "weight @\"l.{}.down\"[3] : ternary[24, 48] per tensor\n"
                            "weight @\"l.{}.floor\"[3] : f32[24]\n"
                            "weight @norm : f32[24]\n"
                            "weight @head.norm : f32[24]\n"
                            "weight @head : ternary[16, 24] per tensor\n"
                            "state @\"l.{}.h\"[3] : f32[24] = 0\n"
                            "func step(%token: u32) -> f32[16] {\n"
                            "  %emb = weight @emb : f32[16, 24]\n"
                            "  %x = index %emb, %token : f32[24]\n"
                            "  %y = repeat 3 (%l, %c = %x) -> f32[24] {\n"
                            "    %nw = weight @\"l.{}.norm\"[%l] : f32[24]\n"
                            "    %n0 = rmsnorm %c {eps = 1e-06} : f32[24]\n"
                            "    %n = mul %n0, %nw : f32[24]\n"
                            "    %iw = weight @\"l.{}.i.norm\"[%l] : f32[24]\n"
                            "    %in0 = rmsnorm %n {eps = 1e-06} : f32[24]\n"
                            "    %in = mul %in0, %iw : f32[24]\n"
                            "    %iq = quantize %in" QUANT "[24]\n"
                            "    %im = weight @\"l.{}.i\"[%l] : ternary[24, 24]\n"
                            "    %i = matmul %im, %iq : f32[24]\n"
                            "    %fw = weight @\"l.{}.f.norm\"[%l] : f32[24]\n"
                            "    %fn0 = rmsnorm %n {eps = 1e-06} : f32[24]\n"
                            "    %fn = mul %fw, %fn0 : f32[24]\n"
                            "    %fq = quantize %fn" QUANT "[24]\n"
                            "    %fm = weight @\"l.{}.f\"[%l] : ternary[24, 24]\n"
                            "    %f0 = matmul %fm, %fq : f32[24]\n"
                            "    %gw = weight @\"l.{}.g.norm\"[%l] : f32[24]\n"
                            "    %gn0 = rmsnorm %n {eps = 1e-06} : f32[24]\n"
                            "    %gn = mul %gn0, %gw : f32[24]\n"
                            "    %gq = quantize %gn" QUANT "[24]\n"
                            "    %gm = weight @\"l.{}.g\"[%l] : ternary[24, 24]\n"
                            "    %g = matmul %gm, %gq : f32[24]\n"
                            "    %floor = weight @\"l.{}.floor\"[%l] : f32[24]\n"
                            "    %one = const {value = 1} : f32\n"
                            "    %f1 = sigmoid %f0 : f32[24]\n"
                            "    %f2 = mul %f1, %floor : f32[24]\n"
                            "    %f = max %f2, %f1 : f32[24]\n"
                            "    %h0 = read @\"l.{}.h\"[%l] : f32[24]\n"
                            "    %fh = mul %f, %h0 : f32[24]\n"
                            "    %of = sub %one, %f : f32[24]\n"
                            "    %si = silu %i : f32[24]\n"
                            "    %v = mul %of, %si : f32[24]\n"
                            "    %h = add %fh, %v : f32[24]\n"
                            "    write %h, @\"l.{}.h\"[%l]\n"
                            "    %gnw = weight @\"l.{}.gn\"[%l] : f32[24]\n"
                            "    %gnn = rmsnorm %g {eps = 1e-05} : f32[24]\n"
                            "    %gnv = mul %gnn, %gnw : f32[24]\n"
                            "    %sh = silu %h : f32[24]\n"
                            "    %o0 = mul %gnv, %sh : f32[24]\n"
                            "    %ow = weight @\"l.{}.o.norm\"[%l] : f32[24]\n"
                            "    %on0 = rmsnorm %o0 {eps = 1e-06} : f32[24]\n"
                            "    %on = mul %on0, %ow : f32[24]\n"
                            "    %oq = quantize %on" QUANT "[24]\n"
                            "    %om = weight @\"l.{}.o\"[%l] : ternary[24, 24]\n"
                            "    %o = matmul %om, %oq : f32[24]\n"
                            "    %x2 = add %c, %o : f32[24]\n"
                            "    %mw = weight @\"l.{}.norm2\"[%l] : f32[24]\n"
                            "    %mn0 = rmsnorm %x2 {eps = 1e-06} : f32[24]\n"
                            "    %mn = mul %mn0, %mw : f32[24]\n"
                            "    %uw = weight @\"l.{}.up.norm\"[%l] : f32[24]\n"
                            "    %un0 = rmsnorm %mn {eps = 1e-06} : f32[24]\n"
                            "    %un = mul %un0, %uw : f32[24]\n"
                            "    %uq = quantize %un" QUANT "[24]\n"
                            "    %um = weight @\"l.{}.up\"[%l] : ternary[96, 24]\n"
                            "    %a = matmul %um, %uq : f32[96]\n"
                            "    %gate = slice %a {axis = 0, begin = 0, end = 48} : f32[48]\n"
                            "    %up = slice %a {axis = 0, begin = 48, end = 96} : f32[48]\n"
                            "    %sg = silu %gate : f32[48]\n"
                            "    %z = mul %sg, %up : f32[48]\n"
                            "    %dw = weight @\"l.{}.down.norm\"[%l] : f32[48]\n"
                            "    %dn0 = rmsnorm %z {eps = 1e-06} : f32[48]\n"
                            "    %dn = mul %dn0, %dw : f32[48]\n"
                            "    %dq = quantize %dn" QUANT "[48]\n"
                            "    %dm = weight @\"l.{}.down\"[%l] : ternary[24, 48]\n"
                            "    %d = matmul %dm, %dq : f32[24]\n"
                            "    %x3 = add %x2, %d : f32[24]\n"
                            "    yield %x3\n"
                            "  }\n"
                            "  %fnw = weight @norm : f32[24]\n"
                            "  %fnn = rmsnorm %y {eps = 1e-06} : f32[24]\n"
                            "  %fnv = mul %fnn, %fnw : f32[24]\n"
                            "  %hw = weight @head.norm : f32[24]\n"
                            "  %hn0 = rmsnorm %fnv {eps = 1e-06} : f32[24]\n"
                            "  %hn = mul %hn0, %hw : f32[24]\n"
                            "  %hq = quantize %hn" QUANT "[24]\n"
                            "  %hm = weight @head : ternary[16, 24]\n"
                            "  %logits = matmul %hm, %hq : f32[16]\n"
                            "  return %logits\n"
                            "}\n";

/* Gated linear attention with a matrix state of two heads, read out by a product with the state, and a delta
 * rule whose correction needs the state on the way to its own update. */
static const char matrices[] = "module matrices\n"
                               "weight @emb : f32[16, 8]\n"
                               "weight @\"{}.k\"[2] : ternary[8, 8] per row\n"
                               "weight @\"{}.v\"[2] : f32[8, 8]\n"
                               "weight @\"{}.q\"[2] : ternary[8, 8] per group 3\n"
                               "weight @head : f32[16, 8]\n"
                               "state @\"{}.s\"[2] : f32[2, 4, 4] = 0\n"
                               "state @\"{}.d\"[2] : f32[4, 4] = 0.125\n"
                               "func step(%token: u32) -> f32[16] {\n"
                               "  %emb = weight @emb : f32[16, 8]\n"
                               "  %x = index %emb, %token : f32[8]\n"
                               "  %y = repeat 2 (%l, %c = %x) -> f32[8] {\n"
                               "    %n = rmsnorm %c {eps = 1e-05} : f32[8]\n"
                               "    %nq = quantize %n" QUANT "[8]\n"
                               "    %kw = weight @\"{}.k\"[%l] : ternary[8, 8]\n"
                               "    %k0 = matmul %kw, %nq : f32[8]\n"
                               "    %vw = weight @\"{}.v\"[%l] : f32[8, 8]\n"
                               "    %v0 = matmul %vw, %nq : f32[8]\n"
                               "    %qw = weight @\"{}.q\"[%l] : ternary[8, 8]\n"
                               "    %q0 = matmul %qw, %nq : f32[8]\n"
                               "    %k = reshape %k0 : f32[2, 4, 1]\n"
                               "    %v = reshape %v0 : f32[2, 1, 4]\n"
                               "    %q = reshape %q0 : f32[2, 4, 1]\n"
                               "    %f = sigmoid %k : f32[2, 4, 1]\n"
                               "    %s0 = read @\"{}.s\"[%l] : f32[2, 4, 4]\n"
                               "    %kv = mul %k, %v : f32[2, 4, 4]\n"
                               "    %fs = mul %f, %s0 : f32[2, 4, 4]\n"
                               "    %s = add %fs, %kv : f32[2, 4, 4]\n"
                               "    write %s, @\"{}.s\"[%l]\n"
                               "    %qs = mul %q, %s : f32[2, 4, 4]\n"
                               "    %o0 = sum %qs {axis = 1} : f32[2, 1, 4]\n"
                               "    %o1 = reshape %o0 : f32[8]\n"
                               "    %d0 = read @\"{}.d\"[%l] : f32[4, 4]\n"
                               "    %a = slice %k0 {axis = 0, begin = 0, end = 4} : f32[4]\n"
                               "    %an = softmax %a {axis = 0} : f32[4]\n"
                               "    %b = slice %v0 {axis = 0, begin = 4, end = 8} : f32[4]\n"
                               "    %da = matmul %d0, %an : f32[4]\n"
                               "    %e = sub %b, %da : f32[4]\n"
                               "    %ec = reshape %e : f32[4, 1]\n"
                               "    %ea = mul %ec, %an : f32[4, 4]\n"
                               "    %d1 = add %d0, %ea : f32[4, 4]\n"
                               "    %d2 = tanh %d1 : f32[4, 4]\n"
                               "    write %d2, @\"{}.d\"[%l]\n"
                               "    %r = matmul %d2, %b : f32[4]\n"
                               "    %t = transpose %d2 {perm = [1, 0]} : f32[4, 4]\n"
                               "    %r2 = sum %t {axis = 1} : f32[4, 1]\n"
                               "    %r3 = reshape %r2 : f32[4]\n"
                               "    %o2 = concat %r, %r3 {axis = 0} : f32[8]\n"
                               "    %o = add %o1, %o2 : f32[8]\n"
                               "    %on = rmsnorm %o {eps = 1e-05} : f32[8]\n"
                               "    %c2 = add %c, %on : f32[8]\n"
                               "    yield %c2\n"
                               "  }\n"
                               "  %hw = weight @head : f32[16, 8]\n"
                               "  %logits = matmul %hw, %y : f32[16]\n"
                               "  return %logits\n"
                               "}\n";

/* Token shift, a short convolution, static scales, 16-bit codes, a counter, two recurrences that depend on
 * each other, one that is read only for the next token, and a state set after the repeat. */
static const char shifts[] = "module shifts\n"
                             "weight @emb : f32[16, 6]\n"
                             "weight @conv : f32[4, 6]\n"
                             "weight @\"{}.w\"[2] : ternary[6, 6] per tensor\n"
                             "weight @\"{}.u\"[2] : ternary[6, 6] per group 6\n"
                             "weight @head : ternary[16, 6] per row\n"
                             "state @last : f32[6] = 0.5\n"
                             "state @window : f32[3, 6] = 0\n"
                             "state @count : f32 = 0\n"
                             "state @a : f32[6] = 0\n"
                             "state @b : f32[6] = 1\n"
                             "state @end : f32[6] = 0.25\n"
                             "state @\"{}.h\"[2] : f32[6] = 0\n"
                             "state @constant : f32[6] = 3\n"
                             "func step(%token: u32) -> f32[16] {\n"
                             "  %emb = weight @emb : f32[16, 6]\n"
                             "  %x = index %emb, %token : f32[6]\n"
                             "  %k = read @constant : f32[6]\n"
                             "  %x0 = read @last : f32[6]\n"
                             "  write %x, @last\n"
                             "  %n0 = read @count : f32\n"
                             "  %one = const {value = 1} : f32\n"
                             "  %n1 = add %n0, %one : f32\n"
                             "  write %n1, @count\n"
                             "  %w0 = read @window : f32[3, 6]\n"
                             "  %xr = reshape %x : f32[1, 6]\n"
                             "  %w1 = concat %w0, %xr {axis = 0} : f32[4, 6]\n"
                             "  %w2 = slice %w1 {axis = 0, begin = 1, end = 4} : f32[3, 6]\n"
                             "  write %w2, @window\n"
                             "  %cw = weight @conv : f32[4, 6]\n"
                             "  %wc = mul %w1, %cw : f32[4, 6]\n"
                             "  %cs = sum %wc {axis = 0} : f32[1, 6]\n"
                             "  %cv = reshape %cs : f32[6]\n"
                             "  %mixed = mul %x0, %k : f32[6]\n"
                             "  %x1 = add %mixed, %cv : f32[6]\n"
                             "  %x2 = div %x1, %n1 : f32[6]\n"
                             "  %a0 = read @a : f32[6]\n"
                             "  %b0 = read @b : f32[6]\n"
                             "  %ab = sub %a0, %b0 : f32[6]\n"
                             "  %a1 = tanh %ab : f32[6]\n"
                             "  %b1 = mul %a1, %x2 : f32[6]\n"
                             "  write %a1, @a\n"
                             "  write %b1, @b\n"
                             "  %x3 = add %x2, %b1 : f32[6]\n"
                             "  %e0 = read @end : f32[6]\n"
                             "  %x4 = add %x3, %e0 : f32[6]\n"
                             "  %y, %z = repeat 2 (%l, %c = %x3, %d = %one) -> f32[6], f32 {\n"
                             "    %q = quantize %c {bits = 12, frac = 6, round = half_away} : q16[6]\n"
                             "    %w = weight @\"{}.w\"[%l] : ternary[6, 6]\n"
                             "    %g0 = matmul %w, %q : f32[6]\n"
                             "    %g = sigmoid %g0 : f32[6]\n"
                             "    %h0 = read @\"{}.h\"[%l] : f32[6]\n"
                             "    %h1 = mul %g, %h0 : f32[6]\n"
                             "    %h = add %h1, %c : f32[6]\n"
                             "    write %h, @\"{}.h\"[%l]\n"
                             "    %u = weight @\"{}.u\"[%l] : ternary[6, 6]\n"
                             "    %c1 = matmul %u, %h : f32[6]\n"
                             "    %back = dequantize %q : f32[6]\n"
                             "    %c2 = add %c1, %back : f32[6]\n"
                             "    %c3 = rmsnorm %c2 {eps = 1e-05} : f32[6]\n"
                             "    %top = amax %c3 {axis = 0} : f32[1]\n"
                             "    %top1 = reshape %top : f32\n"
                             "    %d1 = max %d, %top1 : f32\n"
                             "    yield %c3, %d1\n"
                             "  }\n"
                             "  %s = mul %y, %z : f32[6]\n"
                             "  %gain = neg %x4 : f32[6]\n"
                             "  %s1 = mul %s, %gain : f32[6]\n"
                             "  %s2 = sigmoid %s : f32[6]\n"
                             "  write %s2, @end\n"
                             "  %sq = quantize %s1" QUANT "[6]\n"
                             "  %hw = weight @head : ternary[16, 6]\n"
                             "  %logits = matmul %hw, %sq : f32[16]\n"
                             "  return %logits\n"
                             "}\n";

/* No state and no repeat: nothing needs more than the last tokens. */
static const char stateless[] = "module stateless\n"
                                "weight @emb : f32[16, 5]\n"
                                "weight @head : ternary[16, 5] per tensor\n"
                                "func step(%token: u32) -> f32[16] {\n"
                                "  %emb = weight @emb : f32[16, 5]\n"
                                "  %x = index %emb, %token : f32[5]\n"
                                "  %n = rmsnorm %x {eps = 1e-06} : f32[5]\n"
                                "  %q = quantize %n" QUANT "[5]\n"
                                "  %w = weight @head : ternary[16, 5]\n"
                                "  %y = matmul %w, %q : f32[16]\n"
                                "  return %y\n"
                                "}\n";

/* What a repeat carries swaps places, is yielded twice, comes from constants and weights; one repeat in
 * another; logits that come straight from a repeat. */
static const char carried[] = "module carried\n"
                              "weight @emb : f32[16, 16]\n"
                              "weight @bias : f32[16]\n"
                              "weight @\"{}.{}.w\"[2, 3] : f32[16]\n"
                              "state @\"{}.{}.h\"[2, 3] : f32[16] = 0\n"
                              "func step(%token: u32) -> f32[16] {\n"
                              "  %emb = weight @emb : f32[16, 16]\n"
                              "  %x = index %emb, %token : f32[16]\n"
                              "  %b = weight @bias : f32[16]\n"
                              "  %zero = const {value = 0} : f32[16]\n"
                              "  %r0, %r1, %r2, %r3 = repeat 2 (%i, %p = %x, %q = %b, %r = %x, %z = %zero) "
                              "-> f32[16], f32[16], f32[16], "
                              "f32[16] {\n"
                              "    %in = repeat 3 (%j, %c = %p) -> f32[16] {\n"
                              "      %w = weight @\"{}.{}.w\"[%i, %j] : f32[16]\n"
                              "      %h0 = read @\"{}.{}.h\"[%i, %j] : f32[16]\n"
                              "      %h1 = mul %h0, %w : f32[16]\n"
                              "      %h2 = add %h1, %c : f32[16]\n"
                              "      %h = tanh %h2 : f32[16]\n"
                              "      write %h, @\"{}.{}.h\"[%i, %j]\n"
                              "      %o = add %h, %q : f32[16]\n"
                              "      yield %o\n"
                              "    }\n"
                              "    %s = add %in, %z : f32[16]\n"
                              "    yield %q, %s, %s, %in\n"
                              "  }\n"
                              "  %again = repeat 2 (%k, %y = %r1) -> f32[16] {\n"
                              "    %y1 = relu %y : f32[16]\n"
                              "    %y2 = add %y1, %r0 : f32[16]\n"
                              "    yield %y2\n"
                              "  }\n"
                              "  %last = repeat 2 (%k2, %v = %again) -> f32[16] {\n"
                              "    %v1 = add %v, %r3 : f32[16]\n"
                              "    %v2 = add %v1, %r2 : f32[16]\n"
                              "    yield %v2\n"
                              "  }\n"
                              "  return %last\n"
                              "}\n";

/* A table that a token makes, from which another value picks rows, alone has no form for many tokens. */
static const char tables[] = "module tables\n"
                             "weight @emb : f32[16, 8]\n"
                             "weight @head : f32[16, 4]\n"
                             "func step(%token: u32) -> f32[16] {\n"
                             "  %emb = weight @emb : f32[16, 8]\n"
                             "  %x = index %emb, %token : f32[8]\n"
                             "  %t = reshape %x : f32[2, 4]\n"
                             "  %zero = const {value = 0} : f32[4]\n"
                             "  %y = repeat 2 (%i, %c = %zero) -> f32[4] {\n"
                             "    %row = index %t, %i : f32[4]\n"
                             "    %s = sigmoid %row : f32[4]\n"
                             "    %c2 = add %c, %s : f32[4]\n"
                             "    yield %c2\n"
                             "  }\n"
                             "  %w = weight @head : f32[16, 4]\n"
                             "  %l = matmul %w, %y : f32[16]\n"
                             "  return %l\n"
                             "}\n";

static const struct model models[] = {{"mlgru", mlgru},         {"matrices", matrices}, {"shifts", shifts},
                                      {"stateless", stateless}, {"carried", carried},   {"tables", tables}};
enum { MODELS = sizeof models / sizeof *models };

/* ---- a module and what becomes of it ----------------------------------------------------------------- */

struct fixture {
  struct arena arena;
  struct diag diag;
  struct module *m;
};

static void start(struct fixture *f, const char *text, const char *list) {
  *f = (struct fixture){0};
  uint16_t file = diag_add_source(&f->diag, "t.tir", text, strlen(text));
  f->m = ir_parse(&f->arena, &f->diag, file);
  assert_non_null(f->m);
  assert_true(passes_run(f->m, list, &(struct pass_options){.verify = true}));
}

static void end(struct fixture *f) {
  diag_free(&f->diag);
  arena_free(&f->arena);
}

/* How far the outcome of `list` on the model is from that of `reference`. */
static double distance(const struct model *model, const char *reference, const char *list, int n, int keep) {
  struct fixture f, g;
  start(&f, model->text, reference);
  start(&g, model->text, list);
  struct outcome a = run_model(f.m, g.m, VOCAB, 1, 1), b = run_model(g.m, f.m, VOCAB, n, keep);
  double d = difference(&a, &b);
  if (d != 0)
    print_message("%s after %s, %d tokens: differs by %g\n", model->name, list, n, d);
  free_outcome(&a);
  free_outcome(&b);
  end(&f);
  end(&g);
  return d;
}

/* ---- equality ---------------------------------------------------------------------------------------- */

static void test_ternarize_keeps_bits(void **state) {
  (void)state;
  for (int i = 0; i < MODELS; i++)
    assert_true(distance(&models[i], "", "ternarize", 1, 1) == 0);
}

/* A code that falls on the other side of a boundary changes what follows, but not by much. */
static void test_norm_scale_is_close(void **state) {
  (void)state;
  for (int i = 0; i < MODELS; i++)
    assert_true(distance(&models[i], "", "ternarize,norm-scale", 1, 1) < 0.2);
}

static void test_forms_keep_bits(void **state) {
  (void)state;
  static const char *const lists[] = {
      "ternarize,norm-scale,batch-time", "ternarize,norm-scale,batch-time,fuse",
      "ternarize,norm-scale,batch-time,fuse,plan-memory",
      "ternarize,norm-scale,batch-time,fuse,spread,plan-memory",
      "ternarize,norm-scale,cse,dce,batch-time,cse,dce,fuse,spread,dce,plan-memory"};
  static const int chunks[][2] = {{1, 1}, {2, 2}, {5, 5}, {12, 12}, {7, 1}, {5, 2}, {4, 0}};
  for (int i = 0; i < MODELS; i++)
    for (size_t k = 0; k < sizeof lists / sizeof *lists; k++)
      for (size_t c = 0; c < sizeof chunks / sizeof *chunks; c++)
        assert_true(distance(&models[i], "ternarize,norm-scale", lists[k], chunks[c][0], chunks[c][1]) == 0);
}

static void test_batch_of_spec(void **state) {
  (void)state;
  for (int i = 0; i < MODELS; i++)
    assert_true(distance(&models[i], "", "batch-time", 5, 3) == 0);
}

static void test_pipeline_is_close(void **state) {
  (void)state;
  for (int i = 0; i < MODELS; i++) {
    assert_true(distance(&models[i], "", "default", 1, 1) < 0.2);
    assert_true(distance(&models[i], "default", "default", 5, 5) == 0);
  }
}

static void test_buffers_live(void **state) {
  (void)state;
  for (int i = 0; i < MODELS; i++) {
    struct fixture f;
    start(&f, models[i].text, "ternarize,norm-scale,batch-time,fuse,plan-memory");
    for (const struct func *g = f.m->funcs; g; g = g->next)
      check_memory(f.m, g);
    end(&f);
  }
}

/* ---- shapes of the results --------------------------------------------------------------------------- */

static void test_ternarize_leaves_no_product(void **state) {
  (void)state;
  struct fixture f;
  start(&f, mlgru, "ternarize,dce");
  assert_int_equal(count_ops(f.m, "step", OP_MATMUL), 0);
  assert_int_equal(count_ops(f.m, "step", OP_QUANTIZE), 0);
  assert_int_equal(count_ops(f.m, "step", OP_TERNARY_SUM), 7);
  assert_int_equal(count_ops(f.m, "step", OP_CODES), 7);
  end(&f);
  start(&f, mlgru, "ternarize,norm-scale");
  assert_int_equal(count_ops(f.m, "step", OP_RMSNORM), 4); /* those that no quantiser follows */
  assert_int_equal(count_ops(f.m, "step", OP_SELECT), 7);
  end(&f);
}

/* A layer of the published model: norms; three sums; gates to quantiser; sum; residual to quantiser; sum;
 * GLU; sum; residual. */
static void test_fuse_counts_kernels(void **state) {
  (void)state;
  struct fixture f;
  start(&f, mlgru, "ternarize,norm-scale,cse,dce,fuse,plan-memory");
  assert_int_equal(count_ops(f.m, "step", OP_KERNEL), 1 + 5 + 2);
  assert_int_equal(count_ops(f.m, "step", OP_TERNARY_SUM), 7);
  const struct op *repeat = func_find(f.m, "step")->body->first;
  while (repeat->code != OP_REPEAT)
    repeat = repeat->next;
  int crossing = 0, kernels = 0;
  for (const struct op *op = repeat->body->first; op; op = op->next)
    if (op->code == OP_KERNEL) {
      crossing += op->n_out;
      kernels++;
    }
  assert_int_equal(kernels, 5);
  assert_int_equal(crossing, 6 + 2 + 3 + 2 + 1); /* codes and scales, and the residual stream twice */
  end(&f);
}

static const struct op *find_in(const struct block *b, enum opcode code) {
  for (const struct op *op = b->first; op; op = op->next) {
    const struct op *inside = op->code == code ? op : op->body ? find_in(op->body, code) : NULL;
    if (inside)
      return inside;
  }
  return NULL;
}

/* One multiply-add in the scan; gates in the scan's kernel; the head on K tokens. */
static void test_batch_time_of_mlgru(void **state) {
  (void)state;
  struct fixture f;
  start(&f, mlgru, "ternarize,norm-scale,cse,dce,batch-time,cse,dce");
  assert_int_equal(dim_of(f.m, DIM_T)->most, 96);
  assert_int_equal(count_ops(f.m, "prefill", OP_SCAN), 1);
  assert_int_equal(count_ops(f.m, "prefill", OP_TAIL), 1);
  const struct op *scan = find_in(func_find(f.m, "prefill")->body, OP_SCAN);
  int n = 0;
  for (const struct op *op = scan->body->first; op; op = op->next)
    n++;
  assert_int_equal(n, 5); /* read, mul, add, write, yield */
  assert_int_equal(scan->n_in, 2);
  assert_true(passes_run(f.m, "fuse,plan-memory", &(struct pass_options){.verify = true}));
  assert_int_equal(count_ops(f.m, "prefill", OP_KERNEL), 1 + 6 + 2);
  end(&f);
}

/* The outer product goes into the scan and the read-out with it: no value of T matrices. */
static void test_batch_time_of_matrices(void **state) {
  (void)state;
  struct fixture f;
  start(&f, matrices, "ternarize,norm-scale,cse,dce,batch-time,cse,dce");
  const struct block *body = find_in(func_find(f.m, "prefill")->body, OP_REPEAT)->body;
  for (const struct op *op = body->first; op; op = op->next)
    for (int i = 0; i < op->n_out; i++) {
      struct type t = op->out[i]->type;
      assert_false(t.rank > 2 && t.dim[0] == DIM_T && t.dim[t.rank - 2] == 4 && t.dim[t.rank - 1] == 4);
    }
  assert_int_equal(count_ops(f.m, "prefill", OP_SCAN), 2);
  end(&f);
}

static void test_no_prefill_through_products(void **state) {
  (void)state;
  static const char text[] = "module m\n"
                             "weight @emb : f32[16, 4]\n"
                             "weight @w : f32[4, 4]\n"
                             "weight @head : f32[16, 4]\n"
                             "state @h : f32[4] = 0\n"
                             "func step(%token: u32) -> f32[16] {\n"
                             "  %emb = weight @emb : f32[16, 4]\n"
                             "  %x = index %emb, %token : f32[4]\n"
                             "  %h0 = read @h : f32[4]\n"
                             "  %w = weight @w : f32[4, 4]\n"
                             "  %wh = matmul %w, %h0 : f32[4]\n"
                             "  %s = add %wh, %x : f32[4]\n"
                             "  %h = tanh %s : f32[4]\n"
                             "  write %h, @h\n"
                             "  %hw = weight @head : f32[16, 4]\n"
                             "  %y = matmul %hw, %h : f32[16]\n"
                             "  return %y\n"
                             "}\n";
  struct fixture f;
  start(&f, text, "default");
  assert_null(func_find(f.m, "prefill"));
  assert_int_equal(dim_of(f.m, DIM_T)->most, 0);
  check_memory(f.m, func_find(f.m, "step"));
  end(&f);
  struct model model = {"dense recurrence", text};
  assert_true(distance(&model, "", "default", 1, 1) == 0);
}

static void test_weights_in_order(void **state) {
  (void)state;
  struct fixture f;
  start(&f, mlgru, "default");
  const struct weight *emb = weight_find(f.m, "emb"), *head = weight_find(f.m, "head");
  const struct weight *down = weight_find(f.m, "l.{}.down"), *norm = weight_find(f.m, "l.{}.norm");
  assert_true(emb->offset < norm->offset && norm->offset < down->offset);
  assert_true(down->offset + 2 * down->stride < head->offset);
  assert_int_equal(norm->stride, down->stride);
  assert_int_equal(down->stride % 64, 0);
  assert_int_equal(down->stored, STORE_TILE2);
  assert_int_equal(emb->stored, STORE_F32);
  assert_true(f.m->weights_bytes >= head->offset + 2 * 64);
  assert_int_equal(f.m->state_bytes, 3 * 128);
  end(&f);
}

/* ---- the planner ------------------------------------------------------------------------------------- */

static void test_place(void **state) {
  (void)state;
  uint64_t seed = 1;
  for (int round = 0; round < 2000; round++) {
    struct lifetime b[40];
    int n = 1 + (int)(mix(seed++) % 40);
    int64_t sum = 0, peak = 0;
    for (int i = 0; i < n; i++) {
      int first = (int)(mix(seed++) % 30);
      b[i] = (struct lifetime){.bytes = 1 + (int64_t)(mix(seed++) % 1000), .first = first, .offset = -1};
      b[i].last = first + (int)(mix(seed++) % 10);
      sum += place_align(b[i].bytes, PLACE_ALIGN);
    }
    int64_t size = place(b, n, PLACE_ALIGN);
    for (int t = 0; t < 40; t++) {
      int64_t live = 0;
      for (int i = 0; i < n; i++)
        live += b[i].first <= t && t <= b[i].last ? place_align(b[i].bytes, PLACE_ALIGN) : 0;
      peak = live > peak ? live : peak;
    }
    assert_true(peak <= size && size <= sum && size <= 2 * peak);
    for (int i = 0; i < n; i++) {
      assert_true(b[i].offset >= 0 && b[i].offset % 64 == 0 && b[i].offset + b[i].bytes <= size);
      for (int k = 0; k < i; k++)
        if (b[i].first <= b[k].last && b[k].first <= b[i].last)
          assert_true(b[i].offset + b[i].bytes <= b[k].offset || b[k].offset + b[k].bytes <= b[i].offset);
    }
  }
}

/* ---- running passes ---------------------------------------------------------------------------------- */

static void test_unknown_pass(void **state) {
  (void)state;
  struct fixture f;
  char *text = NULL;
  size_t length;
  start(&f, stateless, "");
  f.diag.out = open_memstream(&text, &length);
  assert_false(passes_run(f.m, "ternarise", NULL));
  assert_false(passes_run(f.m, "plan-memory", NULL));
  fclose(f.diag.out);
  assert_non_null(strstr(text, "did you mean 'ternarize'"));
  assert_non_null(strstr(text, "run fuse first"));
  free(text);
  end(&f);
}

static void test_print_after(void **state) {
  (void)state;
  struct fixture f;
  char *text = NULL;
  size_t length;
  start(&f, stateless, "");
  FILE *out = open_memstream(&text, &length);
  const char *const off[] = {"norm-scale", NULL};
  struct pass_options o = {.verify = true, .print_after = "all", .disable = off, .out = out};
  assert_true(passes_run(f.m, "ternarize,norm-scale,ternarize", &o));
  fclose(out);
  assert_non_null(strstr(text, "// after ternarize ("));
  assert_non_null(strstr(text, "(unchanged)"));
  assert_non_null(strstr(text, "ternary_sum"));
  assert_null(strstr(text, "norm-scale"));
  free(text);
  end(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ternarize_keeps_bits),
      cmocka_unit_test(test_norm_scale_is_close),
      cmocka_unit_test(test_forms_keep_bits),
      cmocka_unit_test(test_batch_of_spec),
      cmocka_unit_test(test_pipeline_is_close),
      cmocka_unit_test(test_buffers_live),
      cmocka_unit_test(test_ternarize_leaves_no_product),
      cmocka_unit_test(test_fuse_counts_kernels),
      cmocka_unit_test(test_batch_time_of_mlgru),
      cmocka_unit_test(test_batch_time_of_matrices),
      cmocka_unit_test(test_no_prefill_through_products),
      cmocka_unit_test(test_weights_in_order),
      cmocka_unit_test(test_place),
      cmocka_unit_test(test_unknown_pass),
      cmocka_unit_test(test_print_after),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
