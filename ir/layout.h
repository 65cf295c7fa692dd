/* layout.h: facts about a planned module that the code and the weights image must agree on, or that --info
 * shows. */
#ifndef TERN_IR_LAYOUT_H
#define TERN_IR_LAYOUT_H

#include "ir/ir.h"

/* The planned module's stored weights as the IR prints them, a line each, and their bytes in all; and the
 * same with the model's name, parameters and states. Identities are hashes of this text, so that whatever a
 * weight or a state has, and prints, counts. */
void plan_print_weights(const struct module *m, FILE *out);
void plan_print(const struct module *m, FILE *out);
/* FNV-1a, of a text. */
uint64_t text_hash(const char *text, size_t n);
/* Equal for code and image that belong together. */
uint64_t layout_hash(const struct module *m);
/* Equal for programs that may restore each other's saved states. */
uint64_t state_hash(const struct module *m);
/* Numbers in all tensors of the checkpoint that the model names. */
uint64_t parameter_count(const struct module *m);
/* "vocab=2048 hidden=256 ...": every parameter of the spec and its value. */
const char *params_text(struct arena *a, const struct module *m);
/* Bytes that one instance of a stored weight, and its scales, take in the image. */
int64_t weight_bytes(const struct weight *w);
int64_t weight_scale_count(const struct weight *w); /* ternary: scales of one instance; else 0 */

#endif
