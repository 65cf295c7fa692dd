# Two commands do everything on a fresh Debian 12: `make demo` and `make check`.
BUILD ?= build
PREFIX ?= /usr/local
TYPE  ?= Release

.PHONY: all setup configure demo quick check check-long check-sanitize fuzz random install uninstall format clean

all: configure
	cmake --build $(BUILD)

setup:
	scripts/setup

configure:
	@test -f $(BUILD)/build.ninja || cmake -S . -B $(BUILD) -G Ninja -DCMAKE_BUILD_TYPE=$(TYPE) $(FLAGS)

# Builds the compiler, compiles the model that ships in examples/tales, and writes text with it.
demo: setup all
	scripts/demo $(BUILD)

# The tests; those that take longest to say what others say nearly: more random models, and the second simulator or
# Yosys over the same designs; and those that tell soonest that something broke.
check: setup all
	scripts/check $(BUILD) -LE long

check-long: setup all
	scripts/check $(BUILD) -L long

quick: setup all
	scripts/check $(BUILD) -L quick

# All of both on a build with AddressSanitizer and UndefinedBehaviorSanitizer.
check-sanitize: setup
	$(MAKE) all BUILD=$(BUILD)-sanitize TYPE=Debug FLAGS=-DTERN_SANITIZE=ON
	scripts/check $(BUILD)-sanitize

# Looks for inputs that end any reader or pass of the compiler other than in a result or a message: every target of
# tests/fuzz for SECONDS, by clang's libFuzzer with its sanitizers. See docs/internals.md.
SECONDS ?= 600
fuzz: setup
	@test -f $(BUILD)-fuzz/build.ninja || cmake -S . -B $(BUILD)-fuzz -G Ninja -DCMAKE_BUILD_TYPE=Debug \
	  -DCMAKE_C_COMPILER=clang-19 -DTERN_SANITIZE=ON -DTERN_FUZZ=ON
	cmake --build $(BUILD)-fuzz --target tests/fuzz/all
	scripts/fuzz $(BUILD)-fuzz $(SECONDS) $(TARGETS)

# Random specs and checkpoints, from the seed FIRST on, held against every engine and, every tenth, the simulated hardware.
random: all
	tests/random/language.py $(BUILD)/bin/ternc --first $(or $(FIRST),1) --models $(or $(MODELS),1000)

# The compiler, what it links, its specs, documents, manual pages and completions; and all of it away again.
install: all
	cmake --install $(BUILD) --prefix $(PREFIX)

uninstall:
	cmake -DMANIFEST=$(BUILD)/install_manifest.txt -P scripts/uninstall.cmake

format:
	git ls-files '*.c' '*.h' | xargs clang-format-19 -i

clean:
	rm -rf $(BUILD) $(BUILD)-sanitize $(BUILD)-fuzz
