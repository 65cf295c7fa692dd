/* tokenizer_model.c: reads a SentencePiece tokenizer.model, a protocol buffer, through protobuf-c.
 *
 * The checks are those that SentencePiece itself makes when it loads a model, plus: only BPE models are
 * taken. */
#include "frontend/checkpoint/sentencepiece_model.pb-c.h"
#include "frontend/checkpoint/tokenizer_block.h"
#include "support/file.h"
#include "support/kind.h"

#include <string.h>

enum { MOST_FILE_BYTES = 256 << 20 };

static struct bytes keep(struct arena *a, ProtobufCBinaryData b) {
  return (struct bytes){arena_strndup(a, b.data ? (const char *)b.data : "", b.len), b.len};
}

static struct bytes keep_or(struct arena *a, bool present, ProtobufCBinaryData b, const char *otherwise) {
  return present ? keep(a, b) : (struct bytes){otherwise, strlen(otherwise)};
}

static bool check_kind(struct diag *d, const char *path, const Spm__TrainerSpec *t) {
  static const char *const names[] = {"of an unknown kind", "a unigram model", "a BPE model", "a word model",
                                      "a character model"};
  if (t->model_type == 2)
    return true;
  diag_error(d, "%s: this tokenizer is %s; only SentencePiece BPE models can be used", path,
             names[t->model_type >= 1 && t->model_type <= 4 ? t->model_type : 0]);
  return false;
}

static void read_spec(struct arena *a, const Spm__TrainerSpec *t, const Spm__NormalizerSpec *n,
                      struct vocabulary *v) {
  const struct {
    bool set;
    uint32_t flag;
  } flags[] = {
      {n->add_dummy_prefix, TOKENIZER_ADD_DUMMY},
      {t->treat_whitespace_as_suffix, TOKENIZER_DUMMY_IS_SUFFIX},
      {n->remove_extra_whitespaces, TOKENIZER_REMOVE_EXTRA},
      {n->escape_whitespaces, TOKENIZER_ESCAPE},
      {n->add_dummy_prefix || n->remove_extra_whitespaces, TOKENIZER_DROP_FIRST_BLANK},
  };
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
    v->flags |= flags[i].set ? flags[i].flag : 0;
  v->flags |= TOKENIZER_FUSE_UNK;
  v->byte_fallback = t->byte_fallback;
  v->charsmap = keep(a, n->precompiled_charsmap);
  v->unk_surface = keep_or(a, t->has_unk_surface, t->unk_surface, " \xE2\x81\x87 ");
}

static bool read_piece(struct diag *d, struct arena *a, const Spm__Piece *p, struct vocabulary *v) {
  struct vocabulary_token k = {.piece = keep(a, p->piece), .score = p->score, .type = (uint32_t)p->type};
  uint32_t id = (uint32_t)v->tokens.n;
  const char *wrong = NULL;
  if (p->type < TOKENIZER_NORMAL || p->type > TOKENIZER_BYTE)
    wrong = "its type is unknown";
  else if (p->type == TOKENIZER_UNKNOWN && v->unk >= 0)
    wrong = "it is a second unknown token";
  else if (p->type == TOKENIZER_BYTE && !v->byte_fallback)
    wrong = "it is a byte token in a model without byte fallback";
  else if (p->type == TOKENIZER_BYTE && byte_token_value(k.piece) < 0)
    wrong = "it is a byte token whose name is not <0x00> .. <0xFF>";
  if (wrong)
    diag_error(d, "%s: token %u (%s): %s", v->file, id, show_piece(a, k.piece), wrong);
  if (p->type == TOKENIZER_UNKNOWN)
    v->unk = (int32_t)id;
  if (p->type == TOKENIZER_USER_DEFINED)
    vec_push(a, v->symbols, (struct vocabulary_match){.text = k.piece, .id = id});
  if (p->type == TOKENIZER_CONTROL || p->type == TOKENIZER_UNKNOWN)
    vec_push(a, v->added, (struct vocabulary_match){.text = k.piece, .id = id, .how = TOKENIZER_SPECIAL});
  vec_push(a, v->tokens, k);
  return !wrong;
}

/* The id of the control token of that name; -1: there is none. */
static int32_t find_control(const struct vocabulary *v, struct bytes name) {
  for (int i = 0; i < v->tokens.n; i++) {
    const struct vocabulary_token *k = &v->tokens.at[i];
    if (k->type == TOKENIZER_CONTROL && k->piece.n == name.n && memcmp(k->piece.at, name.at, name.n) == 0)
      return i;
  }
  return -1;
}

static bool read_message(struct diag *d, struct arena *a, const char *path, const Spm__Model *m,
                         struct vocabulary *v) {
  static const Spm__TrainerSpec default_trainer = SPM__TRAINER_SPEC__INIT;
  static const Spm__NormalizerSpec default_normalizer = SPM__NORMALIZER_SPEC__INIT;
  const Spm__TrainerSpec *t = m->trainer_spec ? m->trainer_spec : &default_trainer;
  bool ok = true;
  if (m->n_pieces == 0) {
    diag_error(d, "%s: this is not a SentencePiece model: it holds no pieces", path);
    return false;
  }
  if (!check_kind(d, path, t))
    return false;
  if (m->n_pieces > TOKENIZER_MAX_TOKENS) {
    diag_error(d, "%s: %zu pieces; at most %d are possible", path, m->n_pieces, (int)TOKENIZER_MAX_TOKENS);
    return false;
  }
  read_spec(a, t, m->normalizer_spec ? m->normalizer_spec : &default_normalizer, v);
  for (size_t i = 0; i < m->n_pieces; i++)
    ok &= read_piece(d, a, m->pieces[i], v);
  if (v->unk < 0) {
    diag_error(d, "%s: no piece has the type UNKNOWN; every SentencePiece model has one (<unk>)", path);
    return false;
  }
  v->bos = find_control(v, keep_or(a, t->has_bos_piece, t->bos_piece, "<s>"));
  v->eos = find_control(v, keep_or(a, t->has_eos_piece, t->eos_piece, "</s>"));
  return ok;
}

bool tokenizer_read_model(struct diag *d, struct arena *a, const char *path, struct vocabulary *v) {
  size_t n;
  char *file = file_read(d, a, path, MOST_FILE_BYTES, &n);
  if (!file)
    return false;
  const char *other = file_kind(file, n);
  Spm__Model *m = other ? NULL : spm__model__unpack(NULL, n, (const uint8_t *)file);
  if (!m) {
    diag_error(d, "%s: %s", path,
               other ? other : "this is not a SentencePiece model, or it is cut short; fetch the file again");
    return false;
  }
  bool ok = read_message(d, a, path, m, v);
  spm__model__free_unpacked(m, NULL);
  return ok;
}
