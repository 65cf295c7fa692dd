# Runs ternc and programs that it made in surroundings that are against them. Every command ends by itself, with status 0
# and the right files, or with status 1, one line that says why, and nothing left behind.
# Usage: hostile.py TERNC FOLDER WHAT...
import hashlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import time

# A test that runs in the background is started with SIGINT and SIGQUIT ignored, under nohup with SIGHUP, and so would be
# what it starts: a handler here is the default there.
signal.signal(signal.SIGINT, signal.default_int_handler)
for ignored in (signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM):
    signal.signal(ignored, signal.SIG_DFL)

TERNC, HOME = sys.argv[1], sys.argv[2]
TINY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tiny.py")
LIMIT = 120  # seconds

# name, what it writes (a file or a folder; None: standard output), arguments
COMMANDS = [
    ("exe", "out", ["build", "m.tern", "--weights", "m", "-o", "out"]),
    ("image", "out", ["build", "m.tern", "--weights", "m", "-o", "other", "--weights-file", "out"]),
    ("obj", "out", ["build", "m.tern", "--weights", "m", "--emit", "obj", "-o", "out"]),
    ("lib", "out", ["build", "m.tern", "--weights", "m", "--emit", "lib", "-o", "out"]),
    ("c", "out", ["build", "m.tern", "--weights", "m", "--emit", "c", "-o", "out"]),
    ("verilog", "out", ["build", "m.tern", "--weights", "m", "--emit", "verilog", "-o", "out"]),
    ("streaming", "out", ["build", "m.tern", "--weights", "m", "--emit", "verilog", "--hw=streaming", "-o", "out"]),
    ("ir", "out", ["build", "m.tern", "--emit", "ir", "-o", "out"]),
    ("ir to stdout", None, ["build", "m.tern", "--emit", "ir"]),
    ("ast to stdout", None, ["build", "m.tern", "--emit", "ast"]),
    ("exe to stdout", None, ["build", "m.tern", "--weights", "m", "-o", "-"]),
    ("weights", None, ["weights", "m"]),
    ("pack", "out", ["weights", "m", "--pack", "-o", "out"]),
    ("random", "out", ["weights", "-o", "out", "--random", "hidden_size=64,vocab_size=256,num_hidden_layers=1"]),
    ("opt", "out", ["opt", "m.tir", "-o", "out"]),
    ("opt to stdout", None, ["opt", "m.tir"]),
    ("adder-graph", None, ["adder-graph", "--effort", "0", "matrix"]),
    ("tokenizer", "out", ["tokenizer", "--train", "m.tern", "--vocab", "300", "-o", "out"]),
    ("run", "out", ["run", "m.tern", "--weights", "m", "--tokens", "ids", "--logits", "out"]),
    ("run c", "out", ["run", "m.tern", "--weights", "m", "--engine", "c", "--tokens", "ids", "--logits", "out"]),
    ("help", None, ["build", "--help"]),
    ("devices", None, ["synth", "--list-devices"]),
    ("program", "out", ["./p", "--tokens", "ids", "--logits", "out"]),
    ("program to stdout", None, ["./p", "--tokens", "ids", "--logits", "-"]),
    ("info", None, ["./p", "--info"]),
]
NEED_SCRATCH = {"exe", "image", "lib", "exe to stdout", "run c"}
faults = 0


def fault(where, name, text):
    global faults
    faults += 1
    print("%s: %s: %s" % (where, name, text))


def clean(folder):
    """A folder of its own with the inputs, and an empty folder for temporary files beside it."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(os.path.join(folder, "tmp"))
    work = os.path.join(folder, "work")
    shutil.copytree(os.path.join(HOME, "inputs"), work)
    return work


def digest(path):
    """What a file is, or all files of a folder are; times in a listing aside."""
    if path is None or not os.path.exists(path):
        return None
    h = hashlib.sha256()
    for root, folders, files in os.walk(path) if os.path.isdir(path) else [(os.path.dirname(path), [], [path])]:
        folders.sort()
        for f in sorted(files):
            h.update(f.encode() if os.path.isdir(path) else b"")
            h.update(open(os.path.join(root, f), "rb").read())
    return h.hexdigest()


def run(work, arguments, env=None, **more):
    """Status, standard output and error; the status is None when it had to be stopped."""
    command = arguments if arguments[0].startswith("./") else [TERNC] + arguments
    own = dict(os.environ, TMPDIR=os.path.join(os.path.dirname(work), "tmp"))
    own.update(env or {})
    own = {k: v for k, v in own.items() if v is not None}
    more = dict(dict(stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE), **more)
    p = subprocess.Popen(command, cwd=work, env=own, **more)
    try:
        out, err = p.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        p.kill()
        out, err = p.communicate()
        return None, out, err
    return p.returncode, out, err


def left(work, output):
    """What is there and should not be."""
    known = set(os.listdir(os.path.join(HOME, "inputs"))) | {output, "other" if output else None, "many"}
    extra = [f for f in os.listdir(work) if f not in known]
    extra += [f for _, _, files in os.walk(work) for f in files if "tmp-" in f]
    tmp = os.path.join(os.path.dirname(work), "tmp")
    return extra + (os.listdir(tmp) if os.path.isdir(tmp) else [])


def judge(where, name, work, output, result, want, expected):
    """`want`: the status, or a set of those that are right."""
    status, out, err = result
    wanted = want if isinstance(want, set) else {want}
    if status not in wanted:
        fault(where, name, "status %s, not %s: %r" % (status, want, (err or b"")[-300:]))
    elif status == 1 and err is not None and b"error" not in err:
        fault(where, name, "status 1 without a word: %r" % err)
    elif status == 1 and output and os.path.exists(os.path.join(work, output)):
        fault(where, name, "status 1, and '%s' is there" % output)
    elif status == 0 and output and digest(os.path.join(work, output)) != expected[name][0]:
        fault(where, name, "'%s' differs from what it should be" % output)
    elif status == 0 and not output and out is not None and expected[name][1] and out != expected[name][1]:
        fault(where, name, "standard output differs from what it should be")
    if left(work, output):
        fault(where, name, "left behind: %s" % left(work, output))


def prepare():
    """The inputs, and what every command gives when nothing is in its way."""
    inputs = os.path.join(HOME, "inputs")
    shutil.rmtree(HOME, ignore_errors=True)
    os.makedirs(inputs)
    subprocess.run([sys.executable, TINY, inputs], check=True)
    with open(os.path.join(inputs, "ids"), "w") as f:
        f.write("1 2 3\n")
    with open(os.path.join(inputs, "matrix"), "w") as f:
        f.write("2 2\n1 -1\n0 1\n")
    subprocess.run([TERNC, "build", "m.tern", "--emit", "ir", "-o", "m.tir"], cwd=inputs, check=True)
    subprocess.run([TERNC, "build", "m.tern", "--weights", "m", "-o", "p"], cwd=inputs, check=True)
    os.chmod(HOME, 0o755)
    expected = {}
    for name, output, arguments in COMMANDS:
        work = clean(os.path.join(HOME, "plain"))
        status, out, err = run(work, arguments)
        if status != 0:
            fault("plain", name, "status %s: %r" % (status, err))
        steady = name not in ("adder-graph", "info")
        expected[name] = (digest(os.path.join(work, output)) if output else None, out if steady else None)
    return expected


def every(expected, where, want, only=None, folder="w", env=None, **more):
    """Every command in these surroundings; `want` gives the right status of (name, output)."""
    for name, output, arguments in COMMANDS:
        if only and name not in only:
            continue
        work = clean(os.path.join(HOME, folder))
        result = run(work, arguments, env, **more)
        judge(where, name, work, output, result, want(name, output), expected)


def shells(expected):
    """Folders whose names mean something to a shell, a make or a printf."""
    for name in ["a b;c'\"`touch hacked`$(touch hacked)\n-e 100%s%n", "-\\back*?[x]&|<>é#:=$HOME,%"]:
        every(expected, "in " + repr(name), lambda n, o: 0, folder=name)
        if [f for root, _, files in os.walk(HOME) for f in files if f == "hacked"]:
            fault("in " + repr(name), "all", "a shell ran the name")
        shutil.rmtree(os.path.join(HOME, name))


def environment(expected):
    gone = os.path.join(HOME, "gone")
    scratch = lambda n, o: 1 if n in NEED_SCRATCH else 0
    every(expected, "HOME unset", lambda n, o: 0, env={"HOME": None})
    every(expected, "LANG unset", lambda n, o: 0, env={"LANG": None, "LC_ALL": "C"})
    every(expected, "TMPDIR missing", lambda n, o: {0, 1} if n == "streaming" else scratch(n, o), env={"TMPDIR": gone})
    every(expected, "TMPDIR a file", lambda n, o: {0, 1} if n == "streaming" else scratch(n, o), env={"TMPDIR": "/etc/passwd"})
    every(expected, "TMPDIR relative", lambda n, o: 0, env={"TMPDIR": "../tmp"})
    every(expected, "no PATH", scratch, env={"PATH": gone}, only=NEED_SCRATCH | {"ir", "program"} - {"exe to stdout"})


def streams(expected):
    """Streams that are closed, full, or gone."""
    quiet = {"adder-graph": 1, "info": 1}
    text = lambda n, o: 0 if o else 1
    every(expected, "stdin closed", lambda n, o: 0, stdin=None, preexec_fn=lambda: os.close(0))
    every(expected, "stdout closed", text, stdout=None, preexec_fn=lambda: os.close(1))
    every(expected, "stderr closed", lambda n, o: 0, stderr=None, preexec_fn=lambda: os.close(2))
    every(expected, "all closed", text, stdin=None, stdout=None, stderr=None, preexec_fn=lambda: os.closerange(0, 3))
    with open("/dev/full", "wb") as full:
        every(expected, "stdout full", text, stdout=full)
        every(expected, "stderr full", lambda n, o: 0, stderr=full)
    for name, output, arguments in COMMANDS:  # the reader has gone
        if not output:
            work = clean(os.path.join(HOME, "w"))
            r, w = os.pipe()
            os.close(r)
            result = run(work, arguments, stdout=w)
            os.close(w)
            judge("reader gone", name, work, output, result, {1, -signal.SIGPIPE} if arguments[0] != "./p" else {0, 1},
                  expected) if arguments[0] != "./p" else None
            if left(work, output):
                fault("reader gone", name, "left behind")


def limits(expected):
    def limit(kind, bytes):
        return lambda: resource.setrlimit(kind, (bytes, bytes))
    for bytes in (0, 4096):
        every(expected, "files of %d bytes" % bytes, lambda n, o: {0, 1} if bytes else (1 if o else {0, 1}),
              preexec_fn=limit(resource.RLIMIT_FSIZE, bytes))
    some = {"exe", "c", "streaming", "run", "pack", "opt", "program"}
    least = 16  # below it libraries cannot be loaded, which is not ours to report
    while run(HOME, ["--version"], preexec_fn=limit(resource.RLIMIT_AS, least << 20))[0] != 0 and least < 4096:
        least += 8
    if least >= 4096: # a sanitizer takes more
        print("little memory is left out: ternc does not start within 4 GiB of address space")
    for mib in (least, least + 8, least + 24, least + 64) if least < 4096 else ():
        every(expected, "%d MiB of memory" % mib, lambda n, o: {0, 1}, some, preexec_fn=limit(resource.RLIMIT_AS, mib << 20))
    every(expected, "3 MiB of memory", lambda n, o: {0, 1}, {"program", "info"}, preexec_fn=limit(resource.RLIMIT_AS, 3 << 20))
    every(expected, "few descriptors", lambda n, o: {0, 1}, preexec_fn=limit(resource.RLIMIT_NOFILE, 8))


def read_only(expected):
    """A folder that cannot be written to."""
    def become_nobody():
        if os.geteuid() == 0:
            os.setgid(65534)
            os.setuid(65534)
    for name, output, arguments in COMMANDS:
        work = clean(os.path.join(HOME, "w"))
        os.chmod(os.path.join(os.path.dirname(work), "tmp"), 0o777)
        os.chmod(work, 0o555)
        judge("read-only folder", name, work, output, run(work, arguments, preexec_fn=become_nobody), 1 if output else 0,
              expected)
        os.chmod(work, 0o755)


def disk(expected):
    """A disk without room: a small file system in memory, where mounting one is allowed."""
    small = os.path.join(HOME, "small")
    os.makedirs(small, exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small], stderr=subprocess.DEVNULL).returncode:
        print("skipped: a full disk (mounting is not allowed here)")
        return
    try:
        with open(os.path.join(small, "filler"), "wb", buffering=0) as f:
            try:
                while True:
                    f.write(bytes(4096))
            except OSError:
                pass
        for name, output, arguments in COMMANDS:
            work = clean(os.path.join(HOME, "w"))
            target = os.path.join(small, "out")
            if output and name not in ("ir", "opt", "run", "run c", "program", "image"):
                result = run(work, [target if a == "out" else a for a in arguments])
                if result[0] != 1 or b"error" not in result[2]:
                    fault("full disk", name, "status %s: %r" % (result[0], result[2]))
                if os.listdir(small) != ["filler"] or left(work, output):
                    fault("full disk", name, "left behind: %s" % (os.listdir(small) + left(work, output)))
            result = run(work, arguments, env={"TMPDIR": small})
            judge("full TMPDIR", name, work, output, result, {0, 1}, expected)
            if os.listdir(small) != ["filler"]:
                fault("full TMPDIR", name, "left behind: %s" % os.listdir(small))
    finally:
        subprocess.run(["umount", small])


def wait_for(path, p):
    for _ in range(LIMIT * 100):
        if os.path.exists(path) or p.poll() is not None:
            return os.path.exists(path)
        time.sleep(0.01)
    return False


def stopped(where, work, command, env, ready, number):
    """Starts it, waits until `ready` says so, sends the signal; the program and all it has started must end."""
    p = subprocess.Popen(command, cwd=work, env=dict(os.environ, TMPDIR=os.path.join(os.path.dirname(work), "tmp"), **env),
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if not ready(p):
        fault(where, str(number), "did not come so far: %r" % p.communicate()[1])
        return
    p.send_signal(number)
    try:
        err = p.communicate(timeout=LIMIT)[1]
    except subprocess.TimeoutExpired:
        p.kill()
        fault(where, str(number), "did not end")
        return
    if p.returncode not in (-number, 130):
        fault(where, str(number), "status %s: %r" % (p.returncode, err))
    if left(work, "out"):
        fault(where, str(number), "left behind: %s" % left(work, "out"))
    if os.path.exists(os.path.join(work, "out")):
        fault(where, str(number), "there is an output")


SLOW_TOOL = """#!/bin/sh
# stands for a tool that takes its time, with temporary files and a child
mkdir -p "$TMPDIR/a/b" && touch "$TMPDIR/tool.o" "$TMPDIR/a/b/c" && chmod 500 "$TMPDIR/a/b"
sleep 1000 &
echo $! > "{0}/child.new" && mv "{0}/child.new" "{0}/child"
wait
"""


def signals(expected):
    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE]
    tools = os.path.join(HOME, "tools")
    os.makedirs(tools, exist_ok=True)
    for tool in ("cc", "ld", "make", "yosys", "verilator"):
        with open(os.path.join(tools, tool), "w") as f:
            f.write(SLOW_TOOL.format(tools))
        os.chmod(os.path.join(tools, tool), 0o755)
    child = os.path.join(tools, "child")
    env = {"PATH": tools + os.pathsep + os.environ["PATH"]}
    slow = [arguments for name, _, arguments in COMMANDS if name in ("exe", "lib", "run c")]
    slow += [["synth", "m.tern", "--weights", "m", "--device", "hx8k"],
             ["simulate", "m.tern", "--weights", "m", "--tokens", "ids"],
             ["simulate", "m.tern", "--weights", "m", "--tokens", "ids", "--hw=streaming"]]
    for i, arguments in enumerate(slow):
        for number in numbers if i == 0 else numbers[:1]:
            work = clean(os.path.join(HOME, "w"))
            if os.path.exists(child):
                os.unlink(child)
            stopped("while a tool runs: " + arguments[0], work, [TERNC] + arguments, env, lambda p: wait_for(child, p), number)
            if os.path.exists(child) and os.path.exists("/proc/%s" % open(child).read().strip()):
                fault("while a tool runs", str(number), "its child lives on")
    with open(os.path.join(tools, "cc"), "w") as f:  # a tool that crashes
        f.write("#!/bin/sh\ntouch $TMPDIR/tool.o; kill -SEGV $$\n")
    work = clean(os.path.join(HOME, "w"))
    judge("a tool crashes", "exe", work, "out", run(work, COMMANDS[0][2], env), 1, expected)

    def writing(work, n):
        def ready(p):
            for _ in range(LIMIT * 100):
                names = [f for _, _, files in os.walk(work) for f in files]
                if sum("tmp-" in f for f in names) >= n:
                    return True
                if p.poll() is not None:
                    return False
                time.sleep(0.002)
            return False
        return ready
    for number in numbers:
        work = clean(os.path.join(HOME, "w"))
        big = [TERNC, "weights", "-o", "out", "--random", "hidden_size=2048,vocab_size=32000,num_hidden_layers=4"]
        stopped("while a checkpoint is written", work, big, {}, writing(work, 2), number)
        if number == signal.SIGPIPE:
            continue  # programs ignore it
        work = clean(os.path.join(HOME, "w"))
        with open(os.path.join(work, "many"), "w") as f:
            f.write("3 " * 8000000)
        stopped("while logits are written", work, ["./p", "--tokens", "many", "--logits", "out", "--chunk", "1"], {},
                writing(work, 1), number)


def shrinking(expected):
    """The file that weights are mapped from is cut short while the program runs."""
    work = clean(os.path.join(HOME, "w"))
    subprocess.run([TERNC, "build", "m.tern", "--weights", "m", "-o", "other", "--weights-file", "image"], cwd=work, check=True)
    with open(os.path.join(work, "many"), "w") as f:
        f.write("3 " * 8000000)
    p = subprocess.Popen(["./other", "--weights-file", "image", "--tokens", "many", "--logits", "out", "--chunk", "1"],
                         cwd=work, stderr=subprocess.PIPE)
    for _ in range(LIMIT * 100):  # it is at work when the temporary file is there
        if [f for f in os.listdir(work) if "tmp-" in f] or p.poll() is not None:
            break
        time.sleep(0.01)
    os.truncate(os.path.join(work, "image"), 0)
    try:
        err = p.communicate(timeout=LIMIT)[1]
    except subprocess.TimeoutExpired:
        p.kill()
        err = p.communicate()[1]
    if p.returncode != 1 or b"other: error: image: the weights cannot be read any more" not in err:
        fault("shrinking", "image", "status %s: %r" % (p.returncode, err))
    if [f for f in os.listdir(work) if "tmp-" in f] or os.path.exists(os.path.join(work, "out")):
        fault("shrinking", "image", "left behind: %s" % os.listdir(work))


if __name__ == "__main__":
    results = prepare()
    for what in sys.argv[3:]:
        globals()[what](results)
    shutil.rmtree(HOME, ignore_errors=True)
    print("%d faults" % faults)
    sys.exit(1 if faults else 0)
