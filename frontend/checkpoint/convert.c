/* convert.c: conversions between stored and computed numbers, as plain loops that the compiler vectorises; on
 * x86-64 a version for each vector width is made and the loader picks one. All give the same bits: every
 * element goes its own way, and sums have their sixteen lanes written out. */
#include "frontend/checkpoint/convert.h"
#include "frontend/checkpoint/wide.h"

#include <math.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "safetensors are little-endian, and so is this reader");

WIDE static void widen_bf16(const uint16_t *restrict raw, int64_t n, float *restrict out) {
  for (int64_t i = 0; i < n; i++) {
    uint32_t bits = (uint32_t)raw[i] << 16;
    memcpy(&out[i], &bits, sizeof bits);
  }
}

/* Shifting the 15 bits of exponent and significand into a float's place makes a number 2^112 too small (the
 * biases are 15 and 127); the product puts that right, for subnormal numbers too. Infinity and NaN need their
 * exponent. */
WIDE static void widen_f16(const uint16_t *restrict raw, int64_t n, float *restrict out) {
  for (int64_t i = 0; i < n; i++) {
    uint32_t bits = (uint32_t)(raw[i] & 0x7fff) << 13, sign = (uint32_t)(raw[i] & 0x8000) << 16;
    uint32_t special = (raw[i] & 0x7c00) == 0x7c00 ? 0xffffffffu : 0, scaled;
    float value;
    memcpy(&value, &bits, sizeof bits);
    value *= 0x1p112f;
    memcpy(&scaled, &value, sizeof value);
    scaled = ((bits | 0x7f800000u) & special) | (scaled & ~special) | sign;
    memcpy(&out[i], &scaled, sizeof scaled);
  }
}

WIDE static void widen_f64(const double *restrict raw, int64_t n, float *restrict out) {
  for (int64_t i = 0; i < n; i++)
    out[i] = (float)raw[i];
}

void convert_widen(enum dtype type, const void *raw, int64_t n, float *out) {
  if (type == DTYPE_BF16)
    widen_bf16(raw, n, out);
  else if (type == DTYPE_F16)
    widen_f16(raw, n, out);
  else if (type == DTYPE_F64)
    widen_f64(raw, n, out);
  else
    memcpy(out, raw, (size_t)n * sizeof *out);
}

WIDE static void narrow_bf16(const float *restrict in, int64_t n, uint16_t *restrict out) {
  for (int64_t i = 0; i < n; i++) {
    uint32_t bits;
    memcpy(&bits, &in[i], sizeof bits);
    out[i] = (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
  }
}

static void narrow_f16(const float *in, int64_t n, uint16_t *out) {
  for (int64_t i = 0; i < n; i++) {
    _Float16 h = (_Float16)in[i];
    memcpy(&out[i], &h, sizeof h);
  }
}

void convert_narrow(enum dtype type, const float *in, int64_t n, void *raw) {
  if (type == DTYPE_BF16)
    narrow_bf16(in, n, raw);
  else if (type == DTYPE_F16)
    narrow_f16(in, n, raw);
  else
    memcpy(raw, in, (size_t)n * sizeof *in);
}

WIDE void convert_add_magnitudes(const float *restrict w, int64_t n, double lanes[TERN_SUM_LANES]) {
  double sum[TERN_SUM_LANES];
  int64_t i = 0;
  memcpy(sum, lanes, sizeof sum);
  for (; i + TERN_SUM_LANES <= n; i += TERN_SUM_LANES)
    for (int k = 0; k < TERN_SUM_LANES; k++)
      sum[k] += (double)fabsf(w[i + k]);
  for (int k = 0; i < n; i++, k++)
    sum[k] += (double)fabsf(w[i]);
  memcpy(lanes, sum, sizeof sum);
}

float convert_largest(const float *w, int64_t n, float so_far) {
  for (int64_t i = 0; i < n; i++) {
    float x = fabsf(w[i]);
    so_far = so_far == so_far && !(x <= so_far) ? x : so_far;
  }
  return so_far;
}

double convert_fold(double lanes[TERN_SUM_LANES]) {
  for (int step = TERN_SUM_LANES / 2; step; step /= 2)
    for (int k = 0; k < step; k++)
      lanes[k] += lanes[k + step];
  return lanes[0];
}

/* Rounded half to even, x is 0 up to and including 0.5 and at least 1 above it; so the clamped result is a
 * matter of two comparisons, and no rounding instruction is needed. */
WIDE void convert_ternary(const float *restrict w, int64_t n, float s, int8_t *restrict codes) {
  for (int64_t i = 0; i < n; i++) {
    float x = w[i] * s;
    codes[i] = (int8_t)((x > 0.5f) - (x < -0.5f));
  }
}

WIDE void convert_codes(const float *restrict w, int64_t n, float s, int most, int8_t *restrict codes) {
  for (int64_t i = 0; i < n; i++) {
    float x = rintf(w[i] * s);
    codes[i] = (int8_t)(x > (float)most ? most : x < (float)-most ? -most : (int)x);
  }
}

/* ---- base 3 ------------------------------------------------------------------------------------------ */

enum { TRITS = 5, BASE3_VALUES = 243 };

static uint8_t pack_five(const int8_t *c) {
  return (uint8_t)(c[0] + 1 + 3 * (c[1] + 1) + 9 * (c[2] + 1) + 27 * (c[3] + 1) + 81 * (c[4] + 1));
}

void convert_pack_base3(const int8_t *codes, int64_t n, uint8_t *out) {
  int64_t whole = n / TRITS;
  for (int64_t i = 0; i < whole; i++)
    out[i] = pack_five(codes + TRITS * i);
  if (n % TRITS) {
    int8_t last[TRITS] = {0};
    memcpy(last, codes + TRITS * whole, (size_t)(n % TRITS));
    out[whole] = pack_five(last);
  }
}

static void unpack_five(uint8_t b, int8_t c[TRITS]) {
  unsigned rest = b;
  for (int k = 0; k < TRITS; k++) {
    c[k] = (int8_t)((int)(rest % 3) - 1);
    rest /= 3;
  }
}

int64_t convert_unpack_base3(const uint8_t *packed, int64_t n, int8_t *codes) {
  int64_t whole = n / TRITS;
  for (int64_t i = 0; i < whole; i++) {
    if (packed[i] >= BASE3_VALUES)
      return i;
    unpack_five(packed[i], codes + TRITS * i);
  }
  if (n % TRITS) {
    int8_t last[TRITS];
    unpack_five(packed[whole], last);
    bool padded = packed[whole] < BASE3_VALUES;
    for (int64_t k = n % TRITS; k < TRITS; k++)
      padded &= last[k] == 0;
    if (!padded)
      return whole;
    memcpy(codes + TRITS * whole, last, (size_t)(n % TRITS));
  }
  return -1;
}
