#!/usr/bin/env python3
"""Fails if clang-tidy has something to say (.clang-tidy). Usage: tidy.py BUILD_FOLDER [--missing] [FILE...]

Reads every file that BUILD_FOLDER/compile_commands.json compiles, or only those named. --missing adds the sources of
the checkout that this build leaves out (the other torch's, CUDA's stand-ins, fuzz targets).

clang-tidy spends nearly all of its time on headers (torch's above all), so files are read in groups: many
written into one, as a unity build would. Files that give the same name to something of their own never share a group.
What a group says is only a suspicion: its files are then read one by one, and what that says counts.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
GROUP = 14  # files; more save little, and two cores want something to share
# Made to be refused, by the compiler or by a gate.
FAULTY = ("tests/gates/rooms/", "tests/storage/walls/")
INCLUDE = re.compile(r'#include (<[^>]+>|"[^"]+")')
QUOTED = re.compile(r'^#include "([^"]+)"', re.MULTILINE)
# Names at the left margin, as clang-format leaves what stands in a namespace: types and aliases, which headers give too,
TYPES = re.compile(
    r"^(?:class|struct|enum class|enum|union)\s+(?:\[\[\w+\]\]\s*)?(\w+)[^;\n]*(?:\{|$)|^(using \w+ = .*;)|^(namespace \w+ = .*;)|"
    r"^#define (\w+)", re.MULTILINE)
# and functions, variables and tests, which only count where they are a file's own.
VALUES = re.compile(
    r"^TEST(?:_F|_P)?\((\w+, \w+)\)|^(?:INSTANTIATE_TEST_SUITE_P)\((\w+, \w+)|"
    r"^(?!return\b|namespace\b|template\b|using\b|#|//)[A-Za-z_:][\w:<>,&*\s\[\]().]*?[\s&*](\w+)\s*(?:\(|=|\{|;|\[)", re.MULTILINE)


def names_in(text, origin, *patterns):
    """Each name with what gives it: an alias means the same wherever it says the same."""
    names = {}
    for pattern in patterns:
        for groups in pattern.findall(text):
            name = next(name for name in groups if name)
            alias = re.match(r"(?:using|namespace) (\w+) =", name)
            names[alias[1] if alias else name] = name if alias else origin
    for keyword in ("const", "noexcept"):
        names.pop(keyword, None)
    return names


class Source:
    def __init__(self, path, directory, arguments):
        self.path, self.directory = path, directory
        self.defines, self.includes, self.rest = {}, [], []
        words = iter(arguments)
        for word in words:
            if word in ("-o", "-include"):
                next(words)
            elif word in ("-I", "-isystem", "-iquote", "-D"):
                self.take(word, next(words))
            elif word[:2] in ("-I", "-D"):
                self.take(word[:2], word[2:])
            elif word.startswith(("-std", "-W")):
                self.rest.append(word)

    def take(self, flag, value):
        if flag == "-D":
            name, _, text = value.partition("=")
            self.defines[name] = text or "1"
        else:
            self.includes.append((flag, os.path.normpath(os.path.join(self.directory, value))))

    def heavy(self):
        return any("torch" in folder for flag, folder in self.includes if flag == "-isystem")

    def headers(self, path, found):
        """The project's headers that a file includes, and those that they include."""
        for name in QUOTED.findall(path.read_text(errors="replace")):
            for folder in (path.parent, *(pathlib.Path(place) for flag, place in self.includes if flag == "-I")):
                header = folder / name
                if header.is_file():
                    if header.resolve() not in found:
                        found.add(header.resolve())
                        self.headers(header.resolve(), found)
                    break
        return found

    def names(self):
        names = names_in(self.path.read_text(errors="replace"), self.path, TYPES, VALUES)
        for header in self.headers(self.path, set()):
            names |= names_in(header.read_text(errors="replace"), header, TYPES)
        return names

    def flags(self):
        return ([f"-D{name}={value}" for name, value in self.defines.items()]
                + [word for pair in self.includes for word in pair] + self.rest)


def compiled(build):
    """The sources that the build compiles; what it generates is not ours to judge."""
    sources = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = pathlib.Path(os.path.join(entry["directory"], entry["file"])).resolve()
        if path.suffix == ".cpp" and build not in path.parents and not is_faulty(path):
            sources.setdefault(path, Source(path, entry["directory"], shlex.split(entry["command"])[1:]))
    return sources


def is_faulty(path):
    return path.is_relative_to(ROOT) and path.relative_to(ROOT).as_posix().startswith(FAULTY)


def add_missing(sources):
    """What lies in the checkout and is not compiled here: read with the flags of a neighbour, or of all."""
    listed = subprocess.run([ROOT / "cmake/gates/sources.sh", "cpp"], check=True, capture_output=True, text=True)
    known = list(sources.values())
    for path in map(pathlib.Path, listed.stdout.split()):
        if path in sources or is_faulty(path):
            continue
        near = [source for source in known if source.path.parent == path.parent]
        sources[path] = source = Source(path, path.parent, [])
        for other in near[:1] or [source for source in known if not source.heavy()]:
            source.defines.update(other.defines)
            source.includes += [pair for pair in other.includes if pair not in source.includes]
            source.rest += [word for word in other.rest if word not in source.rest]


def clash(one, other):
    """Whether two files give one name to different things."""
    return any(other.get(name, origin) != origin for name, origin in one.items())


def groups_of(sources):
    """Lists of files to be read together. Those that read torch's headers first: they take longest."""
    pools = {}
    for source in sources:
        standard = [word for word in source.rest if word.startswith("-std")]
        pools.setdefault((not source.heavy(), tuple(standard)), []).append(source)
    for _, pool in sorted(pools.items()):
        names = {source: source.names() for source in pool}
        clashes = {one: sum(clash(names[one], names[other]) for other in pool) for one in pool}
        groups = [[] for _ in range(-(-len(pool) // GROUP))]
        # Who clashes most chooses first, and each takes the smallest group: few groups, of one size.
        for source in sorted(pool, key=lambda one: (-clashes[one], one.path)):
            free = [group for group in groups
                    if len(group) < 2 * GROUP and not any(clash(names[source], names[other]) for other in group)]
            if free:
                min(free, key=len).append(source)
            else:
                groups.append([source])
        yield from filter(None, groups)


def text_in_group(source, seen):
    """A source's text for a group: its own headers by their full names, without what another file has included."""
    lines, here = [f'#line 1 "{source.path}"'], set()
    for line in source.path.read_text(errors="replace").splitlines():
        if found := INCLUDE.match(line):
            near = source.path.parent / found[1].strip('"<>')
            name = f'"{near}"' if found[1].startswith('"') and near.exists() else found[1]
            line = "" if name in seen else f"#include {name}"
            here.add(name)
        lines.append(line)
    seen |= here
    return lines


def write_group(path, group):
    """One file of the group's texts, and the flags that it needs.

    Texts, not includes of the sources: clang's analyzer follows paths only through the functions of the main file.
    """
    values = {}
    for source in group:
        for name, value in source.defines.items():
            values.setdefault(name, set()).add(value)
    own = {name for name, found in values.items() if len(found) > 1}
    lines, seen = [], set()
    for source in group:
        theirs = [name for name in source.defines if name in own]
        lines += [f"#define {name} {source.defines[name]}" for name in theirs]
        lines += text_in_group(source, seen)
        lines += [f"#undef {name}" for name in theirs]
    path.write_text("\n".join(lines) + "\n")
    flags = [f"-D{name}={found.pop()}" for name, found in values.items() if name not in own]
    flags += [word for pair in dict.fromkeys(pair for source in group for pair in source.includes) for word in pair]
    return flags + list(dict.fromkeys(word for source in group for word in source.rest))


def read(path, flags):
    """What clang-tidy says, and whether it is content. Every header that is no system's counts: the filter is all."""
    command = ["clang-tidy", "--quiet", "--warnings-as-errors=*", "--header-filter=.*", str(path), "--", *flags]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode == 0, done.stdout


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("build", type=pathlib.Path)
    options.add_argument("--missing", action="store_true")
    options.add_argument("--show-groups", action="store_true", help="say which groups had to be read one by one")
    options.add_argument("files", nargs="*", type=pathlib.Path)
    wanted = options.parse_intermixed_args()
    build = wanted.build.resolve()
    sources = compiled(build)
    if wanted.missing:
        add_missing(sources)
    if wanted.files:
        named = {path.resolve() for path in wanted.files}
        if unknown := named - sources.keys():
            sys.exit(f"tidy: {build}/compile_commands.json does not name {', '.join(map(str, sorted(unknown)))}")
        sources = {path: source for path, source in sources.items() if path in named}
    if not sources:
        sys.exit(f"tidy: {build}/compile_commands.json names no file")

    folder = build / "tidy-groups"
    folder.mkdir(exist_ok=True)
    broken, doubtful = 0, []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        groups = list(groups_of(sources.values()))
        said = [pool.submit(read, folder / f"{i}.cpp", write_group(folder / f"{i}.cpp", group))
                for i, group in enumerate(groups)]
        for i, (group, answer) in enumerate(zip(groups, said)):
            content, text = answer.result()
            if content:
                continue
            doubtful += group
            if wanted.show_groups:
                print(f"group {i} ({len(group)} files) is read one by one:\n{text}", flush=True)
        for content, text in pool.map(lambda source: read(source.path, source.flags()), doubtful):
            if not content:
                broken += 1
                print(text, flush=True)
    alone = f", {len(doubtful)} of them also one by one" if doubtful else ""
    print(f"tidy: {len(sources)} files in {len(groups)} groups{alone}; {broken} with findings")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
