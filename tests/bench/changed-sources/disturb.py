"""
Changes a file of a model in another way each time, at any moment of the process that reads it: python3 disturb.py FILE
WAY KEEPS_TIME ORIGINAL CHANGED. ORIGINAL and CHANGED contain the first bytes of the file before and after the change;
the rest of it stays. Reads lines: "change", "restore", or "during AT BACK" (seconds; a negative BACK: not restored).
Answers each with a line: "done" and its number.
"""
import mmap
import os
import sys
import time

file, way, keeps_time, original, changed = sys.argv[1:]
contents = {"restore": open(original, "rb").read(), "change": open(changed, "rb").read()}
rest = os.stat(file).st_size - len(contents["restore"])
OLD = 1_700_000_000
count = 0
mapping = None
if way == "through a mapping":
    descriptor = os.open(file, os.O_RDWR)
    mapping = mmap.mmap(descriptor, len(contents["restore"]))
    # Its pages are dirty from now on, as those of a program that mapped the file for writing long ago.
    for at in range(0, len(mapping), 4096):
        mapping[at] = mapping[at]


def fresh(path: str, content: bytes) -> None:
    with open(path, "wb") as out:
        out.write(content)
        out.truncate(len(content) + rest)


def put(content: bytes) -> None:
    global count
    count += 1
    if mapping is not None:
        for at in range(0, len(mapping), 4096):
            if mapping[at : at + 4096] != content[at : at + 4096]:
                mapping[at : at + 4096] = content[at : at + 4096]
    elif way == "in place":
        with open(file, "r+b") as out:
            out.write(content)
            if rest == 0:
                out.truncate(len(content))
    else:
        coming = f"{file}.coming"
        fresh(coming, content)
        if way == "by link":
            target = f"{original}.target-{count}"
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
        put(contents["change"])
        if back >= 0:
            time.sleep(back)
            put(contents["restore"])
    else:
        put(contents[what])
    print(f"done {number}", flush=True)
