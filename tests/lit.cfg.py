# lit configuration, for lit.cmake. A test is a file with RUN lines; FileCheck checks what they print.
import os
import platform
import shutil
import subprocess

import lit.formats

config.name = "tern"
config.test_format = lit.formats.ShTest(True)
config.suffixes = [".tir", ".tern", ".test"]
config.excludes = ["unit", "Inputs", "corpus"]
config.test_source_root = os.path.dirname(__file__)
build = os.path.abspath(lit_config.params["build"])
config.test_exec_root = os.path.join(build, "tests", "lit")
root = os.path.dirname(config.test_source_root)
shared = lit_config.params.get("shared", os.path.join(root, "..", "shared"))

config.environment["PATH"] = os.pathsep.join([os.path.join(build, "bin"), "/usr/lib/llvm-19/bin", os.environ["PATH"]])
for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TMPDIR", "HOME"):
    if name in os.environ:
        config.environment[name] = os.environ[name]
# Many tests compile the same C, of runtimes and of simulators: where ccache is there, once a build. Its links go first.
if os.path.isdir("/usr/lib/ccache"):
    config.environment["PATH"] = os.pathsep.join(["/usr/lib/ccache", config.environment["PATH"]])
    config.environment["CCACHE_DIR"] = os.path.join(build, "tests", "ccache")
# %plain -- for tests of floats that hold no kernels: for the plainest processor of this machine's kind, whose code is
# compiled soonest; not so integers, whose products of 64 bits take longest there.
config.substitutions += [
    ("%plain", "--cpu x86-64" if platform.machine() == "x86_64" else ""),
    ("%ternc", os.path.join(build, "bin", "ternc")),
    ("%build", build),
    ("%root", root),
    ("%examples", os.path.join(root, "examples")),
    ("%shared", shared),
]
# REQUIRES: shared -- the reference models and texts, which a user does not have; such tests are reported unsupported.
if os.path.exists(os.path.join(shared, "models", "tales", "model.safetensors")):
    config.available_features.add("shared")
else:
    lit_config.note("no reference models in %s: tests that need them are skipped" % shared)
# REQUIRES: numpy -- a Python with NumPy, %numpy; REQUIRES: torch -- one with PyTorch, %torch, which nothing but a
# comparison needs. Debian's where the first on the PATH has none.
for module in ("numpy", "torch"):
    for python in ("python3", "/usr/bin/python3"):
        found = shutil.which(python)
        if found and subprocess.run([found, "-c", "import " + module], stderr=subprocess.DEVNULL).returncode == 0:
            config.available_features.add(module)
            config.substitutions.append(("%" + module, found))
            break
# REQUIRES: callgrind -- counts of instructions, of programs for x86-64.
if platform.machine() == "x86_64" and shutil.which("valgrind"):
    config.available_features.add("callgrind")
# REQUIRES: qemu-x86 -- processors of other ages, simulated; this machine's compiler makes programs for them.
if platform.machine() == "x86_64" and shutil.which("qemu-x86_64"):
    config.available_features.add("qemu-x86")
# REQUIRES: aarch64 -- a cross compiler and a simulated processor to run what it makes.
if shutil.which("aarch64-linux-gnu-gcc") and shutil.which("qemu-aarch64"):
    config.available_features.add("aarch64")
# Chips: REQUIRES: cortex-m, riscv32 -- a cross compiler and a simulated board; wasm -- clang, its linker, and node.
for feature, tools in {"cortex-m": ("arm-none-eabi-gcc", "qemu-system-arm"),
                       "riscv32": ("riscv64-unknown-elf-gcc", "qemu-system-riscv32"),
                       "wasm": ("clang-19", "wasm-ld-19", "node")}.items():
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        lit_config.note("no %s: tests of %s are skipped (scripts/setup heavy installs it)" % (missing[0], feature))
    else:
        config.available_features.add(feature)
if build.endswith("-sanitize") or lit_config.params.get("sanitize") == "1":
    config.available_features.add("sanitize")
