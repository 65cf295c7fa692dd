#!/bin/sh
# compare.sh tool TOOL [DIR...]   trains SentencePiece models with many options, then compares the ids of
#                                 `TOOL DIR FILE` (tokenize_tool.c) with spm_encode's, line by line; also for
#                                 the tokenizer.model of each DIR
# compare.sh program PROGRAM DIR  the same for `PROGRAM --tokenize FILE`, built from DIR
#
# LINES (default 4000) is the size of the text. Ends with status 1 and the first lines that differ.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mode=$1 under_test=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 "$here/make_text.py" nasty 1 "${LINES:-4000}" > "$work/nasty.txt"
python3 "$here/make_text.py" invalid 2 "$((${LINES:-4000} / 4))" > "$work/invalid.txt"
python3 "$here/make_text.py" prose 3 3000 > "$work/prose.txt"
python3 "$here/make_text.py" plain 4 3000 > "$work/plain.txt"
failed=0

ids() { # DIR FILE
  if [ "$mode" = tool ]; then
    "$under_test" "$1" "$2"
  else
    "$under_test" --tokenize "$2"
  fi
}

compare() { # DIR [MODEL]
  for text in nasty invalid prose; do
    spm_encode --model="${2:-$1/tokenizer.model}" --output_format=id < "$work/$text.txt" > "$work/expected"
    ids "$1" "$work/$text.txt" > "$work/got" || failed=1
    if cmp -s "$work/expected" "$work/got"; then
      echo "equal: $(basename "$1") $text ($(wc -l < "$work/expected") lines)"
    else
      echo "DIFFERENT: $(basename "$1") $text"
      diff "$work/expected" "$work/got" | head -6 | cut -c1-300
      failed=1
    fi
  done
}

train() { # TEXT NAME OPTION...
  text=$1 name=$2
  shift 2
  mkdir "$work/$name"
  spm_train --model_type=bpe --input="$work/$text.txt" --model_prefix="$work/$name/m" \
    --minloglevel=2 "$@" > "$work/log" 2>&1 || { cat "$work/log"; exit 1; }
  mv "$work/$name/m.model" "$work/$name/tokenizer.model"
  compare "$work/$name"
}

for dir in "$@"; do
  compare "$dir"
done
if [ "$mode" = tool ]; then
  identity=--normalization_rule_name=identity
  train prose llama --vocab_size=1000 --byte_fallback $identity --remove_extra_whitespaces=false \
    --allow_whitespace_only_pieces --split_digits
  train plain small --vocab_size=333 --byte_fallback $identity
  train prose no-bytes --vocab_size=500 $identity
  train prose nfkc --vocab_size=800 --byte_fallback --normalization_rule_name=nmt_nfkc
  train prose nfkc-no-bytes --vocab_size=800 --normalization_rule_name=nmt_nfkc_cf --character_coverage=0.98
  train prose keep-blanks --vocab_size=700 --normalization_rule_name=nfkc --remove_extra_whitespaces=false
  train prose no-dummy --vocab_size=700 --byte_fallback $identity --add_dummy_prefix=false
  train prose no-dummy-keep --vocab_size=700 $identity --add_dummy_prefix=false --remove_extra_whitespaces=false
  train prose suffix --vocab_size=700 --byte_fallback --treat_whitespace_as_suffix
  train prose across --vocab_size=900 --byte_fallback $identity --split_by_whitespace=false \
    --allow_whitespace_only_pieces --remove_extra_whitespaces=false
  train prose symbols --vocab_size=700 --byte_fallback --control_symbols='<pad>,<|user|>' \
    --user_defined_symbols='<mask>,the,them,@@,世,=,==,[X Y],▁▁,  '
  train prose symbols-keep --vocab_size=700 $identity --remove_extra_whitespaces=false \
    --user_defined_symbols='<mask>,theth,ab,abab, , a,▁b,😀'
  for every in 2 3 7; do
    mkdir "$work/unused-$every"
    python3 "$here/edit_model.py" unused "$work/llama/tokenizer.model" "$work/unused-$every/tokenizer.model" $every
    compare "$work/unused-$every"
  done
  # A tokenizer.json of the same merges must give the same ids as the model it was made from.
  for pair in llama:prepend llama:prepend+pairs across:prepend+pairs; do
    model="$work/${pair%%:*}/tokenizer.model" dir="$work/json-$pair"
    mkdir "$dir"
    python3 "$here/edit_model.py" json "$model" "$dir/tokenizer.json" "${pair#*:}"
    compare "$dir" "$model"
  done
fi
exit $failed
