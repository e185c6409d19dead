"""
The index of the installed lm-evaluation-harness, kept in its environment: the harness makes it of all of its 14,683 YAML
files at each start, which takes seconds of processor time.

A kept index is read where it was made of the same files, by their paths, sizes and times, by the same version of the
harness and of the library that reads YAML. A Python that is no environment of its own (that of the system) keeps none.
"""

import functools
import gzip
import hashlib
import importlib.metadata
import json
import os
import sys
import tempfile
import zlib
from pathlib import Path

FILE = "uncurl-harness-index.json.gz"


def package_folder():
    """Folder of the tasks of the installed harness."""
    import lm_eval.tasks

    return Path(lm_eval.tasks.__file__).resolve().parent


def kept_file():
    """Where the index is kept; None where this Python belongs to the system."""
    is_environment = sys.prefix != sys.base_prefix or os.path.isdir(os.path.join(sys.prefix, "conda-meta"))
    return os.path.join(sys.prefix, FILE) if is_environment else None


def state_of(folder):
    """All that an index of a folder follows from. Documents include others by any name: every file of it counts."""
    import yaml

    versions = [importlib.metadata.version("lm_eval"), yaml.__version__, str(yaml.__with_libyaml__)]
    state = hashlib.sha256("\0".join(versions).encode())
    for at, folders, files in os.walk(folder.resolve()):
        folders[:] = sorted(set(folders) - {"__pycache__"})
        for name in sorted(files):
            path = os.path.join(at, name)
            stat = os.stat(path)
            state.update(os.fsencode(f"\0{path}\0{stat.st_size}\0{stat.st_mtime_ns}"))
    return state.hexdigest()


def read_index(folder, file, state):
    """The kept index; None where there is none of this state."""
    from lm_eval.tasks._index import Entry, Kind

    try:
        with gzip.open(file, "rt", encoding="utf-8") as text:
            kept = json.load(text)
        if kept["state"] != state:
            return None
        return {
            name: Entry(name, Kind[kind], None if path is None else folder / path, config, set(tags))
            for name, kind, path, config, tags in kept["entries"]
        }
    # None yet, or one that is cut off or damaged: it is made again.
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError):
        return None


def keep_index(index, folder, file, state):
    """Keeps an index, as far as its environment may be written to; not where JSON would change a setting."""
    entries = [
        (
            name,
            entry.kind.name,
            None if entry.yaml_path is None else entry.yaml_path.relative_to(folder).as_posix(),
            entry.cfg,
            sorted(entry.tags),
        )
        for name, entry in index.items()
    ]
    try:
        text = json.dumps({"state": state, "entries": entries})
        if [entry[3] for entry in json.loads(text)["entries"]] != [entry[3] for entry in entries]:
            return
        with tempfile.TemporaryDirectory(dir=os.path.dirname(file), prefix=".uncurl-") as written:
            whole = os.path.join(written, "index")
            with open(whole, "wb") as bytes_of:
                bytes_of.write(gzip.compress(text.encode(), compresslevel=1))
            os.replace(whole, file)
    # Somebody else's environment, or a setting that is no JSON: the next start reads the documents again.
    except (OSError, TypeError, ValueError):
        return


def index_of(folder, file, build):
    """The index of a folder of tasks as `build`, the harness's own, makes it; kept in a file unless that is None."""
    if file is None:
        return build([folder])
    state = state_of(folder)
    kept = read_index(folder, file, state)
    if kept is not None:
        return kept
    made = build([folder])
    keep_index(made, folder, file, state)
    return made


def use_kept_index():
    """Lets the harness take the index of its installed tasks from the kept one; other folders it reads itself."""
    from lm_eval.tasks._index import TaskIndex

    plain, package = TaskIndex.build, package_folder()
    installed = functools.cache(lambda folder: index_of(folder, kept_file(), plain))

    def build(paths, **settings):
        index = {}
        # As the harness does: an entry of a later folder replaces that of an earlier one.
        for path in paths:
            is_installed = not settings and path.resolve() == package
            index.update(installed(path) if is_installed else plain([path], **settings))
        return index

    TaskIndex.build = staticmethod(build)
