/* The functions of a spec's numbers give the float64 next to the true value: those of the table were computed
 * with 80 decimal digits. */
#include "frontend/language/numbers.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum function { EXP, LOG, SIN, COS, POW };

static const struct {
  enum function f;
  double a, b, y;
} rows[] = {
    {EXP, 0x1.0000000000000p+1, 0x0.0p+0, 0x1.d8e64b8d4ddaep+2},
    {EXP, 0x1.0000000000000p+0, 0x0.0p+0, 0x1.5bf0a8b145769p+1},
    {EXP, -0x1.0000000000000p+0, 0x0.0p+0, 0x1.78b56362cef38p-2},
    {EXP, 0x1.0000000000000p-1, 0x0.0p+0, 0x1.a61298e1e069cp+0},
    {EXP, 0x1.4f8b588e368f1p-17, 0x0.0p+0, 0x1.0000a7c5e340ep+0},
    {EXP, -0x1.4400000000000p+4, 0x0.0p+0, 0x1.b93de1e27ca3bp-30},
    {EXP, 0x1.5e00000000000p+9, 0x0.0p+0, 0x1.d945df4f8ec8ep+1009},
    {EXP, -0x1.5e40000000000p+9, 0x0.0p+0, 0x1.4ff475c68ca02p-1011},
    {EXP, 0x1.999999999999ap-4, 0x0.0p+0, 0x1.1aec7b35a00d4p+0},
    {EXP, 0x1.8000000000000p+1, 0x0.0p+0, 0x1.415e5bf6fb106p+4},
    {EXP, 0x1.56e1fc2f8f359p-997, 0x0.0p+0, 0x1.0000000000000p+0},
    {EXP, -0x1.a341b05178c92p+4, 0x0.0p+0, 0x1.254f94c3edff9p-38},
    {EXP, 0x1.1b1129a856960p+2, 0x0.0p+0, 0x1.4d5ba3c599fa4p+6},
    {EXP, -0x1.a024ba419f40cp+3, 0x0.0p+0, 0x1.2e04e9127c665p-19},
    {EXP, 0x1.4c8b4bad9f150p+3, 0x0.0p+0, 0x1.fd57b159c36d2p+14},
    {EXP, 0x1.924e12b85740cp+3, 0x0.0p+0, 0x1.199eb798508f5p+18},
    {EXP, -0x1.5b93b08b70a70p+5, 0x0.0p+0, 0x1.3f5d878bd4480p-63},
    {EXP, -0x1.857732011e3fcp+5, 0x0.0p+0, 0x1.b308f3d2fcbe6p-71},
    {EXP, 0x1.0df9ab02ec590p+5, 0x0.0p+0, 0x1.9bffc038abf35p+48},
    {EXP, -0x1.81089881d7d3bp+4, 0x0.0p+0, 0x1.374aa868440c9p-35},
    {EXP, -0x1.a91209d1a6b3ep+4, 0x0.0p+0, 0x1.97e5845f2c02dp-39},
    {EXP, 0x1.8c840ff3b6fd6p+5, 0x0.0p+0, 0x1.6ba8329572532p+71},
    {EXP, -0x1.7ca089de711a0p+1, 0x0.0p+0, 0x1.a2beee04de71bp-5},
    {EXP, 0x1.0d2b4e22f68ecp+5, 0x0.0p+0, 0x1.7481fd6b54ddep+48},
    {EXP, -0x1.2eadce4495ae0p+1, 0x0.0p+0, 0x1.80f098b4ce96bp-4},
    {EXP, 0x1.bd049ee868a9cp+3, 0x0.0p+0, 0x1.0b7b177495dc4p+20},
    {EXP, -0x1.1781c1a0cecc0p+5, 0x0.0p+0, 0x1.8293372da07f5p-51},
    {EXP, 0x1.af8dd9eca6218p+3, 0x0.0p+0, 0x1.5f3b6153abef2p+19},
    {EXP, 0x1.266fadcc95634p+5, 0x0.0p+0, 0x1.11f088a360c50p+53},
    {EXP, 0x1.28b830afe6140p+1, 0x0.0p+0, 0x1.4502a472a1851p+3},
    {EXP, 0x1.8200c2a307834p+4, 0x0.0p+0, 0x1.bf5b9ec103c49p+34},
    {LOG, 0x1.0000000000000p+1, 0x0.0p+0, 0x1.62e42fefa39efp-1},
    {LOG, 0x1.4000000000000p+3, 0x0.0p+0, 0x1.26bb1bbb55516p+1},
    {LOG, 0x1.0000000000000p-1, 0x0.0p+0, -0x1.62e42fefa39efp-1},
    {LOG, 0x0.012688b70e62bp-1022, 0x0.0p+0, -0x1.64e69394d9508p+9},
    {LOG, 0x1.1ccf385ebc8a0p+1023, 0x0.0p+0, 0x1.62991d5d62a5ep+9},
    {LOG, 0x1.0000000000001p+0, 0x0.0p+0, 0x1.fffffffffffffp-53},
    {LOG, 0x1.fffffffffffffp-1, 0x0.0p+0, -0x1.0000000000000p-53},
    {LOG, 0x1.8000000000000p+1, 0x0.0p+0, 0x1.193ea7aad030bp+0},
    {LOG, 0x1.4fb4ab3993c14p+9, 0x0.0p+0, 0x1.a099b7b2e1d1bp+2},
    {LOG, 0x1.00203157b330dp+6, 0x0.0p+0, 0x1.0a332fc82670cp+2},
    {LOG, 0x1.7b1d78b5d7f3fp+9, 0x0.0p+0, 0x1.a86217b1c8acap+2},
    {LOG, 0x1.278cbf222c9fep+9, 0x0.0p+0, 0x1.98726f202f62dp+2},
    {LOG, 0x1.2d4485558272ap+8, 0x0.0p+0, 0x1.6d4fdb793259bp+2},
    {LOG, 0x1.f030224f24193p+4, 0x0.0p+0, 0x1.b7994fe234813p+1},
    {LOG, 0x1.b0c37c8056e82p+9, 0x0.0p+0, 0x1.b0da8b2a6fdc5p+2},
    {LOG, 0x1.d8bfc44657fc0p+8, 0x0.0p+0, 0x1.8a25ece3e433cp+2},
    {LOG, 0x1.6769765802818p+9, 0x0.0p+0, 0x1.a4f7aaef62951p+2},
    {LOG, 0x1.b76809d6b9bcbp+9, 0x0.0p+0, 0x1.b1d41f4279d2fp+2},
    {LOG, 0x1.651092eb41bddp+9, 0x0.0p+0, 0x1.a48c514243a2ep+2},
    {LOG, 0x1.cc8ca123aef54p+9, 0x0.0p+0, 0x1.b4d617a5c3834p+2},
    {LOG, 0x1.8af6a1a50407ep+8, 0x0.0p+0, 0x1.7ea48bddf1da5p+2},
    {LOG, 0x1.9074529b8e8e0p+9, 0x0.0p+0, 0x1.abe34794b4aaap+2},
    {LOG, 0x1.bc9efd8782fffp+8, 0x0.0p+0, 0x1.8638e4221a662p+2},
    {LOG, 0x1.d3cb19b26262cp+9, 0x0.0p+0, 0x1.b5d5cacfc4052p+2},
    {LOG, 0x1.b76eeeb9d8508p+9, 0x0.0p+0, 0x1.b1d5204f383d9p+2},
    {LOG, 0x1.85d13691f17d2p+6, 0x0.0p+0, 0x1.25149f292bf09p+2},
    {LOG, 0x1.0ff00e71b889bp+7, 0x0.0p+0, 0x1.3a652f8fd449ap+2},
    {LOG, 0x1.b1f9505c7ecc3p+7, 0x0.0p+0, 0x1.584f40930be5ep+2},
    {SIN, 0x1.0000000000000p+0, 0x0.0p+0, 0x1.aed548f090ceep-1},
    {COS, 0x1.0000000000000p+0, 0x0.0p+0, 0x1.14a280fb5068cp-1},
    {SIN, 0x1.0000000000000p-1, 0x0.0p+0, 0x1.eaee8744b05f0p-2},
    {COS, 0x1.0000000000000p-1, 0x0.0p+0, 0x1.c1528065b7d50p-1},
    {SIN, 0x1.921fb54442d18p+1, 0x0.0p+0, 0x1.1a62633145c07p-53},
    {COS, 0x1.921fb54442d18p+1, 0x0.0p+0, -0x1.0000000000000p+0},
    {SIN, 0x1.7d78400000000p+26, 0x0.0p+0, 0x1.dcffca623a20bp-1},
    {COS, 0x1.7d78400000000p+26, 0x0.0p+0, -0x1.741b388a8c029p-2},
    {SIN, 0x1.5798ee2308c3ap-27, 0x0.0p+0, 0x1.5798ee2308c3ap-27},
    {COS, 0x1.5798ee2308c3ap-27, 0x0.0p+0, 0x1.0000000000000p+0},
    {SIN, -0x1.0000000000000p+1, 0x0.0p+0, -0x1.d18f6ead1b446p-1},
    {COS, -0x1.0000000000000p+1, 0x0.0p+0, -0x1.aa22657537205p-2},
    {SIN, 0x1.921fb54442d18p+0, 0x0.0p+0, 0x1.0000000000000p+0},
    {COS, 0x1.921fb54442d18p+0, 0x0.0p+0, 0x1.1a62633145c07p-54},
    {SIN, 0x1.6300000000000p+9, 0x0.0p+0, 0x1.f9bd0303f6fafp-15},
    {COS, 0x1.6300000000000p+9, 0x0.0p+0, 0x1.fffffff063930p-1},
    {SIN, 0x1.d17aea620151cp+9, 0x0.0p+0, 0x1.bbd3f95e4a8d4p-1},
    {COS, 0x1.d17aea620151cp+9, 0x0.0p+0, 0x1.fe88257a29fb5p-2},
    {SIN, -0x1.feb47f4507050p+6, 0x0.0p+0, -0x1.ced8eda25c002p-1},
    {COS, -0x1.feb47f4507050p+6, 0x0.0p+0, -0x1.b5cbbe4ed16d6p-2},
    {SIN, 0x1.fa97d98f9cdf8p+7, 0x0.0p+0, 0x1.d7e82f8ee6d68p-1},
    {COS, 0x1.fa97d98f9cdf8p+7, 0x0.0p+0, -0x1.8d3abc5994e51p-2},
    {SIN, -0x1.8df2961eb67eep+8, 0x0.0p+0, -0x1.b829611254eefp-1},
    {COS, -0x1.8df2961eb67eep+8, 0x0.0p+0, -0x1.058989305e328p-1},
    {SIN, 0x1.cf8d0c0bd1200p+3, 0x0.0p+0, 0x1.e12b45c90faf6p-1},
    {COS, 0x1.cf8d0c0bd1200p+3, 0x0.0p+0, -0x1.5df936b6018b9p-2},
    {SIN, -0x1.c888f370fd174p+7, 0x0.0p+0, -0x1.c0d3a6d850729p-1},
    {COS, -0x1.c888f370fd174p+7, 0x0.0p+0, -0x1.ecbdcfff3750cp-2},
    {SIN, -0x1.2a2dd46a79672p+8, 0x0.0p+0, -0x1.1361ce16f68d7p-2},
    {COS, -0x1.2a2dd46a79672p+8, 0x0.0p+0, -0x1.ed235a3eada47p-1},
    {SIN, 0x1.544be2cfc9b60p+7, 0x0.0p+0, 0x1.eceafc9b1c863p-2},
    {COS, 0x1.544be2cfc9b60p+7, 0x0.0p+0, 0x1.c0c74012bca24p-1},
    {SIN, 0x1.5101d60431780p+7, 0x0.0p+0, -0x1.d1bc600dd4b1fp-1},
    {COS, 0x1.5101d60431780p+7, 0x0.0p+0, 0x1.a95dc733240cbp-2},
    {SIN, 0x1.9433a741187aep+9, 0x0.0p+0, -0x1.b2b9cffafa87bp-1},
    {COS, 0x1.9433a741187aep+9, 0x0.0p+0, -0x1.0e79f1b63a013p-1},
    {SIN, 0x1.6bf6da9ceec54p+8, 0x0.0p+0, -0x1.c709c9b65b08fp-2},
    {COS, 0x1.6bf6da9ceec54p+8, 0x0.0p+0, 0x1.caabc42a28407p-1},
    {SIN, 0x1.acf212eb9521ap+9, 0x0.0p+0, -0x1.dfaa8de822efep-3},
    {COS, 0x1.acf212eb9521ap+9, 0x0.0p+0, -0x1.f1c24da537bdep-1},
    {SIN, 0x1.64668b84f5f12p+9, 0x0.0p+0, 0x1.55e061e27f37cp-2},
    {COS, 0x1.64668b84f5f12p+9, 0x0.0p+0, -0x1.e29f4399b124dp-1},
    {SIN, 0x1.eafd595dba372p+9, 0x0.0p+0, 0x1.f254dd52cf64dp-1},
    {COS, 0x1.eafd595dba372p+9, 0x0.0p+0, -0x1.d60f17db58750p-3},
    {SIN, 0x1.568c0db7e42f8p+8, 0x0.0p+0, -0x1.cfd67941d2052p-4},
    {COS, 0x1.568c0db7e42f8p+8, 0x0.0p+0, -0x1.fcb4e04f46826p-1},
    {SIN, -0x1.50e67f2cac4aep+9, 0x0.0p+0, -0x1.feb6ff2ab4d72p-1},
    {COS, -0x1.50e67f2cac4aep+9, 0x0.0p+0, 0x1.220871183448ap-4},
    {SIN, 0x1.68a3355ecc7d2p+9, 0x0.0p+0, -0x1.ec1faa3ce78b4p-1},
    {COS, 0x1.68a3355ecc7d2p+9, 0x0.0p+0, 0x1.1a8c28efb5504p-2},
    {SIN, 0x1.d0a208d5b8828p+9, 0x0.0p+0, -0x1.3407defe2ddeap-1},
    {COS, 0x1.d0a208d5b8828p+9, 0x0.0p+0, 0x1.98f9c25b389e9p-1},
    {SIN, 0x1.94b22c0a7e944p+9, 0x0.0p+0, -0x1.d0fe1515d5bd6p-1},
    {COS, 0x1.94b22c0a7e944p+9, 0x0.0p+0, 0x1.ac9b5d162ccd9p-2},
    {SIN, 0x1.146e156409b40p+7, 0x0.0p+0, -0x1.edc9f02b44b2fp-7},
    {COS, 0x1.146e156409b40p+7, 0x0.0p+0, 0x1.fff11dfb06b35p-1},
    {POW, 0x1.3880000000000p+13, -0x1.0000000000000p-2, 0x1.999999999999ap-4},
    {POW, 0x1.0000000000000p+1, 0x1.4000000000000p+3, 0x1.0000000000000p+10},
    {POW, -0x1.0000000000000p+1, 0x1.8000000000000p+1, -0x1.0000000000000p+3},
    {POW, -0x1.0000000000000p+1, -0x1.0000000000000p+2, 0x1.0000000000000p-4},
    {POW, 0x1.0000000000000p-1, 0x1.f400000000000p+9, 0x1.0000000000000p-1000},
    {POW, 0x1.8000000000000p+0, 0x1.0000000000000p-1, 0x1.3988e1409212ep+0},
    {POW, 0x1.4000000000000p+3, -0x1.8000000000000p+1, 0x1.0624dd2f1a9fcp-10},
    {POW, 0x1.8000000000000p+1, 0x1.4000000000000p+5, 0x1.517168a4523fdp+63},
    {POW, 0x1.1d86dce4c68b1p+6, -0x1.71c290bab94ecp+3, 0x1.cd88319f8e950p-72},
    {POW, 0x1.4ca4a6ed67526p+6, 0x1.787c532aef308p+1, 0x1.b141bb079e173p+18},
    {POW, 0x1.c7ee9390e3103p+4, -0x1.17629e79709c7p+4, 0x1.87c6441c486c9p-85},
    {POW, 0x1.5593b5f7f01bap+6, 0x1.3979d146ae424p+4, 0x1.a15aac3b08c9cp+125},
    {POW, 0x1.1b420599a1cfep+3, 0x1.80c3132aa86d8p+3, 0x1.c602c88f5c528p+37},
    {POW, 0x1.485e950db5a96p+5, -0x1.bf0533bcc7aa8p+3, 0x1.193aca8ba3307p-75},
    {POW, 0x1.d639dacd6da87p+4, 0x1.580db9c26e7b4p+3, 0x1.5ada9b83fde84p+52},
    {POW, 0x1.5d1b57e3f2240p+6, -0x1.23b7e67f99d64p+4, 0x1.5cc7412310358p-118},
    {POW, 0x1.eba0430829d81p+5, -0x1.233cfd91c68f0p+4, 0x1.ce149d1b1aba4p-109},
    {POW, 0x1.1f604e0d5199ep+6, -0x1.b0c1e40fba402p+2, 0x1.3b6c3dcda63dfp-42},
    {POW, 0x1.605cb41618180p+6, 0x1.339b5cc6536cep+4, 0x1.28e86b4d83401p+124},
    {POW, 0x1.945617af985c0p+5, 0x1.3f0bb4a2e18b0p+4, 0x1.cda9eb10bd97dp+112},
    {POW, 0x1.ef78da997250cp+4, -0x1.0ebd1ea759b78p+4, 0x1.25168268d83edp-84},
    {POW, 0x1.dfcf6c598ecd1p+5, -0x1.2beb1144169eep+4, 0x1.3846d6f4395d8p-111},
    {POW, 0x1.3bd0d65249259p+4, -0x1.d75df2c55e3a0p+1, 0x1.1ce0487d96045p-16},
    {POW, 0x1.e85faab2565a9p+5, -0x1.b810b6f1a4888p+3, 0x1.57b752107b0cap-82},
    {POW, 0x1.0f96daefe8b4fp+2, 0x1.d6c1d5765ec60p+3, 0x1.9946ac90a048bp+30},
    {POW, 0x1.f620fb200a109p+4, 0x1.258ac2ab10eacp+4, 0x1.29788919cd2fbp+91},
    {POW, 0x1.66a9f28115dabp+6, -0x1.38dc0b47708a6p+2, 0x1.394484c27f668p-32},
    {POW, 0x1.7053e48efd390p+5, 0x1.9b183fdca7660p-1, 0x1.5a54a1f3edf2cp+4},
};

static double call(enum function f, double a, double b) {
  switch (f) {
  case EXP: return number_exp(a);
  case LOG: return number_log(a);
  case SIN: return number_sin(a);
  case COS: return number_cos(a);
  default: return number_pow(a, b);
  }
}

static void numbers_are_the_nearest(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    double y = call(rows[i].f, rows[i].a, rows[i].b);
    if (y != rows[i].y)
      fail_msg("function %d of %a, %a: %a, not %a", (int)rows[i].f, rows[i].a, rows[i].b, y, rows[i].y);
  }
}

static void ends_of_the_range(void **state) {
  (void)state;
  assert_true(number_exp(0) == 1 && number_exp(-INFINITY) == 0 && number_exp(-800) == 0);
  assert_true(isinf(number_exp(710)) && isinf(number_exp(INFINITY)) && isnan(number_exp(NAN)));
  assert_true(number_log(1) == 0 && number_log(0) == -INFINITY && isnan(number_log(-1)) &&
              isinf(number_log(INFINITY)));
  assert_true(number_sin(0) == 0 && number_cos(0) == 1 && isnan(number_sin(INFINITY)) &&
              isnan(number_cos(0x1p30)));
  assert_true(number_pow(0, 0) == 1 && number_pow(0, 2) == 0 && isnan(number_pow(-2, 0.5)) &&
              isinf(number_pow(2, 1024)));
  assert_true(number_pow(2, -1074) == 0x1p-1074 && number_pow(-3, 3) == -27 && number_pow(1, NAN) == 1);
}

/* Powers of whole numbers that float64 holds, and inverses of each other. */
static void exact_ones_are_exact(void **state) {
  (void)state;
  for (int a = 2; a < 40; a++) {
    double y = 1;
    for (int n = 0; y < 0x1p53; n++, y *= a) {
      assert_true(number_pow(a, n) == y);
      assert_true(n == 0 || floor(number_log(y) / number_log(a) + 0.5) == n);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_are_the_nearest),
      cmocka_unit_test(ends_of_the_range),
      cmocka_unit_test(exact_ones_are_exact),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
