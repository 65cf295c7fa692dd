/* test_runtime_image.c: images that open, in files and inside programs, and damaged ones, which do not. */
#include "runtime_fake.h"

#include <elf.h>

#include "runtime/core/carried.h"

static bool opens(const void *bytes, size_t n) {
  struct image im;
  char error[256] = "";
  put_file("try.img", bytes, n);
  bool ok = image_open(&im, "try.img", error, sizeof error);
  if (ok) {
    const struct image_header *h = im.header;
    volatile uint8_t sum = im.weights[0] ^ (h->weights_bytes ? im.weights[h->weights_bytes - 1] : 0);
    (void)sum; /* a wild pointer would end the test */
    image_close(&im);
  } else {
    assert_non_null(strstr(error, "try.img: "));
  }
  return ok;
}

static void test_image_opens(void **state) {
  (void)state;
  struct image im;
  char error[256];
  uint8_t *bytes = fake_image();
  assert_true(image_open(&im, "fake.img", error, sizeof error));
  assert_memory_equal(im.weights, bytes + IMAGE_PAGE, WEIGHTS);
  assert_memory_equal(im.tokenizer, "FAKETOK", 8);
  image_close(&im);
  free(bytes);
}

/* An executable of two program headers, padding, the image, something behind it. */
static void test_image_in_a_program(void **state) {
  (void)state;
  enum { AT = 2 * IMAGE_PAGE, HEADERS = sizeof(Elf64_Ehdr), BEHIND = 16 };
  size_t n = AT + fake_image_bytes() + BEHIND;
  uint8_t *bytes = calloc(1, n), *image = fake_image();
  Elf64_Ehdr e = {.e_phoff = HEADERS, .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 2};
  Elf64_Phdr segments[2] = {{.p_type = PT_LOAD, .p_vaddr = 0x400000, .p_filesz = 999},
                            {.p_type = PT_LOAD, .p_vaddr = IMAGE_ADDRESS, .p_offset = AT}};
  segments[1].p_filesz = fake_image_bytes();
  memcpy(e.e_ident, ELFMAG, SELFMAG);
  e.e_ident[EI_CLASS] = ELFCLASS64;
  e.e_ident[EI_DATA] = ELFDATA2LSB;
  memcpy(bytes, &e, sizeof e);
  memcpy(bytes + HEADERS, segments, sizeof segments);
  memcpy(bytes + AT, image, fake_image_bytes());
  assert_true(opens(bytes, n));
  uint64_t wrong[] = {AT + 8, AT + IMAGE_PAGE, n, n + IMAGE_PAGE, 1ull << 40, UINT64_MAX - 4095, 0};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    memcpy(bytes + HEADERS + sizeof segments[0] + offsetof(Elf64_Phdr, p_offset), &wrong[i], 8);
    assert_false(opens(bytes, n));
  }
  memcpy(bytes + HEADERS, segments, sizeof segments);
  for (size_t at = 0; at < HEADERS + sizeof segments; at++) { /* nothing outside is read */
    bytes[at] ^= 0xff;
    struct image im;
    put_file("try.img", bytes, n);
    if (image_open(&im, "try.img", NULL, 0))
      image_close(&im);
    bytes[at] ^= 0xff;
  }
  free(bytes);
  free(image);
}

static void test_short_images_are_refused(void **state) {
  (void)state;
  uint8_t *bytes = fake_image();
  for (size_t n = 0; n < fake_image_bytes(); n += n < 300 ? 1 : 97)
    assert_false(opens(bytes, n));
  assert_false(opens(bytes, fake_image_bytes() - 1));
  free(bytes);
}

static void test_damaged_headers_are_refused(void **state) {
  (void)state;
  static const struct {
    size_t at;
    uint64_t value;
    bool sealed; /* with the checksum that such a header has */
  } damages[] = {
#define FIELD(name) offsetof(struct image_header, name)
      {FIELD(magic), 0, false},
      {FIELD(tokenizer_at), 0, true},
      {FIELD(tokenizer_at), UINT64_MAX - 10, true},
      {FIELD(tokenizer_at), IMAGE_PAGE + WEIGHTS - 8, true},
      {FIELD(tokenizer_bytes), UINT64_MAX, true},
      {FIELD(tokenizer_bytes), IMAGE_PAGE, true},
      {FIELD(weights_at), IMAGE_PAGE + 8, true},
      {FIELD(weights_at), 0, true},
      {FIELD(weights_at), 2 * IMAGE_PAGE, true},
      {FIELD(weights_at), UINT64_MAX - 4095, true},
      {FIELD(weights_bytes), WEIGHTS + 1, true},
      {FIELD(weights_bytes), UINT64_MAX, true},
      {FIELD(total_bytes), 1, true},
      {FIELD(total_bytes), IMAGE_PAGE + WEIGHTS + 1, true},
      {FIELD(total_bytes), UINT64_MAX, true},
      {FIELD(parts_at), 0, true},
      {FIELD(parts_at), PARTS_AT + 4, true},
      {FIELD(parts_at), IMAGE_PAGE + WEIGHTS - 8, true},
      {FIELD(n_parts), UINT64_MAX / 32, true},
      {FIELD(n_parts), 1 << 20, true},
      {FIELD(names_bytes), UINT64_MAX, true},
      {FIELD(names_bytes), 0, true},
      {FIELD(parts_sum), 1, false},
      {FIELD(reserved), 1, false},
      {PARTS_AT + offsetof(struct image_part, at), UINT64_MAX - 7, true},
      {PARTS_AT + offsetof(struct image_part, bytes), UINT64_MAX - 7, true},
      {PARTS_AT + offsetof(struct image_part, sum), 1, true},
      {PARTS_AT + offsetof(struct image_part, name), sizeof fake_names, true},
#undef FIELD
  };
  for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
    uint8_t *bytes = fake_image();
    memcpy(bytes + damages[i].at, &damages[i].value, 8);
    if (damages[i].sealed)
      fake_seal(bytes);
    assert_false(opens(bytes, fake_image_bytes()));
    free(bytes);
  }
}

/* Whatever the header says, opening neither crashes nor points outside the file. */
static void test_random_headers_are_safe(void **state) {
  (void)state;
  uint32_t x = 1;
  for (int round = 0; round < 500; round++) {
    uint8_t *bytes = fake_image();
    for (int flips = 0; flips < 3; flips++) {
      x = stir(x, 5);
      bytes[8 + x % 80] = (uint8_t)(stir(x, 6) % 3 ? 0 : stir(x, 7));
    }
    if (round % 2)
      fake_seal(bytes);
    opens(bytes, fake_image_bytes());
    free(bytes);
  }
}

/* Every bit of header, table, tokenizer and weights counts; the message names the weight. */
static void test_flipped_bits_are_told(void **state) {
  (void)state;
  uint8_t *bytes = fake_image();
  for (size_t at = 0; at < fake_image_bytes(); at += at < 512 ? 1 : 61) {
    size_t table = PARTS_AT + 2 * sizeof(struct image_part) + sizeof fake_names;
    bool counts = at < TOKENIZER_AT + TOKENIZER_BYTES || (at >= PARTS_AT && at < table) || at >= IMAGE_PAGE;
    struct image im;
    char error[256] = "";
    bytes[at] ^= (uint8_t)(1 << at % 8);
    put_file("flip.img", bytes, fake_image_bytes());
    bool ok = image_open(&im, "flip.img", error, sizeof error);
    assert_int_equal(ok, !counts);
    if (ok)
      image_close(&im);
    if (at >= IMAGE_PAGE)
      assert_non_null(strstr(error, "flip.img: damaged: 'layers.0.fake' does not have its checksum"));
    bytes[at] ^= (uint8_t)(1 << at % 8);
  }
  free(bytes);
}

/* As xxhsum -H64 prints them. */
static void test_checksums(void **state) {
  (void)state;
  static const struct {
    size_t n;
    uint64_t sum;
  } known[] = {
      {0, 0xef46db3751d8e999}, {37, 0xe32ef63802f5a3fd}, {74, 0xd340158f8cf0fb15}, {259, 0x8856f4ef4fbf5333}};
  uint8_t bytes[300];
  for (int i = 0; i < 300; i++)
    bytes[i] = (uint8_t)(i * 7 + 3);
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    assert_true(checksum(bytes, known[i].n) == known[i].sum);
  assert_true(checksum("abc", 3) == 0x44bc2cf5ad770999);
}

static void test_other_versions_are_told(void **state) {
  (void)state;
  struct image im;
  char error[256];
  uint8_t *bytes = fake_image();
  bytes[strlen(IMAGE_MAGIC) - 1] = '1';
  put_file("old.img", bytes, fake_image_bytes());
  assert_false(image_open(&im, "old.img", error, sizeof error));
  assert_non_null(strstr(error, "another version of ternc"));
  unlink("old.img");
  free(bytes);
}

static void test_no_image(void **state) {
  (void)state;
  struct image im;
  char error[256];
  static const char *const names[] = {"absent.img", ".", "/dev/zero"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    assert_false(image_open(&im, names[i], error, sizeof error));
    assert_non_null(strstr(error, names[i]));
  }
  assert_false(image_open(&im, "absent.img", NULL, 0));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_image_opens),
      cmocka_unit_test(test_image_in_a_program),
      cmocka_unit_test(test_short_images_are_refused),
      cmocka_unit_test(test_damaged_headers_are_refused),
      cmocka_unit_test(test_random_headers_are_safe),
      cmocka_unit_test(test_flipped_bits_are_told),
      cmocka_unit_test(test_checksums),
      cmocka_unit_test(test_other_versions_are_told),
      cmocka_unit_test(test_no_image),
  };
  return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
