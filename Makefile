# Two commands do everything on a fresh Debian 12: `make demo` and `make check`.
BUILD ?= build
PREFIX ?= /usr/local
TYPE  ?= Release

.PHONY: all setup configure demo check check-sanitize install uninstall format clean

all: configure
	cmake --build $(BUILD)

setup:
	scripts/setup

configure:
	@test -f $(BUILD)/build.ninja || cmake -S . -B $(BUILD) -G Ninja -DCMAKE_BUILD_TYPE=$(TYPE) $(FLAGS)

# Builds the compiler, compiles the model that ships in examples/tales, and writes text with it.
demo: setup all
	scripts/demo $(BUILD)

check: setup all
	scripts/check $(BUILD)

# The same tests on a build with AddressSanitizer and UndefinedBehaviorSanitizer.
check-sanitize: setup
	$(MAKE) all BUILD=$(BUILD)-sanitize TYPE=Debug FLAGS=-DTERN_SANITIZE=ON
	scripts/check $(BUILD)-sanitize

# The compiler, what it links, its specs, documents, manual pages and completions; and all of it away again.
install: all
	cmake --install $(BUILD) --prefix $(PREFIX)

uninstall:
	cmake -DMANIFEST=$(BUILD)/install_manifest.txt -P scripts/uninstall.cmake

format:
	git ls-files '*.c' '*.h' | xargs clang-format-19 -i

clean:
	rm -rf $(BUILD) $(BUILD)-sanitize
