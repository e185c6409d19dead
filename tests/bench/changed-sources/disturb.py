"""
Changes a file of a model in another way each time, at any moment of the process that reads it: python3 disturb.py
FILE WAY KEEPS_TIME FOLDER. FOLDER has two states of the file, before ("restore") and after ("change"): the length of
the file and its differing pieces (.json), and the bytes of these (.bin). Reads lines: "change", "restore", or "during
AT BACK" (seconds; a negative BACK: not restored). Answers each with a line: "done" and its number.
"""
import json
import mmap
import os
import subprocess
import sys
import time

file, way, keeps_time, folder = sys.argv[1:]
OLD = 1_700_000_000
count = 0


def state(name: str):
    """The length of the file, and pairs of a position and the bytes there."""
    with open(f"{folder}/{name}.json", encoding="utf8") as text, open(f"{folder}/{name}.bin", "rb") as data:
        document = json.load(text)
        return document["length"], [(at, data.read(size)) for at, size in document["pieces"]]


states = {name: state(name) for name in ("restore", "change")}
mapping = None
if way == "through a mapping":
    descriptor = os.open(file, os.O_RDWR)
    mapping = mmap.mmap(descriptor, states["restore"][0])
    # Its pages are dirty from now on, as those of a program that mapped the file for writing long ago.
    for at, content in states["restore"][1]:
        mapping[at : at + len(content)] = content


def write(path: str, length: int, pieces) -> None:
    with open(path, "r+b") as out:
        for at, content in pieces:
            out.seek(at)
            out.write(content)
        out.truncate(length)


def put(name: str) -> None:
    global count
    count += 1
    length, pieces = states[name]
    if mapping is not None:
        for at, content in pieces:
            mapping[at : at + len(content)] = content
    elif way == "in place":
        write(file, length, pieces)
    else:
        coming = f"{file}.coming"
        subprocess.run(["cp", "--sparse=auto", "--dereference", file, coming], check=True)
        write(coming, length, pieces)
        if way == "by link":
            target = f"{folder}/target-{count}"
            os.replace(coming, target)
            os.symlink(target, coming)
        os.replace(coming, file)
    if keeps_time == "yes":
        os.utime(file, (OLD, OLD))


print("ready", flush=True)
for number, line in enumerate(sys.stdin, 1):
    what, *times = line.split()
    if what == "during":
        at, back = map(float, times)
        time.sleep(at)
        put("change")
        if back >= 0:
            time.sleep(back)
            put("restore")
    else:
        put(what)
    print(f"done {number}", flush=True)
