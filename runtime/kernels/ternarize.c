/* ternarize.c: sums of magnitudes in 16 lanes of float64 that fold as a tree; then 16 rows by some columns at
 * a time as codes in the first cache, which pack.h packs. Loops have a form that compilers vectorise. */
#include "runtime/kernels/ternarize.h"
#include "runtime/kernels/math.h"
#include "runtime/kernels/pack.h"
#include "runtime/kernels/ternary.h"

#include <string.h>

enum { STRIP = 4 * TERN_CHUNK * TERN_CHUNK3 /* columns: whole chunks of both layouts */ };

/* Every function is part of one that knows which numbers it has. */
#define PART static inline __attribute__((always_inline))

/* Numbers in memory: float32, or bfloat16. */
struct numbers {
  const float *whole; /* or NULL: */
  const uint16_t *half;
};

PART float number(struct numbers w, int64_t i) {
  return w.whole ? w.whole[i] : tern_bf16(w.half[i]);
}

PART struct numbers numbers_from(struct numbers w, int64_t i) {
  return w.whole ? (struct numbers){w.whole + i, NULL} : (struct numbers){NULL, w.half + i};
}

static inline int64_t smaller(int64_t a, int64_t b) {
  return a < b ? a : b;
}

/* Segments have a sum each: `per_row` in a row of `width` elements. */
struct segments {
  int64_t width, span, per_row, count;
};

static inline struct segments segments_of(int64_t m, int64_t n, int64_t span) {
  struct segments s = {span ? n : m * n, span ? smaller(span, n) : TERN_SUM_ELEMENTS, 0, 0};
  s.per_row = (s.width + s.span - 1) / s.span;
  s.count = span ? m * s.per_row : s.per_row;
  return s;
}

int64_t tern_ternarize_sums(int64_t m, int64_t n, int64_t span) {
  return segments_of(m, n, span).count;
}

static inline int64_t segment_begin(const struct segments *s, int64_t i) {
  return i / s->per_row * s->width + i % s->per_row * s->span;
}

static inline int64_t segment_length(const struct segments *s, int64_t i) {
  return smaller(s->span, s->width - i % s->per_row * s->span);
}

PART double sum_of_magnitudes(struct numbers w, int64_t n) {
  double lanes[TERN_SUM_LANES] = {0};
  int64_t i = 0;
  for (; i + TERN_SUM_LANES <= n; i += TERN_SUM_LANES)
    for (int k = 0; k < TERN_SUM_LANES; k++)
      lanes[k] += (double)__builtin_fabsf(number(w, i + k));
  for (int k = 0; i < n; i++, k++)
    lanes[k] += (double)__builtin_fabsf(number(w, i));
  for (int step = TERN_SUM_LANES / 2; step; step /= 2)
    for (int k = 0; k < step; k++)
      lanes[k] += lanes[k + step];
  return lanes[0];
}

/* The larger, and NaN if one is. */
static inline float larger(float a, float b) {
  return a == a && !(b <= a) ? b : a;
}

PART float largest_magnitude(struct numbers w, int64_t n) {
  float lanes[TERN_SUM_LANES] = {0};
  int64_t i = 0;
  for (; i + TERN_SUM_LANES <= n; i += TERN_SUM_LANES)
    for (int k = 0; k < TERN_SUM_LANES; k++)
      lanes[k] = larger(lanes[k], __builtin_fabsf(number(w, i + k)));
  for (int k = 0; i < n; i++, k++)
    lanes[k] = larger(lanes[k], __builtin_fabsf(number(w, i)));
  for (int k = 1; k < TERN_SUM_LANES; k++)
    lanes[0] = larger(lanes[0], lanes[k]);
  return lanes[0];
}

PART void sums_of(struct numbers w, struct segments s, bool largest, double *sums, uint32_t thread,
                  uint32_t threads) {
  int64_t end = s.count * (thread + 1) / threads;
  for (int64_t i = s.count * thread / threads; i < end; i++) {
    struct numbers from = numbers_from(w, segment_begin(&s, i));
    int64_t length = segment_length(&s, i);
    sums[i] = largest ? (double)largest_magnitude(from, length) : sum_of_magnitudes(from, length);
  }
}

TERN_TERNARIZE_SUM(tern_ternarize_sum, float) {
  sums_of((struct numbers){w, NULL}, segments_of(m, n, span), largest, sums, thread, threads);
}

TERN_TERNARIZE_SUM(tern_ternarize_sum_bf16, uint16_t) {
  sums_of((struct numbers){NULL, w}, segments_of(m, n, span), largest, sums, thread, threads);
}

/* s of what is the mean of, or the largest of, the magnitudes. */
static inline float scale_from(float c, bool largest) {
  if (largest)
    return c < 0x1p-126f ? 1.0f : 1.0f / c;
  return 1.0f / (c < (float)TERN_LEAST_MAGNITUDE ? (float)TERN_LEAST_MAGNITUDE : c);
}

static inline float scale_of_all(const struct segments *s, bool largest, const double *sums) {
  double total = 0;
  float most = 0;
  for (int64_t i = 0; i < s->count; i++) {
    total += sums[i];
    most = larger(most, (float)sums[i]);
  }
  return scale_from(largest ? most : (float)(total / (double)s->width), largest);
}

static inline float scale_of_segment(const struct segments *s, bool largest, const double *sums, int64_t i) {
  return scale_from((float)(largest ? sums[i] : sums[i] / (double)segment_length(s, i)), largest);
}

/* clamp(round(w * s), -1, 1), half to even. */
PART void make_codes(struct numbers w, int64_t n, float s, int8_t *restrict codes) {
  for (int64_t i = 0; i < n; i++) {
    float x = number(w, i) * s;
    codes[i] = (int8_t)((x > 0.5f) - (x < -0.5f));
  }
}

/* Columns [begin, end) of a row, whose scales these are. */
PART void row_codes(struct numbers w, int64_t begin, int64_t end, int64_t span, const float *scales,
                    int8_t *codes) {
  for (int64_t at = begin, stop; at < end; at = stop) {
    stop = span ? smaller(end, (at / span + 1) * span) : end;
    make_codes(numbers_from(w, at), stop - at, scales[span ? at / span : 0], codes + at - begin);
  }
}

struct packing {
  struct numbers w;
  int64_t m, n, span, chunk;
  const float *scales;
  uint8_t *out;
};

PART void pack_panel_of(const struct packing *p, int64_t panel) {
  int64_t step, rows = smaller(TERN_PANEL, p->m - panel * TERN_PANEL),
                chunks = (p->n + p->chunk - 1) / p->chunk;
  int64_t at = tern_panel(p->out, p->m, chunks, panel, &step) - p->out;
  for (int64_t column = 0; column < p->n; column += STRIP) {
    int8_t codes[TERN_PANEL * STRIP];
    int64_t width = smaller(STRIP, p->n - column), per_row = p->span ? (p->n + p->span - 1) / p->span : 0;
    for (int64_t r = 0; r < rows; r++) {
      int64_t row = panel * TERN_PANEL + r;
      row_codes(numbers_from(p->w, row * p->n), column, column + width, p->span, p->scales + row * per_row,
                codes + r * STRIP);
    }
    tern_pack_strip(p->chunk, codes, STRIP, rows, width, p->out + at + column / p->chunk * step, step);
  }
}

PART void ternarize(struct packing p, bool largest, const double *sums, float *scales, uint32_t thread,
                    uint32_t threads) {
  struct segments s = segments_of(p.m, p.n, p.span);
  int64_t first, last;
  float all;
  tern_share(p.m, thread, threads, &first, &last);
  p.scales = scales;
  if (!p.span) {
    all = scale_of_all(&s, largest, sums);
    p.scales = &all;
    if (thread == 0)
      *scales = all;
  }
  for (int64_t panel = first; panel < last; panel++) {
    int64_t end = smaller(p.m, (panel + 1) * TERN_PANEL) * s.per_row;
    for (int64_t i = panel * TERN_PANEL * s.per_row; p.span && i < end; i++)
      scales[i] = scale_of_segment(&s, largest, sums, i);
    pack_panel_of(&p, panel);
  }
}

#define TERNARIZE(name, type, chunk, ...)                                                                    \
  TERN_TERNARIZE(name, type) {                                                                               \
    ternarize((struct packing){__VA_ARGS__, m, n, span, chunk, NULL, out}, largest, sums, scales, thread,    \
              threads);                                                                                      \
  }
TERNARIZE(tern_ternarize_tile2, float, TERN_CHUNK, {w, NULL})
TERNARIZE(tern_ternarize_tile3, float, TERN_CHUNK3, {w, NULL})
TERNARIZE(tern_ternarize_tile2_bf16, uint16_t, TERN_CHUNK, {NULL, w})
TERNARIZE(tern_ternarize_tile3_bf16, uint16_t, TERN_CHUNK3, {NULL, w})
