/* claim.c: the list, and who is the same as whom. An input's claim holds while its name still leads to that
 * file: the number of a file that is gone may be given to another one. */
#include "runtime/core/claim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct identity {
  dev_t device;
  ino_t number; /* device and number 0: none */
};

struct claim {
  struct claim *next;
  char *name;             /* as the user gave it */
  struct identity file;   /* none: an output that is not there yet */
  struct identity folder; /* of an output: where it will be, and */
  char *base;             /* its name there; NULL: an input */
  bool announced;
};

static struct claim *claims;

static struct identity identity_of(const struct stat *st) {
  return (struct identity){st->st_dev, st->st_ino};
}

static bool same(struct identity a, struct identity b) {
  return a.device == b.device && a.number == b.number && (a.device || a.number);
}

static bool still_there(const struct claim *c) {
  struct stat st;
  bool found = strcmp(c->name, "-") == 0 ? fstat(STDIN_FILENO, &st) == 0 : stat(c->name, &st) == 0;
  return found && same(identity_of(&st), c->file);
}

static bool add(struct claim c, const char *name, const char *base, struct failure *f) {
  struct claim *own = malloc(sizeof *own);
  char *own_name = strdup(name), *own_base = base ? strdup(base) : NULL;
  if (!own || !own_name || (base && !own_base)) {
    free(own);
    free(own_name);
    free(own_base);
    return fail_memory(f, sizeof *own, name);
  }
  *own = c;
  own->name = own_name;
  own->base = own_base;
  own->next = claims;
  claims = own;
  return true;
}

static bool fail_input(struct failure *f, const char *output, const char *input) {
  return fail_with(f,
                   "the output '%s' is the same file as the input '%s', which it would destroy; give the "
                   "output another name",
                   output, input);
}

static bool fail_twice(struct failure *f, const char *a, const char *b) {
  return fail_with(f, "the outputs '%s' and '%s' are the same file; give each a name of its own", a, b);
}

bool claim_input(const char *name, int fd, struct failure *f) {
  struct stat st;
  if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
    return true;
  struct identity file = identity_of(&st);
  for (const struct claim *c = claims; c; c = c->next) {
    if (c->base && same(c->file, file))
      return fail_input(f, c->name, name);
    if (!c->base && same(c->file, file) && strcmp(c->name, name) == 0)
      return true;
  }
  return add((struct claim){.file = file}, name, NULL, f);
}

/* Whether the new output may stand beside the claims that are there. *again: it is one of them, announced. */
static bool is_free(const struct claim *new, const char *name, const char *base, bool *again,
                    struct failure *f) {
  *again = false;
  for (struct claim *c = claims; c; c = c->next) {
    if (!c->base) {
      if (same(c->file, new->file) && still_there(c))
        return fail_input(f, name, c->name);
    } else if (same(c->file, new->file) || (same(c->folder, new->folder) && strcmp(c->base, base) == 0)) {
      if (!c->announced || strcmp(c->name, name) != 0)
        return fail_twice(f, c->name, name);
      c->announced = new->announced;
      *again = true;
    }
  }
  return true;
}

static bool claim(const struct claim *new, const char *name, const char *base, struct failure *f) {
  bool again;
  return is_free(new, name, base, &again, f) && (again || add(*new, name, base, f));
}

bool claim_output(const char *name, const char *target, bool announced, struct failure *f) {
  struct claim c = {.announced = announced};
  struct stat st;
  if (stat(target, &st) == 0 && S_ISREG(st.st_mode))
    c.file = identity_of(&st);
  const char *slash = strrchr(target, '/'), *base = slash ? slash + 1 : target;
  char *folder = slash ? strndup(target, (size_t)(slash - target) + 1) : strdup(".");
  if (!folder)
    return fail_memory(f, strlen(target), name);
  if (stat(folder, &st) == 0)
    c.folder = identity_of(&st);
  free(folder);
  return claim(&c, name, base, f);
}

/* A descriptor that is no file is the same as itself only: a terminal may well be input and output. */
bool claim_descriptor(const char *name, int fd, struct failure *f) {
  struct claim c = {.folder = {(dev_t)-1, (ino_t)fd}};
  struct stat st;
  if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
    c.file = identity_of(&st);
  return claim(&c, name, "", f);
}

static void drop(struct claim **at) {
  struct claim *c = *at;
  *at = c->next;
  free(c->name);
  free(c->base);
  free(c);
}

void claim_drop(const char *name) {
  for (struct claim **at = &claims; *at;)
    if ((*at)->base && strcmp((*at)->name, name) == 0)
      drop(at);
    else
      at = &(*at)->next;
}

void claim_drop_outputs(void) {
  for (struct claim **at = &claims; *at;)
    if ((*at)->base && !(*at)->announced)
      drop(at);
    else
      at = &(*at)->next;
}
