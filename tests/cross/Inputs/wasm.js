// wasm.js WASM HEADER NAME TOKENS: the logits of each token, 32 bits in hexadecimal a line.
const fs = require("fs");
const [wasm, header, name, tokens] = process.argv.slice(2);
const text = fs.readFileSync(header, "utf8");
const size = (what) => Number(text.match(new RegExp(`#define \\w+_${what} +(\\d+)`))[1]);
WebAssembly.instantiate(fs.readFileSync(wasm)).then(({ instance }) => {
  const of = instance.exports, at = (array) => of[`${name}_${array}`].value;
  of[`${name}_init`](at("state"));
  for (const token of tokens.split(",")) {
    of[`${name}_step`](at("state"), at("scratch"), Number(token), at("logits"));
    const words = new Uint32Array(of.memory.buffer, at("logits"), size("VOCAB"));
    console.log(Array.from(words, (w) => w.toString(16).padStart(8, "0")).join("\n"));
  }
});
