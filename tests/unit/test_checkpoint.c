/* test_checkpoint.c: reading checkpoints: those that are right, against naive readers; those that are wrong
 * in every way the reader looks for, against the message. */
#include "tests/unit/checkpoint_bench.h"

#include <float.h>
#include <math.h>

/* ---- headers that lie -------------------------------------------------------------------------------- */

static const char zeros[64];

static const struct {
  const char *header;
  int data;    /* bytes that follow */
  int64_t add; /* to the length that the file states */
  const char *message;
} malformed[] = {
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}", 8, 0, "is not JSON"},
    {"{\"a\":1}", 0, 0, "tensor 'a' has an unknown type '?'"},
    {"[]", 0, 0, "no JSON object"},
    {"{}", 0, 1000, "cut short"},
    {"{}", 0, (int64_t)1 << 40, "claims a header of 1099511627778 bytes"},
    {"{}", 0, -3, "claims a header of 18446744073709551615 bytes"},
    {"", 0, 0, "claims a header of 0 bytes"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4, 0, "tensor 'a' ends at byte 8"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 12, 0,
     "end at byte 8 of the data, but the file has 12"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", 8, 0,
     "'a' of F32 [3] needs 12 bytes, but its offsets give it 8"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", 8, 0, "must be [begin, end]"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]}}", 8, 0, "must be [begin, end]"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8.0]}}", 8, 0, "must be [begin, end]"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":8}}", 8, 0, "must be [begin, end]"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,99999999999999999999]}}", 8, 0,
     "must be [begin, end]"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,4],\"data_offsets\":[0,8]}}", 8, 0,
     "more than 2^63 bytes"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", 8, 0, "dimension 0"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,2],\"data_offsets\":[0,8]}}", 8, 0, "has 6 dimensions"},
    {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", 8, 0, "'shape' must be a list"},
    {"{\"a\":{\"dtype\":\"Q4\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, 0, "'a' is stored as Q4"},
    {"{\"a\\u001b[2J\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, 0,
     "has no tensor 'a' [2]"},
    {"{\"__metadata__\":{\"tern.packing\":\"base9\"}}", 0, 0, "pack the checkpoint again"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\",\"shape\":[4],"
     "\"data_offsets\":[2,6]}}",
     6, 0, "tensor 'a' overlaps tensor 'b'"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\",\"shape\":[4],"
     "\"data_offsets\":[6,10]}}",
     10, 0, "nothing says what is between"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[2,6]}}", 6, 0, "the data begins at byte 0"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"a\":{\"dtype\":\"U8\",\"shape\":[4],"
     "\"data_offsets\":[4,8]}}",
     8, 0, "the data begins at byte 0"}, /* the last one counts */
    {"{\"__metadata__\":{\"tern.packing\":\"base3\"},\"a\":{\"dtype\":\"U8\",\"shape\":[2,2],\"data_"
     "offsets\":[0,4]}}",
     4, 0, "has no 'a_scale'"},
};

/* A file that is none is refused at once; what is wrong with a tensor, when a model needs it. */
static void expect_refused(struct bench *b, const char *path, const char *message) {
  struct checkpoint *c = checkpoint_open(&b->diag, &b->arena, path);
  struct wanted_tensor a = {.name = "a", .rank = 1, .shape = {2}};
  if (c) {
    expect_quiet(b);
    assert_true(checkpoint_check(c, &a, 0, true)); /* which harms none that does not */
    assert_false(checkpoint_check(c, &a, 1, true));
    checkpoint_close(c);
  }
  expect_said(b, message);
}

static void test_malformed(void **state) {
  struct bench *b = *state;
  const char *path = in(b, "m.safetensors");
  for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
    uint64_t length = strlen(malformed[i].header) + (uint64_t)malformed[i].add;
    write_raw(path, length, malformed[i].header, zeros, (size_t)malformed[i].data);
    expect_refused(b, path, malformed[i].message);
  }
}

/* Numbers that nothing asks for, and tensors that nothing needs, are no matter; the listing has them. */
static void test_unused(void **state) {
  struct bench *b = *state;
  const char *path = in(b, "u.safetensors");
  write_tensors(path,
                "{\"__metadata__\":{\"x\":NaN,\"y\":1e999,\"n\":123456789012345678901234567890},"
                "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                "\"q\":{\"dtype\":\"F4_E2M1\",\"shape\":[8],\"data_offsets\":[8,12]},"
                "\"r\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,2],\"data_offsets\":[12,20]},"
                "\"s\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[16,24]},"
                "\"t\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[24,99999999999999999999]}}",
                zeros, 24);
  struct checkpoint *c = checkpoint_open(&b->diag, &b->arena, path);
  struct wanted_tensor w[] = {{.name = "a", .rank = 1, .shape = {2}}, {.name = "s", .rank = 1, .shape = {2}}};
  float v[2];
  size_t n;
  assert_non_null(c);
  assert_true(checkpoint_check(c, w, 1, true));
  assert_true(checkpoint_read_f32(c, "a", 0, 2, v));
  expect_quiet(b);
  assert_false(checkpoint_check(c, w, 2, true));
  expect_said(b, "tensor 's' begins at byte 16 of the data, but tensor 'r' ends at byte 20: they overlap");
  assert_false(checkpoint_pack(c, in(b, "packed"), 1));
  expect_said(b, "u.safetensors: tensor '");
  FILE *f = fopen(in(b, "listing"), "w");
  assert_true(f && checkpoint_print(c, f, false));
  fclose(f);
  const char *listing = slurp(b, in(b, "listing"), &n);
  assert_non_null(strstr(listing, "cannot be used"));
  assert_non_null(strstr(listing, "has 6 dimensions; at most 5"));
  checkpoint_close(c);
}

/* Files that are something else. */
static void test_other_files(void **state) {
  static const struct {
    const char *bytes;
    size_t n;
    const char *message;
  } cases[] = {
#define CASE(bytes, message) {bytes, sizeof bytes - 1, message}
      CASE("version https://git-lfs.github.com/spec/v1\noid sha256:7\nsize 5\n", "is a Git LFS pointer"),
      CASE("\n<!DOCTYPE html><html><title>401</title></html>", "is a web page"),
      CASE("\xEF\xBB\xBF<html>", "is a web page"),
      CASE("", "is empty"),
      CASE("PK\3\4\0\0\0\0\0\0\0\0\0\0\0", "is a zip archive, as torch.save writes it"),
      CASE("\x80\2}q\0X\0\0\0\0", "is a Python pickle"),
      CASE("\x80\5}q\0X\0\0\0\0", "is a Python pickle"),
      CASE("\x1f\x8b\b\0\0\0\0\0\0", "is compressed with gzip"),
      CASE("GGUF\3\0\0\0\0\0\0", "is a GGUF file"),
      CASE("{\"error\": \"Repository not found\"}",
           "is a text, no safetensors file; it begins with \"{\"error"),
      CASE("Entry not found", "is a text, no safetensors file; it begins with \"Entry not found\""),
      CASE("\x93NUMPY\1\0v\0{'descr'", "is a NumPy array"),
  };
  struct bench *b = *state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    write_file(in(b, "o.safetensors"), cases[i].bytes, cases[i].n);
    assert_null(checkpoint_open(&b->diag, &b->arena, in(b, "o.safetensors")));
    expect_said(b, cases[i].message);
  }
}

/* The length of a header may have the bytes that another kind of file begins with: 640 those of a pickle. */
static void test_header_lengths(void **state) {
  struct bench *b = *state;
  const char *path = in(b, "l.safetensors");
  for (int length = 64; length < 1600; length += 8) {
    const char *header = arena_printf(&b->arena, "%-*s", length,
                                      "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}");
    write_tensors(path, header, zeros, 8);
    struct checkpoint *c = checkpoint_open(&b->diag, &b->arena, path);
    expect_quiet(b);
    assert_non_null(c);
    checkpoint_close(c);
  }
}

/* A file that is right, cut at every length: an error each time, and never a crash. */
static void test_truncated(void **state) {
  struct bench *b = *state;
  const char *path = in(b, "t.safetensors");
  const char *header = "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}";
  size_t bytes;
  write_tensors(path, header, zeros, 8);
  char *whole = slurp(b, path, &bytes);
  for (size_t n = 0; n < bytes; n++) {
    write_file(path, whole, n);
    expect_refused(b, path, n == 0 ? "is empty" : n < 8 ? "too few" : "cut short");
  }
}

static void test_nothing_there(void **state) {
  struct bench *b = *state;
  assert_null(checkpoint_open(&b->diag, &b->arena, in(b, "none")));
  expect_said(b, "none: cannot read");
  assert_null(checkpoint_open(&b->diag, &b->arena, b->dir));
  expect_said(b, "neither model.safetensors nor");
  write_text(in(b, "pytorch_model.bin"), "");
  assert_null(checkpoint_open(&b->diag, &b->arena, b->dir));
  expect_said(b, "as safetensors first");
  write_file(in(b, "x.gguf"), "GGUF\3\0\0\0 and more", 17);
  assert_null(checkpoint_open(&b->diag, &b->arena, in(b, "x.gguf")));
  expect_said(b, "is a GGUF file");
}

/* ---- shards ------------------------------------------------------------------------------------------ */

static void write_shards(struct bench *b) {
  static const float one[] = {1, 2}, two[] = {3, 4, 5};
  write_tensors(in(b, "s1.safetensors"), "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}",
                one, 8);
  write_tensors(in(b, "s2.safetensors"), "{\"b\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]}}",
                two, 12);
}

static void test_shards(void **state) {
  struct bench *b = *state;
  write_shards(b);
  write_text(in(b, "model.safetensors.index.json"),
             "{\"weight_map\":{\"a\":\"s1.safetensors\",\"b\":\"s2.safetensors\"}}");
  struct checkpoint *c = checkpoint_open(&b->diag, &b->arena, b->dir);
  expect_quiet(b);
  assert_int_equal(checkpoint_count(c), 2);
  float v[2];
  assert_true(checkpoint_read_f32(c, "b", 1, 2, v));
  assert_true(v[0] == 4 && v[1] == 5);
  assert_true(checkpoint_read_f32(c, "a", 0, 2, v));
  assert_true(v[0] == 1 && v[1] == 2);
  assert_string_equal(checkpoint_find(c, "b")->file, in(b, "s2.safetensors"));
  assert_null(checkpoint_find(c, "c"));
  checkpoint_close(c);
}

static void test_shard_errors(void **state) {
  struct bench *b = *state;
  static const struct {
    const char *index, *message;
  } wrong[] = {
      {"{\"weight_map\":{\"a\":\"s1.safetensors\",\"b\":\"s1.safetensors\"}}",
       "'b' should be in 's1.safetensors', but is in none"},
      {"{\"weight_map\":{\"a\":\"s2.safetensors\",\"b\":\"s1.safetensors\"}}",
       "'a' should be in 's2.safetensors', but is in /"},
      {"{\"weight_map\":{\"a\":\"../s1.safetensors\"}}", "in the same directory"},
      {"{\"weight_map\":{\"a\":\"/etc/passwd\"}}", "in the same directory"},
      {"{\"weight_map\":{\"a\":\"..\"}}", "in the same directory"},
      {"{\"weight_map\":{\"a\":7}}", "in the same directory"},
      {"{\"weight_map\":{\"a\":\"s9.safetensors\"}}", "s9.safetensors: cannot read"},
      {"{\"weight_map\":{}}", "has no 'weight_map'"},
      {"{}", "has no 'weight_map'"},
      {"{\"weight_map\":", "index.json:1:14: error: this is not JSON"},
      {"{\"weight_map\":{\"a\":\"s1.safetensors\",\"b\":\"s3.safetensors\"}}", "tensor 'a' is in two shards"},
  };
  write_shards(b);
  write_tensors(in(b, "s3.safetensors"),
                "{\"b\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},"
                "\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[3,6]}}",
                zeros, 6);
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    write_text(in(b, "model.safetensors.index.json"), wrong[i].index);
    struct checkpoint *c = checkpoint_open(&b->diag, &b->arena, b->dir);
    struct wanted_tensor w[] = {{.name = "a", .rank = 1, .shape = {2}},
                                {.name = "b", .rank = 1, .shape = {3}}};
    if (c) {
      expect_quiet(b);
      assert_false(checkpoint_check(c, w, 2, true));
      checkpoint_close(c);
    }
    expect_said(b, wrong[i].message);
  }
}

/* A shard that cannot be had harms a model that needs something of it, and is told once. */
static void test_unused_shards(void **state) {
  struct bench *b = *state;
  write_shards(b);
  write_text(in(b, "s2.safetensors"), "version https://git-lfs.github.com/spec/v1\noid sha256:7\nsize 5\n");
  write_text(in(b, "model.safetensors.index.json"),
             "{\"metadata\":{\"total_size\":123456789012345678901234567890},\"weight_map\":{\"a\":\"s1."
             "safetensors\","
             "\"b\":\"s2.safetensors\",\"c\":\"s2.safetensors\",\"d\":\"s9.safetensors\"}}");
  struct checkpoint *c = checkpoint_open(&b->diag, &b->arena, arena_printf(&b->arena, "%s//", b->dir));
  struct wanted_tensor w[] = {{.name = "a", .rank = 1, .shape = {2}},
                              {.name = "b", .rank = 1, .shape = {3}},
                              {.name = "c", .rank = 1, .shape = {3}}};
  assert_non_null(c);
  assert_true(checkpoint_check(c, w, 1, true));
  expect_quiet(b);
  assert_false(checkpoint_check(c, w, 3, true));
  assert_int_equal(b->diag.errors, 1);
  expect_said(b, "/s2.safetensors: is a Git LFS pointer");
  checkpoint_close(c);
}

static void test_prefix(void **state) {
  static const char header[] = "{\"_orig_mod.x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                               "\"_orig_mod.y\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}";
  struct bench *b = *state;
  struct wanted_tensor plain[] = {{.name = "x", .rank = 1, .shape = {1}},
                                  {.name = "y", .rank = 1, .shape = {1}}};
  struct wanted_tensor longer[] = {{.name = "model.x", .rank = 1, .shape = {1}},
                                   {.name = "model.y", .rank = 1, .shape = {1}}};
  write_tensors(in(b, "p.safetensors"), header, zeros, 8);
  struct checkpoint *c = checkpoint_open(&b->diag, &b->arena, in(b, "p.safetensors"));
  assert_false(checkpoint_check(c, plain, 2, false));
  assert_int_equal(b->diag.errors, 1);
  expect_said(b, "all 2 tensors begin with '_orig_mod.'; --prefix _orig_mod. strips it\n");
  assert_false(checkpoint_prefix(c, "module."));
  expect_said(b, "no tensor's name begins with 'module.' (--prefix); the first one is '_orig_mod.x'");
  assert_true(checkpoint_prefix(c, "_orig_mod."));
  assert_true(checkpoint_check(c, plain, 2, false));
  assert_false(checkpoint_check(c, longer, 2, false));
  expect_said(b,
              "the model's names begin with 'model.', and those of 2 tensors do not; --prefix +model. puts");
  assert_true(checkpoint_prefix(c, "+model."));
  assert_true(checkpoint_check(c, longer, 2, false));
  expect_quiet(b);
  checkpoint_close(c);
}

/* One that is cut short or too long: what to give instead, whole. */
static void test_prefix_other(void **state) {
  static const char header[] = "{\"model.l.x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                               "\"model.l.y\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}";
  struct bench *b = *state;
  struct wanted_tensor wanted[] = {{.name = "l.x", .rank = 1, .shape = {1}},
                                   {.name = "l.y", .rank = 1, .shape = {1}}};
  write_tensors(in(b, "p.safetensors"), header, zeros, 8);
  struct checkpoint *c = checkpoint_open(&b->diag, &b->arena, in(b, "p.safetensors"));
  assert_true(checkpoint_prefix(c, "model"));
  assert_false(checkpoint_check(c, wanted, 2, false));
  expect_said(b, "--prefix model strips too little; --prefix model. gives the names that the model has");
  checkpoint_close(c);
  c = checkpoint_open(&b->diag, &b->arena, in(b, "p.safetensors"));
  assert_true(checkpoint_prefix(c, "model.l."));
  assert_false(checkpoint_check(c, wanted, 2, false));
  expect_said(b, "--prefix model.l. strips too much; --prefix model. gives the names that the model has");
  checkpoint_close(c);
}

/* A single tensor is no plural. */
static void test_prefix_one(void **state) {
  static const char header[] = "{\"m.x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
  struct bench *b = *state;
  struct wanted_tensor x = {.name = "x", .rank = 1, .shape = {1}},
                       longer = {.name = "o.m.x", .rank = 1, .shape = {1}};
  write_tensors(in(b, "p.safetensors"), header, zeros, 4);
  struct checkpoint *c = checkpoint_open(&b->diag, &b->arena, in(b, "p.safetensors"));
  assert_false(checkpoint_check(c, &x, 1, false));
  expect_said(b, "the one tensor begins with 'm.'; --prefix m. strips it\n");
  assert_false(checkpoint_check(c, &longer, 1, false));
  expect_said(b, "begin with 'o.', and that of one tensor does not; --prefix +o. puts it there\n");
  checkpoint_close(c);
}

static void test_prefix_twice(void **state) {
  static const char header[] = "{\"_orig_mod.x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                               "\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}";
  struct bench *b = *state;
  struct wanted_tensor x = {.name = "x", .rank = 1, .shape = {1}};
  write_tensors(in(b, "p.safetensors"), header, zeros, 8);
  struct checkpoint *c = checkpoint_open(&b->diag, &b->arena, in(b, "p.safetensors"));
  assert_true(checkpoint_prefix(c, "_orig_mod."));
  assert_false(checkpoint_check(c, &x, 1, true));
  expect_said(b, "--prefix gives '_orig_mod.x' and 'x' the same name, 'x'");
  checkpoint_close(c);
}

/* ---- config.json ------------------------------------------------------------------------------------- */

static void test_config(void **state) {
  struct bench *b = *state;
  struct config_value v = {0};
  write_shards(b);
  struct checkpoint *c = checkpoint_open(&b->diag, &b->arena, in(b, "s1.safetensors"));
  assert_int_equal(checkpoint_config(c, "hidden_size", &v), CONFIG_ABSENT);
  checkpoint_close(c);
  write_text(
      in(b, "config.json"),
      "{\"hidden_size\": 7, \"hidden_size\": 12,\n \"eps\": 1e-6, \"inner\": null,\n \"act\": \"swish\", "
      "\"most\": 1000000000000000019884624838656, \"rate\": NaN, \"range\": [0, -Infinity]}");
  c = checkpoint_open(&b->diag, &b->arena, in(b, "s1.safetensors"));
  assert_int_equal(checkpoint_config(c, "hidden_size", &v), CONFIG_FOUND);
  assert_true(v.kind == CONFIG_NUMBER && v.number == 12);
  assert_int_equal(checkpoint_config(c, "eps", &v), CONFIG_FOUND);
  assert_true(v.number == 1e-6);
  assert_int_equal(checkpoint_config(c, "inner", &v), CONFIG_ABSENT);
  assert_int_equal(checkpoint_config(c, "layers", &v), CONFIG_ABSENT);
  expect_quiet(b);
  assert_int_equal(checkpoint_config(c, "act", &v), CONFIG_FOUND);
  assert_true(v.kind == CONFIG_TEXT && strcmp(v.text, "swish") == 0 && v.at.line == 3 && v.at.column == 2);
  assert_int_equal(checkpoint_config(c, "most", &v), CONFIG_WRONG);
  expect_said(b, "'most' is 1000000000000000019884624838656; a number of at most 64 bits was expected");
  assert_int_equal(checkpoint_config(c, "rate", &v), CONFIG_WRONG);
  expect_said(b, "'rate' is NaN; a number");
  assert_int_equal(checkpoint_config(c, "range[1]", &v), CONFIG_FOUND);
  assert_true(v.kind == CONFIG_NUMBER && v.number == -FLT_MAX);
  checkpoint_close(c);
  static const char *const broken[][2] = {{"{\n \"a\": 1,,\n}", "config.json:2:"},
                                          {"{\"a\":NaN}}", "config.json:1:10: warning: this is not JSON"},
                                          {"[1]", "an object"},
                                          {"", "is empty"}};
  for (int i = 0; i < 4; i++) {
    write_text(in(b, "config.json"), broken[i][0]);
    c = checkpoint_open(&b->diag, &b->arena, in(b, "s1.safetensors"));
    assert_non_null(c); /* a model that asks for nothing needs none */
    expect_quiet(b);
    assert_int_equal(checkpoint_config(c, "hidden_size", &v), CONFIG_WRONG);
    expect_said(b, i == 2 ? "a JSON object" : broken[i][1]);
    checkpoint_close(c);
  }
}

/* A key's place is that of the value that counts, whatever else looks like it. */
static void test_config_place(void **state) {
  static const struct {
    const char *key;
    unsigned line, from, to;
  } places[] = {{"n", 4, 2, 5},     {"o.n", 2, 16, 19}, {"o.l[1].n", 3, 11, 14}, {"a.b", 5, 2, 7},
                {"e\"f", 6, 2, 12}, {"tail", 7, 2, 8},  {"o.l[1].s", 3, 19, 22}};
  struct bench *b = *state;
  write_shards(b);
  write_text(in(b, "config.json"), "{\"x\": \"\\\"n\\\": 1, }{ \\\\\", \"n\": 0,\n"
                                   " \"o\": {\"y\": 1, \"n\": 2, \"l\": [{\"n\": 3}, {\n"
                                   "  \"m\": 3, \"n\": 4, \"s\": \"n\"}]},\n"
                                   " \"n\": 5, \"b\": NaN,\n"
                                   " \"a.b\": 6,\n"
                                   " \"e\\u0022f\": 7,\n"
                                   " \"tail\": 8}");
  struct checkpoint *c = checkpoint_open(&b->diag, &b->arena, in(b, "s1.safetensors"));
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    struct config_value v = {0};
    assert_int_equal(checkpoint_config(c, places[i].key, &v), CONFIG_FOUND);
    assert_int_equal(v.at.line, places[i].line);
    assert_int_equal(v.at.column, places[i].from);
    assert_int_equal(v.at.end, places[i].to);
  }
  struct config_value v = {0};
  assert_int_equal(checkpoint_config(c, "o.none", &v), CONFIG_ABSENT);
  assert_int_equal(checkpoint_config(c, "o.l[1]", &v), CONFIG_WRONG);
  expect_said(b, "config.json:2:24: error: 'o.l[1]' is an object");
  checkpoint_close(c);
}

/* ---- values ------------------------------------------------------------------------------------------ */

/* Every 16-bit pattern, as F16 and as BF16. */
static void test_widening(void **state) {
  struct bench *b = *state;
  enum { N = 65536 };
  static uint16_t bits[N];
  static float got[N];
  for (int i = 0; i < N; i++)
    bits[i] = (uint16_t)i;
  for (int bf16 = 0; bf16 < 2; bf16++) {
    const char *header =
        arena_printf(&b->arena, "{\"x\":{\"dtype\":\"%s\",\"shape\":[256,256],\"data_offsets\":[0,131072]}}",
                     bf16 ? "BF16" : "F16");
    write_tensors(in(b, "w.safetensors"), header, bits, sizeof bits);
    struct checkpoint *c = checkpoint_open(&b->diag, &b->arena, in(b, "w.safetensors"));
    assert_true(checkpoint_read_f32(c, "x", 0, N, got));
    for (int i = 0; i < N; i++) {
      _Float16 half;
      uint32_t wide = (uint32_t)i << 16;
      float want;
      memcpy(&half, &bits[i], 2);
      memcpy(&want, &wide, 4);
      if (!bf16)
        want = (float)half;
      assert_true(isnan(want) ? isnan(got[i]) : memcmp(&got[i], &want, 4) == 0);
    }
    assert_false(checkpoint_read_f32(c, "x", N - 1, 2, got));
    expect_said(b, "2 from number 65535 on");
    assert_false(checkpoint_read_f32(c, "y", 0, 1, got));
    expect_said(b, "has no tensor 'y'");
    checkpoint_close(c);
  }
}

/* ---- what a model needs ------------------------------------------------------------------------------ */

static void test_check(void **state) {
  struct bench *b = *state;
  static const char text[] = "weight a\nweight b\n";
  uint16_t file = diag_add_source(&b->diag, "m.tern", text, sizeof text - 1);
  write_tensors(in(b, "k.safetensors"),
                "{\"l.0.proj.weight\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]},"
                "\"l.1.proj.weight\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[16,32]},"
                "\"ids\":{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[32,40]}}",
                zeros, 40);
  struct checkpoint *c = checkpoint_open(&b->diag, &b->arena, in(b, "k.safetensors"));
  struct loc first = {file, 8, 9, 1}, second = {file, 8, 9, 2};
  struct wanted_tensor w[] = {{"l.0.proj.weight", 2, {2, 2}, true, first, {0}},
                              {"l.1.proj.weight", 2, {2, 2}, true, first, {0}}};
  assert_true(checkpoint_check(c, w, 2, true));
  expect_quiet(b);
  assert_false(checkpoint_check(c, w, 2, false));
  expect_said(b, "1 tensor that the model does not use (--allow-extra accepts that):\n    'ids' [2]");
  w[1].shape[1] = 4;
  assert_false(checkpoint_check(c, w, 2, true));
  expect_said(b, "m.tern:1:8: error: 'l.1.proj.weight' is [2, 2] in the checkpoint; the model needs [2, 4]");
  w[1] = (struct wanted_tensor){"l.1.prol.weight", 2, {2, 2}, true, second, {0}};
  assert_false(checkpoint_check(c, w, 2, true));
  expect_said(b, "m.tern:2:8: error: the checkpoint has no tensor 'l.1.prol.weight' [2, 2]; did you mean "
                 "'l.1.proj.weight'?");
  w[1] = (struct wanted_tensor){"ids", 1, {2}, false, second, {0}};
  assert_false(checkpoint_check(c, w, 2, true));
  expect_said(b, "'ids' is stored as I32");
  checkpoint_close(c);
}

/* Many of a kind are one error that names a few and counts the rest. */
static void test_check_many(void **state) {
  struct bench *b = *state;
  struct wanted_tensor w[100];
  write_tensors(in(b, "k.safetensors"), "{\"x\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}",
                zeros, 2);
  struct checkpoint *c = checkpoint_open(&b->diag, &b->arena, in(b, "k.safetensors"));
  for (int i = 0; i < 100; i++)
    w[i] = (struct wanted_tensor){arena_printf(&b->arena, "layer.%d.w", i), 1, {8}, false, {0}, {0}};
  assert_false(checkpoint_check(c, w, 100, true));
  assert_int_equal(b->diag.errors, 1);
  fflush(b->diag.out);
  assert_non_null(strstr(b->said + b->seen, "lacks 100 tensors"));
  assert_non_null(strstr(b->said + b->seen, "'layer.0.w' [8]"));
  expect_said(b, "'layer.5.w' [8]\n    and 94 more");
  checkpoint_close(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_malformed),     TEST(test_truncated),    TEST(test_nothing_there), TEST(test_shards),
      TEST(test_shard_errors),  TEST(test_config),       TEST(test_widening),      TEST(test_check),
      TEST(test_check_many),    TEST(test_unused),       TEST(test_other_files),   TEST(test_header_lengths),
      TEST(test_unused_shards), TEST(test_prefix),       TEST(test_prefix_twice),  TEST(test_prefix_other),
      TEST(test_prefix_one),    TEST(test_config_place),
  };
  return cmocka_run_group_tests_name("checkpoint", tests, NULL, NULL);
}
