/* fuse_plan.c: which operators of a block run together.
 *
 * 1. Nodes and their dependences: through values, and through states (a write stays after the reads that
 * stood before it).
 * 2. Scans absorb the element-wise operators that only they need, where that saves buffers.
 * 3. Levels: each node as early as barriers allow. Nodes of one level and kind of rows are one kernel: the
 *    fewest kernels that the barriers leave.
 * 4. Operators move to a later level where that saves buffers (what only the second of two sums is scaled
 * with need not be ready before the first), and whole kernels where it costs none. */
#include "passes/fuse.h"

#include "passes/conflicts.h"
#include "passes/rewrite.h"
#include "support/heap.h"

/* ---- nodes ------------------------------------------------------------------------------------------- */

static bool leaf_operand(const struct value *v) {
  bool repeat_index = !v->def && v->index == 0 && op_is(v->block->parent, OP_REPEAT);
  return repeat_index || fuse_leaf(v);
}

bool fuse_leaf(const struct value *v) {
  const struct op *op = v->def;
  if (!op || op->n_out != 1)
    return false;
  if (op->code == OP_CONST || op->code == OP_WEIGHT || op->code == OP_WSCALE || op->code == OP_SEEN ||
      op->code == OP_POSITION || op->code == OP_AGE)
    return true;
  bool copy = op->code == OP_RESHAPE && type_equal(op->in[0]->type, op->out[0]->type);
  if (!(op_info[op->code].flags & MOVE) || copy)
    return false;
  for (int i = 0; i < op->n_in; i++)
    if (!leaf_operand(op->in[i]))
      return false;
  return true;
}

bool fuse_index(const struct op *op) {
  struct type t = op->code == OP_RESHAPE ? op->out[0]->type : type_scalar(ELEM_F32);
  return t.elem == ELEM_U32 && t.rank <= 1 && type_equal(op->in[0]->type, t);
}

/* A sum over what a token sees, which the terms are computed for as it goes. */
static bool sums_past(const struct fuse_plan *s, const struct op *op) {
  return op->code == OP_SUM && op->attr.axis == 0 && type_is_past(s->m, op->in[0]->type);
}

static enum fuse_node_kind kind_of(const struct fuse_plan *s, const struct op *op) {
  if (sums_past(s, op) && op->in[0]->type.rank > 2)
    return FUSE_SCAN;
  if (op_is_product(op))
    return FUSE_SUM;
  switch (op->code) {
  case OP_MATMUL: return FUSE_MATMUL;
  case OP_RESHAPE: return fuse_index(op) ? FUSE_MATMUL : FUSE_TOGETHER;
  case OP_SCAN: return FUSE_SCAN;
  case OP_REPEAT: return FUSE_REPEAT;
  default: return FUSE_TOGETHER;
  }
}

static int rows_of(const struct op *op) {
  const struct value *v = op->n_out ? op->out[0] : op->n_in ? op->in[0] : NULL;
  int64_t lead = v && v->type.rank ? v->type.dim[0] : 1;
  return lead < 0 ? (int)-lead : 0;
}

/* The nodes: operators that are no leaves and do not end the block. Their results' id is the node's number.
 */
static void find_nodes(struct fuse_plan *s) {
  VEC(struct fuse_node) nodes = {0};
  for (struct op *op = s->block->first; op; op = op->next) {
    if ((op_info[op->code].flags & END) || (op->n_out == 1 && fuse_leaf(op->out[0])))
      continue;
    for (int i = 0; i < op->n_out; i++)
      op->out[i]->id = nodes.n;
    struct fuse_node u = {.op = op, .kind = kind_of(s, op), .rows = rows_of(op), .cluster = -1};
    if (u.kind == FUSE_SCAN)
      u.cluster = nodes.n;
    s->row_kinds = u.rows < s->row_kinds ? s->row_kinds : u.rows + 1;
    vec_push(s->arena, nodes, u);
  }
  s->nodes = nodes.at;
  s->n = nodes.n;
}

static void add_edge(struct fuse_plan *s, int from, int to) {
  struct fuse_node *u = &s->nodes[from], *v = &s->nodes[to];
  if (u->to.n && u->to.at[u->to.n - 1] == to) /* edges come user by user */
    return;
  vec_push(s->arena, u->to, to);
  vec_push(s->arena, v->from, from);
}

static void use_values(struct fuse_plan *s, int user, int n, struct value *const *values) {
  for (int i = 0; i < n; i++) {
    const struct value *v = values[i];
    if (v->def && fuse_leaf(v)) /* a weight's index may be computed */
      use_values(s, user, v->def->n_in, v->def->in);
    else if (v->def && v->block == s->block)
      add_edge(s, v->id, user);
  }
}

static void find_values(struct fuse_plan *s) {
  for (int k = 0; k < s->n; k++) {
    const struct op *op = s->nodes[k].op;
    use_values(s, k, op->n_in, op->in);
    struct value **captured = NULL;
    int n = op->body ? captured_values(s->arena, op, &captured) : 0;
    use_values(s, k, n, captured);
  }
  const struct op *end = s->block->last;
  for (int i = 0; i < end->n_in; i++)
    if (end->in[i]->def && end->in[i]->block == s->block && !fuse_leaf(end->in[i]))
      s->nodes[end->in[i]->id].at_end = true;
}

static void order_two(void *schedule, int i, int j) {
  struct fuse_plan *s = schedule;
  vec_push(s->arena, s->nodes[i].before, j);
  vec_push(s->arena, s->nodes[j].after, i);
}

/* What a leaf is made of that is seen of a past: its users stand after the row was appended. */
static void order_seen(struct fuse_plan *s, const struct value *v, int user) {
  if (!v->def || v->block != s->block || !fuse_leaf(v))
    return;
  for (int k = 0; v->def->code == OP_SEEN && k < user; k++)
    if (s->nodes[k].op->code == OP_APPEND && states_conflict(s->nodes[k].op, v->def))
      order_two(s, k, user);
  for (int i = 0; i < v->def->n_in; i++)
    order_seen(s, v->def->in[i], user);
}

static void order_all_seen(struct fuse_plan *s) {
  for (int k = 0; k < s->n; k++) {
    const struct op *op = s->nodes[k].op;
    struct value **captured = NULL;
    int n = op->body ? captured_values(s->arena, op, &captured) : 0;
    for (int i = 0; i < op->n_in; i++)
      order_seen(s, op->in[i], k);
    for (int i = 0; i < n; i++)
      order_seen(s, captured[i], k);
  }
}

static void order_accesses(struct fuse_plan *s) {
  struct op **ops = arena_array(s->arena, struct op *, s->n);
  for (int k = 0; k < s->n; k++)
    ops[k] = s->nodes[k].op;
  each_conflict(s->arena, s->n, ops, order_two, s);
}

/* ---- what buffers cost ------------------------------------------------------------------------------- */

enum { TOKENS = 64 }; /* a typical chunk, to weigh T against K */

static int64_t result_bytes(const struct fuse_node *u) {
  if (!u->op->n_out)
    return 0;
  struct type t = u->op->out[0]->type;
  int64_t rows = t.rank && t.dim[0] < 0 && t.dim[0] != DIM_K ? TOKENS : 1;
  return rows * elem_bytes(t.elem) * type_count(t, NULL);
}

bool fuse_together(const struct fuse_node *u, const struct fuse_node *v) {
  if (u->cluster >= 0 || v->cluster >= 0)
    return u->cluster == v->cluster;
  return u->kind == FUSE_TOGETHER && v->kind == FUSE_TOGETHER && u->level == v->level && u->rows == v->rows;
}

/* What the buffer of a fused node's result takes: nothing when its kernel alone uses it. Results of barriers
 * are buffers anyway. What a repeat yields before its last kernels have run needs a copy, unless they have no
 * use for the value that it replaces; so it counts twice. */
static int64_t buffer_cost(const struct fuse_plan *s, int k) {
  const struct fuse_node *u = &s->nodes[k];
  if (u->kind != FUSE_TOGETHER)
    return 0;
  bool outside = u->at_end;
  for (int i = 0; i < u->to.n && !outside; i++)
    outside = !fuse_together(u, &s->nodes[u->to.at[i]]);
  bool early = u->at_end && s->block->parent && u->level < s->levels - 1;
  return outside ? result_bytes(u) * (1 + early) : 0;
}

/* The cost of the buffers that moving node k could change: its own and its operands'. */
static int64_t cost_around(const struct fuse_plan *s, int k) {
  int64_t cost = buffer_cost(s, k);
  for (int i = 0; i < s->nodes[k].from.n; i++)
    cost += buffer_cost(s, s->nodes[k].from.at[i]);
  return cost;
}

/* ---- scans absorb ------------------------------------------------------------------------------------ */

/* Whether a sum over a past computes it as it goes: it has as many elements as the sum has terms, so that
 * nothing is computed for several of them. */
static bool is_past_term(const struct fuse_plan *s, const struct fuse_node *u) {
  if (!u->op->n_out || !type_is_past(s->m, u->op->out[0]->type) || !u->to.n)
    return false;
  const struct op *user = s->nodes[u->to.at[0]].op;
  bool sum = sums_past(s, user), term = is_past_term(s, &s->nodes[u->to.at[0]]);
  const struct value *whole = sum ? user->in[0] : user->n_out ? user->out[0] : NULL;
  return (sum || term) && whole && most_count(s->m, u->op->out[0]->type) >= most_count(s->m, whole->type);
}

static bool elementwise(const struct fuse_plan *s, const struct fuse_node *u) {
  unsigned flags = op_info[u->op->code].flags;
  return u->kind == FUSE_TOGETHER && (u->rows == -DIM_T || is_past_term(s, u)) && (flags & (MAP | MOVE)) &&
         u->op->code != OP_TAIL;
}

static bool used_only_in(const struct fuse_plan *s, const struct fuse_node *u, int cluster) {
  if (u->at_end || u->to.n == 0)
    return false;
  for (int i = 0; i < u->to.n; i++)
    if (s->nodes[u->to.at[i]].cluster != cluster)
      return false;
  return true;
}

static bool is_larger(const struct value *x, const struct value *y) {
  return type_count(x->type, NULL) > type_count(y->type, NULL);
}

/* Whether the body computes several elements of each of the argument's. */
static bool body_stretches(const struct block *body, const struct value *v) {
  for (const struct op *op = body->first; op; op = op->next) {
    bool moves = (op_info[op->code].flags & MOVE) && op->n_in == 1;
    for (int i = 0; i < op->n_in; i++)
      if (op->in[i] == v && op->n_out == 1 &&
          (is_larger(op->out[0], v) || (moves && body_stretches(body, op->out[0]))))
        return true;
  }
  return false;
}

/* Whether an element of what the operator makes is wanted for several in the kernel of the scan, which
 * computes it each time. stretched: that of the nodes that use it. */
static bool is_stretched(const struct fuse_plan *s, const struct fuse_node *u, const bool *stretched) {
  const struct value *v = u->op->out[0];
  for (int i = 0; i < u->to.n; i++) {
    const struct op *user = s->nodes[u->to.at[i]].op;
    for (int k = 0; user->code == OP_SCAN && k < user->n_in; k++)
      if (user->in[k] == v && body_stretches(user->body, user->body->args[k]))
        return true;
    if (user->code != OP_SCAN && (stretched[u->to.at[i]] || (user->n_out && is_larger(user->out[0], v))))
      return true;
  }
  return false;
}

/* A heap gives the least first; the nodes are wanted back to front. */
static void push_producers(const struct fuse_plan *s, struct heap *h, int k) {
  for (int i = 0; i < s->nodes[k].from.n; i++)
    heap_push(s->arena, h, -s->nodes[k].from.at[i]);
}

/* Takes element-wise producers in one after another, back to front, and keeps the prefix that needs the
 * fewest bytes of buffers; of equal ones the longest. What the scan would compute again and again (a gate for
 * each row of a matrix) stays outside. */
static void absorb(struct fuse_plan *s, int scan) {
  VEC(int) taken = {0};
  struct heap producers = {0}; /* -k */
  int64_t cost = 0, best = 0;
  int best_n = 0;
  bool *stretched = arena_array(s->arena, bool, s->n);
  push_producers(s, &producers, scan);
  while (producers.at.n) {
    int k = -heap_pop(&producers);
    struct fuse_node *u = &s->nodes[k];
    if (u->cluster >= 0 || !elementwise(s, u) || !used_only_in(s, u, scan))
      continue;
    stretched[k] = is_stretched(s, u, stretched);
    if (stretched[k] && (op_info[u->op->code].flags & MAP) && s->nodes[scan].op->code == OP_SCAN)
      continue;
    cost -= cost_around(s, k);
    u->cluster = scan;
    cost += cost_around(s, k);
    push_producers(s, &producers, k);
    vec_push(s->arena, taken, k);
    if (cost <= best) {
      best = cost;
      best_n = taken.n;
    }
  }
  for (int i = best_n; i < taken.n; i++)
    s->nodes[taken.at[i]].cluster = -1;
}

/* ---- levels ------------------------------------------------------------------------------------------ */

static bool barrier(const struct fuse_node *u) {
  return u->kind != FUSE_TOGETHER || u->cluster >= 0;
}

/* Whether what `u` makes is there only at the level after its own for `user`: barriers end a level, and
 * within one kernels run in the order of their rows. */
static bool ends_level(const struct fuse_node *u, const struct fuse_node *user) {
  bool rows = u->op->code == OP_APPEND || (u->op->code == OP_APPEND_BACK && user->op->code == OP_APPEND);
  if (rows && u->rows == user->rows)
    return true; /* a kernel sees no row that it appends */
  return barrier(u) || (!barrier(user) && u->rows > user->rows);
}

static int least_level(const struct fuse_plan *s, const struct fuse_node *u) {
  int level = 0;
  for (int pass = 0; pass < 2; pass++) {
    int n = pass ? u->after.n : u->from.n;
    const int *at = pass ? u->after.at : u->from.at;
    for (int i = 0; i < n; i++) {
      const struct fuse_node *p = &s->nodes[at[i]];
      bool same = u->cluster >= 0 && p->cluster == u->cluster;
      int after = p->level + (!same && ends_level(p, u));
      level = after > level ? after : level;
    }
  }
  return level;
}

/* Nodes of a cluster share the level of the last. Program order is a topological order, but a node of a
 * cluster that raises the others comes after some of their users, so this goes on until nothing rises. */
static void find_levels(struct fuse_plan *s) {
  for (bool changed = true; changed;) {
    changed = false;
    for (int k = 0; k < s->n; k++) {
      struct fuse_node *u = &s->nodes[k];
      int level = least_level(s, u);
      if (u->cluster >= 0 && s->nodes[u->cluster].level > level)
        level = s->nodes[u->cluster].level;
      if (level <= u->level)
        continue;
      u->level = level;
      if (u->cluster >= 0)
        s->nodes[u->cluster].level = level;
      changed = true;
    }
  }
}

static int level_count(const struct fuse_plan *s) {
  int n = 0;
  for (int k = 0; k < s->n; k++)
    n = s->nodes[k].level >= n ? s->nodes[k].level + 1 : n;
  return n;
}

/* The latest level at which the node's users and the accesses after it still find it done. */
static int latest_level(const struct fuse_plan *s, const struct fuse_node *u) {
  int level = s->levels - 1;
  for (int pass = 0; pass < 2; pass++) {
    int n = pass ? u->before.n : u->to.n;
    const int *at = pass ? u->before.at : u->to.at;
    for (int i = 0; i < n; i++) {
      const struct fuse_node *user = &s->nodes[at[i]];
      int before = user->level - ends_level(u, user);
      level = before < level ? before : level;
    }
  }
  return level;
}

/* ---- moving to later levels -------------------------------------------------------------------------- */

struct move {
  int node, level; /* where it was */
};
struct moves {
  VEC(struct move) at;
  int64_t cost; /* against before */
};

static bool same_kernel(const struct fuse_node *u, int level, int rows) {
  return !barrier(u) && u->level == level && u->rows == rows;
}

/* Nodes of the kernel of a level and kind of rows. */
static int *members(const struct fuse_plan *s, int level, int rows) {
  return &s->members[level * s->row_kinds + rows];
}

static void move_to(struct fuse_plan *s, struct fuse_node *u, int level) {
  --*members(s, u->level, u->rows);
  u->level = level;
  ++*members(s, u->level, u->rows);
}

/* Moves node k as late as it may go, but not into a kernel of its own. */
static bool sink(struct fuse_plan *s, int k, struct moves *m) {
  struct fuse_node *u = &s->nodes[k];
  if (barrier(u) || (u->to.n == 0 && !u->at_end))
    return false;
  int level = latest_level(s, u);
  while (level > u->level && !*members(s, level, u->rows))
    level--;
  if (level <= u->level)
    return false;
  vec_push(s->arena, m->at, (struct move){k, u->level});
  m->cost -= cost_around(s, k);
  move_to(s, u, level);
  m->cost += cost_around(s, k);
  return true;
}

static void undo(struct fuse_plan *s, struct moves *m, int keep) {
  while (m->at.n > keep) {
    struct move last = m->at.at[--m->at.n];
    move_to(s, &s->nodes[last.node], last.level);
  }
}

/* Moves `root` and then, back to front, what only it and its like need; keeps as many moves as save the most.
 */
static void sink_cone(struct fuse_plan *s, int root) {
  struct moves m = {0};
  int64_t best = 0;
  int keep = 0;
  struct heap wanted = {0}; /* -k */
  int before = -1;
  heap_push(s->arena, &wanted, -root);
  while (wanted.at.n) {
    int k = -heap_pop(&wanted);
    if (k == before || !sink(s, k, &m))
      continue;
    before = k;
    push_producers(s, &wanted, k);
    if (m.cost < best) {
      best = m.cost;
      keep = m.at.n;
    }
  }
  undo(s, &m, keep);
}

/* A kernel that can move into later ones as a whole does, when that needs no more buffers. */
static void sink_kernel(struct fuse_plan *s, const fuse_list *kernel) {
  struct moves m = {0};
  bool all = true;
  for (int i = kernel->n - 1; i >= 0 && all; i--)
    all = sink(s, kernel->at[i], &m);
  undo(s, &m, all && m.cost <= 0 ? m.at.n : 0);
}

static void sink_all(struct fuse_plan *s) {
  for (int k = s->n - 1; k >= 0; k--)
    sink_cone(s, k);
  const fuse_list *kernels = fuse_kernels(s); /* moves go to levels that have had their turn */
  for (int level = s->levels - 1; level >= 0; level--)
    for (int rows = 0; rows < s->row_kinds; rows++)
      sink_kernel(s, &kernels[level * s->row_kinds + rows]);
}

/* ---- scans take what follows ------------------------------------------------------------------------- */

/* Whether the node, one level after the scan, can run inside the scan's kernel: each element of it needs only
 * the same element of the scan's results, and nothing that is not there before the scan. */
static bool can_follow(const struct fuse_plan *s, const struct fuse_node *u, int scan) {
  const struct op *op = s->nodes[scan].op;
  if (!(op_info[u->op->code].flags & MAP) || op->n_out == 0 || u->after.n ||
      !type_same_shape(u->op->out[0]->type, op->out[0]->type))
    return false;
  int level = s->nodes[scan].level;
  for (int i = 0; i < u->from.n; i++) {
    const struct fuse_node *p = &s->nodes[u->from.at[i]];
    if (p->cluster == scan ? !type_same_shape(p->op->out[0]->type, op->out[0]->type)
                           : !same_kernel(p, level + 1, -DIM_T) && p->level + barrier(p) > level)
      return false;
  }
  return true;
}

/* A kernel of nothing but element-wise operators right after a scan becomes a part of it. */
static void extend_scan(struct fuse_plan *s, const fuse_list *kernels, int scan) {
  int level = s->nodes[scan].level;
  if (level + 1 >= s->levels || s->row_kinds <= -DIM_T)
    return;
  const fuse_list *next = &kernels[(level + 1) * s->row_kinds - DIM_T];
  for (int i = 0; i < next->n; i++) {
    const struct fuse_node *u = &s->nodes[next->at[i]];
    if (same_kernel(u, level + 1, -DIM_T) && !can_follow(s, u, scan))
      return;
  }
  for (int i = 0; i < next->n; i++) {
    struct fuse_node *u = &s->nodes[next->at[i]];
    if (!same_kernel(u, level + 1, -DIM_T))
      continue;
    u->cluster = scan;
    u->level = level;
  }
}

fuse_list *fuse_kernels(const struct fuse_plan *s) {
  fuse_list *kernels = arena_array(s->arena, fuse_list, s->levels * s->row_kinds);
  for (int k = 0; k < s->n; k++) {
    const struct fuse_node *u = &s->nodes[k];
    if (!barrier(u))
      vec_push(s->arena, kernels[u->level * s->row_kinds + u->rows], k);
  }
  return kernels;
}

struct fuse_plan *fuse_plan(struct arena *a, const struct module *m, struct block *b) {
  struct fuse_plan *s = arena_new(a, struct fuse_plan);
  *s = (struct fuse_plan){.arena = a, .m = m, .block = b, .end = b->last};
  find_nodes(s);
  find_values(s);
  order_accesses(s);
  order_all_seen(s);
  for (int k = 0; k < s->n; k++)
    if (s->nodes[k].kind == FUSE_SCAN)
      absorb(s, k);
  find_levels(s);
  s->levels = level_count(s);
  s->members = arena_array(a, int, s->levels * s->row_kinds);
  for (int k = 0; k < s->n; k++)
    if (!barrier(&s->nodes[k]))
      ++*members(s, s->nodes[k].level, s->nodes[k].rows);
  sink_all(s);
  const fuse_list *kernels = fuse_kernels(s);
  for (int k = 0; k < s->n; k++)
    if (s->nodes[k].kind == FUSE_SCAN)
      extend_scan(s, kernels, k);
  return s;
}
