/* entries.c: looks entries up, and holds their ports against those of a language model. */
#include "runtime/core/entries.h"

#include <string.h>

const struct tern_entry *entry_find(const struct tern_model *m, const char *name) {
  for (uint32_t i = 0; i < m->n_entries; i++)
    if (strcmp(m->entries[i].name, name) == 0)
      return &m->entries[i];
  return NULL;
}

uint64_t entry_scratch(const struct tern_entry *e, uint32_t threads) {
  return e ? e->scratch + threads * e->own : 0;
}

/* ---- language models ----------------------------------------------------------------------------------- */

enum { TOKENS, LOGITS, ROWS }; /* ports */

static bool is_port(const struct tern_port *p, enum tern_access access, int32_t dim) {
  bool logits = access == TERN_OUT;
  bool elem = logits ? p->elem == TERN_F32 || p->elem == TERN_I32 : p->elem == TERN_U32;
  return p->access == (uint32_t)access && p->dim == dim && elem && (logits || p->elements == 1);
}

/* From tokens to logits of the two dimensions, -1 for one token; of several sequences, if `rows`. */
static bool takes_tokens(const struct tern_entry *e, int32_t tokens, int32_t logits, bool rows) {
  return e->n_ports == 2u + rows && is_port(&e->ports[TOKENS], TERN_IN, tokens) &&
         is_port(&e->ports[LOGITS], TERN_OUT, logits) &&
         (!rows || is_port(&e->ports[ROWS], TERN_ROWS, tokens));
}

const struct tern_entry *model_step(const struct tern_model *m) {
  const struct tern_entry *e = entry_find(m, "step");
  return e && takes_tokens(e, -1, -1, false) ? e : NULL;
}

static bool like_step(const struct tern_model *m, const struct tern_entry *e) {
  const struct tern_port *logits = model_logits(m), *own = &e->ports[LOGITS];
  return logits && own->elem == logits->elem && own->elements == logits->elements &&
         own->frac == logits->frac;
}

const struct tern_entry *model_prefill(const struct tern_model *m) {
  const struct tern_entry *e = entry_find(m, "prefill");
  return e && takes_tokens(e, TERN_T, TERN_K, false) && like_step(m, e) ? e : NULL;
}

const struct tern_entry *model_batch(const struct tern_model *m) {
  const struct tern_entry *e = entry_find(m, "batch");
  return e && takes_tokens(e, TERN_B, TERN_B, true) && like_step(m, e) ? e : NULL;
}

const struct tern_port *model_logits(const struct tern_model *m) {
  const struct tern_entry *step = model_step(m);
  return step ? &step->ports[LOGITS] : NULL;
}

bool model_integers(const struct tern_model *m) {
  const struct tern_port *logits = model_logits(m);
  return logits && logits->elem == TERN_I32;
}

uint32_t model_vocab(const struct tern_model *m) {
  const struct tern_port *logits = model_logits(m);
  return logits ? (uint32_t)logits->elements : 0;
}

uint32_t model_chunk(const struct tern_model *m) {
  return model_prefill(m) ? m->dims[TERN_T].most : 0;
}

uint32_t model_sequences(const struct tern_model *m) {
  return model_batch(m) ? m->dims[TERN_B].most : 0;
}

bool language_fits(const struct tern_model *m, struct failure *f) {
  if (m->abi != TERN_ABI)
    return fail_with(f, "model %s was compiled for version %u of the runtime, this is %d; compile it again",
                     m->name, m->abi, TERN_ABI);
  if (!model_step(m))
    return fail_with(
        f,
        "model %s is no language model: it has no entry 'step' from a token, u32, to logits, f32[vocab] "
        "or i32[vocab]; call its entries by runtime/model.h",
        m->name);
  if ((entry_find(m, "prefill") && !model_prefill(m)) || (entry_find(m, "batch") && !model_batch(m)))
    return fail_with(
        f,
        "model %s: its entries 'prefill' and 'batch' are not the many-token forms of its 'step'; give "
        "them other names",
        m->name);
  return true;
}
