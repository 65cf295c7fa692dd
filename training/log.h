/* log.h: what a training tells of itself: a line on the terminal, RUN/log.jsonl, and RUN/loss.svg. */
#ifndef TERN_TRAINING_LOG_H
#define TERN_TRAINING_LOG_H

#include <stdio.h>

#include "support/diag.h"

/* A step that was done, or a look at the held-out text. Numbers that are not known are NAN. */
struct log_row {
  uint64_t step, tokens; /* since the beginning of the training */
  double loss, bits;     /* nats a token; bits a byte of text */
  double rate, norm;     /* the learning rate; of the gradient, before it is clipped */
  double tokens_per_s;
  double seconds;              /* that the training took so far */
  double held_loss, held_bits; /* of the held-out text, where this is a look at it */
};

struct log {
  struct diag *diag;
  struct arena arena;
  VEC(struct log_row) rows;
  FILE *file;         /* log.jsonl; NULL: none is written */
  const char *folder; /* RUN, or NULL */
  uint64_t steps;     /* that are wanted, for the time left; 0: unknown */
  bool quiet, drawn;  /* a line is on the terminal */
  double told;        /* when the last one was */
};

/* Opens RUN/log.jsonl; of one that is there the rows up to step `from` stay, and are read. folder NULL:
 * nothing is written. False after a diagnostic. */
bool log_open(struct log *log, struct diag *d, const char *folder, uint64_t from);
/* Writes the curve and ends the line. False after a diagnostic: the log or the curve is not whole. */
bool log_close(struct log *log);

bool log_add(struct log *log, const struct log_row *row);
/* RUN/loss.svg of all rows so far. */
bool log_draw(struct log *log);

/* curve.c: the loss over the steps, of the training and of the held-out text, as SVG. */
void curve_print(FILE *out, const struct log_row *rows, int n, const char *title);

#endif
