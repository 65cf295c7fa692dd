#!/usr/bin/env python3
"""usage: adapters.py BENCH   Holds what is read from each form of output against what it says."""
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import peers

BOTH = ("decode", "prefill")
LINES = """{"n_threads": 2, "n_prompt": 512, "n_gen": 0, "avg_ts": 99.5}
{"n_threads": 2, "n_prompt": 0, "n_gen": 128, "avg_ts": 35.6}
{"n_threads": 2, "n_prompt": 512, "n_gen": 128, "avg_ts": 70.0}
"""
TABLE = """| model | backend | {}test | t/s |
| --- | --- | {}---: | ---: |
| bitnet 2B I2_S | CPU | {}pp512 | 60.84 ± 1.10 |
| bitnet 2B I2_S | CPU | {}pp512+tg128 | 1.00 ± 0.00 |
| bitnet 2B I2_S | CPU | {}tg128 | 28.04 ± 0.30 |
| bitnet 2B I2_S | CPU | {}tg128 @ d512 | 2.00 ± 0.00 |
"""
TIMINGS = """llama_perf_context_print:        load time =     500.00 ms
llama_perf_context_print: prompt eval time =     100.00 ms /     5 tokens (   20.00 ms per token,    50.00 tokens per second)
llama_perf_context_print:        eval time =    1000.00 ms /    25 runs   (   40.00 ms per token,    25.00 tokens per second)
"""


def same(text, want, phases=BOTH, threads=2, tokens=128, prompt=512):
    got = peers.rates(text, phases, threads, tokens, prompt)
    assert got == want, (got, want)


def refused(text, message, phases=BOTH, threads=2, tokens=128, prompt=512):
    try:
        got = peers.rates(text, phases, threads, tokens, prompt)
    except peers.Trouble as e:
        assert message in str(e), e
    else:
        raise AssertionError(f"{got} from {text}")


same(LINES, {"decode": 35.6, "prefill": 99.5})
same("[" + ",".join(LINES.splitlines()) + "]", {"decode": 35.6, "prefill": 99.5})
same("ggml: a message\n" + LINES, {"decode": 35.6}, phases=("decode",))
same(TABLE.replace("{}", ""), {"decode": 28.04, "prefill": 60.84})
same(TABLE.replace("{}---", "---: | ---").replace("{}test", "threads | test").replace("{}", "2 | "),
     {"decode": 28.04, "prefill": 60.84})
same(TIMINGS, {"decode": 25.0, "prefill": 50.0})
same('{"decode_tokens_per_s": 7.5, "prefill_tokens_per_s": 8, "threads": 2}', {"decode": 7.5, "prefill": 8.0})
same(TABLE.replace("{}", ""), {"decode": 28.04, "prefill": 60.84}, tokens=64)  # one row: it is meant
refused("", "a rate of decode is not in")
refused(LINES, "a rate of decode with 1 thread is not in", threads=1)
refused(LINES + LINES.replace("128", "64"), "in 2 rows", tokens=32)
refused('{"decode_tokens_per_s": 0, "prefill_tokens_per_s": 8}', "a rate of decode with 2 threads is 0")
refused('{"decode_tokens_per_s": "fast", "prefill_tokens_per_s": 8}', "is fast")
filled = list(peers.runs("x -m {shape} -t {threads} -n {tokens} -p {prompt} -r {phase}", "370M", 2, 128, 512))
assert filled == [(("decode",), "x -m 370M -t 2 -n 128 -p 0 -r decode"),
                  (("prefill",), "x -m 370M -t 2 -n 0 -p 512 -r prefill")], filled
assert list(peers.runs("x {tokens} {prompt}", "370M", 2, 128, 512)) == [(BOTH, "x 128 512")]
print("adapters agree")
