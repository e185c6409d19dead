"""
What the times of a file do when it is written through a shared mapping: python3 mapped-writes.py FOLDER...

Prints for each folder which writes move the modification or the change time. main/checkpoint/hash-cache.ts lists the
file systems where every write after an fsync does, of pages that were dirty before too; hashes are kept there alone.
"""
import mmap
import os
import sys
import time

SIZE = 1 << 20


def times(file: str) -> tuple[int, int]:
    state = os.stat(file)
    return state.st_mtime_ns, state.st_ctime_ns


def measure(folder: str) -> None:
    file = os.path.join(folder, f"mapped-writes-{os.getpid()}")
    with open(file, "wb") as out:
        out.write(bytes(SIZE))
    reader = os.open(file, os.O_RDONLY)
    writer = os.open(file, os.O_RDWR)
    mapping = mmap.mmap(writer, SIZE)

    def moves(what: str, page: int, pause: float = 0.05) -> None:
        before = times(file)
        time.sleep(pause)
        mapping[page * 4096] = (mapping[page * 4096] + 1) % 256
        print(f"  {what:58} {'moves' if times(file) != before else 'does not move'} the times")

    print(folder)
    moves("the first write through a mapping", 0)
    moves("a second write to the page, which is dirty", 0)
    moves("a write to another page", 2)
    os.fsync(reader)
    moves("a write to a dirty page, after an fsync by a reader", 0)
    os.fsync(reader)
    before = times(file)
    os.pread(reader, SIZE, 0)
    time.sleep(2.1)
    print(f"  {'fsync, two seconds, no write':58} {'moves' if times(file) != before else 'does not move'} the times")
    same = 0
    for _ in range(200):
        os.fsync(reader)
        before = times(file)
        mapping[0] = (mapping[0] + 1) % 256
        same += before == times(file)
    print(f"  {'writes at once after fsync and stat that move nothing':58} {same} of 200")
    os.utime(file, ns=(before[0], before[0]))
    print(f"  {'the change time after the modification time was set':58} {'moved' if times(file)[1] != before[1] else 'same'}")
    os.close(writer)
    os.rename(file, f"{file}.moved")
    os.rename(f"{file}.moved", file)
    os.fsync(reader)
    moves("a write through a mapping whose descriptor is closed", 0)
    mapping.close()
    os.close(reader)
    os.unlink(file)


for each in sys.argv[1:]:
    measure(each)
