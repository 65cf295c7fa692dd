// hugging_face.mjs js|rust DIR FILE: the ids of every line of FILE by DIR/tokenizer.json, as an independent
// implementation gives them; what tokenize_tool prints must be equal. Run it where npm has installed
// @huggingface/tokenizers (js: pure JavaScript, ignores Metaspace's "split" and trims U+FEFF but not U+0085
// around stripping tokens) or @anush008/tokenizers (rust: a binding of the reference implementation).
// Both find special tokens in a text, as `tokenize_tool DIR FILE special` does: leave <s>, </s> and <unk> out of a FILE
// that it reads as plain text.
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";

const [which, dir, file] = process.argv.slice(2);
const require = createRequire(path.join(process.cwd(), "package.json"));
const lines = fs.readFileSync(file, "utf8").split("\n");
if (lines.at(-1) === "") lines.pop();

async function encoder() {
  if (which === "js") {
    const { Tokenizer } = require("@huggingface/tokenizers");
    const t = new Tokenizer(JSON.parse(fs.readFileSync(path.join(dir, "tokenizer.json"), "utf8")), {});
    return async (line) => (line === "" ? [] : t.encode(line, { add_special_tokens: false }).ids);
  }
  const { Tokenizer } = require("@anush008/tokenizers");
  const t = Tokenizer.fromFile(path.join(dir, "tokenizer.json"));
  return async (line) => Array.from((await t.encode(line, null, { addSpecialTokens: false })).getIds());
}

const encode = await encoder();
const out = [];
for (const line of lines) out.push((await encode(line)).join(" "));
process.stdout.write(out.join("\n") + "\n");
