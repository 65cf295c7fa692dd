# Tests of lit and FileCheck (lit.cfg.py): files with RUN lines. Where a folder's files take a blink each, the folder is one
# test of CTest, elsewhere a file is, so that the long ones run beside others. The label is the folder.
find_program(PYTHON3 python3 REQUIRED)
find_file(LIT lit.py PATHS /usr/lib/llvm-19/build/utils/lit REQUIRED NO_DEFAULT_PATH)
set(run_lit ${PYTHON3} ${LIT} -v -j 1 --skip-test-time-recording --param build=${CMAKE_BINARY_DIR})
if(TERN_SANITIZE)
  list(APPEND run_lit --param sanitize=1)
endif()

set(whole_folders language passes)
set(quick_files driver/axes driver/compare driver/options driver/shipped hardware/codes)

# What `make check` leaves to `make check-long`.
set(check_long_files cross/bare-riscv32 cross/kernels-all cross/model driver/fixed-models-more driver/fixed-shared
    driver/scaling-more hardware/corners-yosys hardware/library-verilator hardware/streaming-icarus hardware/streaming-prompt hardware/streaming-trits
    hardware/synth-streaming hardware/synth-toggles random/language-more training/examples-more
    driver/fixed-logits hardware/library-luts hardware/streaming-states training/config training/memory
    reference/delta_net reference/hgrn reference/kda reference/minlstm reference/qwen3 reference/retnet reference/rwkv
    reference/xlstm_blocks)

# What takes longest begins first, so that nothing is left to run alone at the end. CTest goes by what it measured from its
# second run on.
set(long_files ${check_long_files} cross/bare-cortex-m driver/bare driver/codes driver/fixed driver/fixed-logits
    driver/fixed-models driver/fixed-perplexity driver/hostile driver/scaling hardware/corners hardware/library-lint
    hardware/streaming-states hardware/streaming-tales random/language training/examples)

foreach(folder ${whole_folders})
  tern_test(${folder} "${folder};quick" ${run_lit} ${CMAKE_CURRENT_SOURCE_DIR}/${folder})
endforeach()

file(GLOB_RECURSE lit_files CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/*.test)
list(FILTER lit_files EXCLUDE REGEX "Inputs/|^(language|passes)/")
foreach(file ${lit_files})
  string(REGEX REPLACE "\\.test$" "" name ${file})
  string(REGEX REPLACE "/.*" "" labels ${file})
  if(name STREQUAL layout)
    set(labels sources)
  endif()
  if(name IN_LIST quick_files)
    list(APPEND labels quick)
  elseif(name IN_LIST check_long_files)
    list(APPEND labels long)
  endif()
  tern_test(${name} "${labels}" ${run_lit} ${CMAKE_CURRENT_SOURCE_DIR}/${file})
  set_tests_properties(${name} PROPERTIES SKIP_REGULAR_EXPRESSION "UNSUPPORTED: ")
  if(name IN_LIST long_files)
    set_tests_properties(${name} PROPERTIES COST 100)
  endif()
endforeach()
