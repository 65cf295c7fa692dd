/* training_program.c: a training with its last line. */
#include "training/training_program.h"

#include <math.h>
#include <stdio.h>

#include "runtime/core/interrupt.h"
#include "support/escape.h"

static void print_result(const struct training_options *o, const struct trained_result *r) {
  struct arena a = {0};
  const char *folder = o->resume ? o->resume : o->out;
  fprintf(stderr, "%llu steps, %llu tokens in %.0f s", (unsigned long long)r->step,
          (unsigned long long)r->tokens, r->seconds);
  if (isfinite(r->loss))
    fprintf(stderr, "; loss %.4f", r->loss);
  if (isfinite(r->held_loss))
    fprintf(stderr, "; held-out loss %.4f", r->held_loss);
  if (isfinite(r->held_bits))
    fprintf(stderr, ", %.4f bits a byte", r->held_bits);
  if (folder)
    fprintf(stderr, "\n%s is a checkpoint now: ternc run SPEC --weights %s", folder, shell_word(&a, folder));
  if (folder && r->interrupted)
    fprintf(stderr, "\nit goes on with --resume %s", shell_word(&a, folder));
  fputc('\n', stderr);
  arena_free(&a);
}

int training_program(const struct tern_model *m, struct training_options *o, struct diag *d) {
  struct trained_result result = {0};
  struct interrupts old;
  if (o->dry_run)
    return training_check(o, d, m->parameters) && training_print_plan(m, o, d) ? 0 : 1;
  if (!o->out && !o->resume) {
    diag_error(
        d, "--out DIR is expected: the folder for the training (or --resume DIR, which goes on with one)");
    return 1;
  }
  interrupts_catch(&old);
  bool ok = training_run(m, o, d, &result);
  if (ok && !o->quiet && result.saved)
    print_result(o, &result);
  if (ok && !result.saved)
    fputs("stopped before the first step; nothing was written\n", stderr);
  interrupts_release(&old);
  return !ok ? 1 : result.interrupted ? INTERRUPTED_STATUS : 0;
}
