"""A ternc in which one file has a new row and one file is new, built beside the one that is there.

The commands are those of the build: only what changes is compiled, then everything is linked again.
"""
import os
import shlex
import subprocess


def build(build_folder, root, out, table, before, row, reads_table, new_file, text):
    """Puts `row` before the row that begins with `before` in the file `table`, compiles `reads_table` with it and the
    `text` of `new_file`, and links OUT/ternc. All paths but the folders are below the sources' root."""

    def write(name, content):
        path = os.path.join(out, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(content)
        return path

    def compile_like(command, source):
        name = os.path.basename(source) + ".o"
        words = shlex.split(command)
        words[words.index("-c") + 1] = source
        words[words.index("-o") + 1] = os.path.join(out, name)
        words[words.index("-MF") + 1] = os.path.join(out, name + ".d")
        subprocess.run(words, cwd=build_folder, check=True)
        return os.path.join(out, name)

    commands = subprocess.run(["ninja", "-C", build_folder, "-t", "commands", "bin/ternc"], check=True,
                              capture_output=True, text=True).stdout.splitlines()
    like = next(c for c in commands if c.endswith("/" + reads_table))
    like = like.replace(" -I" + root + " ", " -I%s -I%s " % (out, root))
    link = next(c for c in commands if " -o bin/ternc " in c).split("&&")[1]
    with open(os.path.join(root, table)) as file:
        rows = file.read()
    assert before in rows
    write(table, rows.replace(before, row + before))
    objects = [compile_like(like, os.path.join(root, reads_table)), compile_like(like, write(new_file, text))]
    words = shlex.split(link)
    words[words.index("-o") + 1] = os.path.join(out, "ternc")
    first = next(i for i, word in enumerate(words) if word.endswith("main.c.o"))
    subprocess.run(words[:first + 1] + objects + words[first + 1:], cwd=build_folder, check=True)
