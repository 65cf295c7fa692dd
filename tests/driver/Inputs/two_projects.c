/* Two C projects in one program: one step of each on token 1, and the first logit of each, as the model has
 * it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/core/image.h"
#include "runtime/model.h"

extern const struct tern_model alpha_model, double_model;

static void *memory(uint64_t bytes) {
  void *p = aligned_alloc(TERN_ALIGN, (bytes + TERN_ALIGN) / TERN_ALIGN * TERN_ALIGN);
  return p ? memset(p, 0, bytes) : (exit(2), NULL);
}

static void step(const struct tern_model *m, const char *weights) {
  FILE *f = fopen(weights, "rb");
  struct image_header h;
  uint32_t token = 1;
  const struct tern_entry *e = m->entries; /* step is the first */
  if (!f || fread(&h, sizeof h, 1, f) != 1 || h.layout != m->layout || strcmp(e->name, "step") != 0)
    exit(2);
  void *ports[] = {&token, memory(4 * e->ports[1].elements)};
  struct tern_args args = {
      .state = memory(m->state_bytes), .scratch = memory(e->scratch + e->own), .ports = ports};
  uint8_t *image = memory(h.weights_bytes);
  if (fseek(f, (long)h.weights_at, SEEK_SET) != 0 || fread(image, 1, h.weights_bytes, f) != h.weights_bytes)
    exit(2);
  args.weights = image;
  e->run(&args, 0, 1);
  printf("%s %a\n", m->name, *(float *)ports[1]);
  fclose(f);
}

int main(int argc, char **argv) {
  if (argc != 3)
    return 2;
  step(&alpha_model, argv[1]);
  step(&double_model, argv[2]);
  return 0;
}
