"""Fingerprints the Python that runs it: the interpreter and all installed packages.

    python uncurl_environment.py

prints the versions that the workbench asks for, and the fingerprint, as one JSON object.
"""

import hashlib
import importlib.util
import json
import os
import sys
import sysconfig

ASKED = ("torch", "transformers", "safetensors")
# Packages whose code takes part in every number, or changes how transformers loads a model where it is installed.
DECISIVE = ("torch", "transformers", "safetensors", "tokenizers", "accelerate", "peft", "huggingface_hub", "numpy")
# Files of an installation that say how it was made, not what was installed.
ABOUT_INSTALLING = ("INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json")
BLOCK_BYTES = 2**20

# Hashes by file and its state: a second look reads only what changed.
_known = {}


def hash_of_file(path, digest=None):
    """SHA-256 of a file; `digest`: of the bytes that this function makes of it."""
    state = os.stat(path)
    key = (path, digest)
    stamp = (state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino)
    if _known.get(key, (None,))[0] != stamp:
        _known[key] = (stamp, (digest or _content_hash)(path))
    return _known[key][1]


def _content_hash(path):
    whole = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(BLOCK_BYTES):
            whole.update(block)
    return whole.hexdigest()


def _record_hash(path):
    """SHA-256 of the lines that name a package's own files with their hashes, wherever it is installed.

    Scripts lie outside of the folder of packages and name the path of their Python; compiled files have no hash.
    """
    lines = []
    with open(path, encoding="utf-8", newline="") as file:
        for line in file.read().splitlines():
            name, _, rest = line.rpartition(",")[0].rpartition(",")
            is_own = not name.strip('"').startswith(("..", "/")) and os.path.basename(name) not in ABOUT_INSTALLING
            if rest and is_own:
                lines.append(line)
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def _sources_hash(folder):
    """SHA-256 of all Python files of a folder, for a package that no RECORD lists (an editable installation)."""
    whole = hashlib.sha256()
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if name.endswith(".py"):
                path = os.path.join(place, name)
                whole.update(f"{os.path.relpath(path, folder)}\0{hash_of_file(path)}\n".encode())
    return whole.hexdigest()


def _metadata_hash(entry):
    """SHA-256 of what describes an installed package: its RECORD, or what it has instead."""
    for name, digest in (("RECORD", _record_hash), ("PKG-INFO", None), ("METADATA", None)):
        path = os.path.join(entry, name)
        if os.path.isfile(path):
            return hash_of_file(path, digest)
    return hash_of_file(entry) if os.path.isfile(entry) else "nothing"


def _lists(site, folder):
    """Whether the RECORD of a package in `site` lists the package in `folder`."""
    name = os.path.basename(folder)
    for entry in sorted(os.listdir(site)):
        record = os.path.join(site, entry, "RECORD")
        if entry.endswith(".dist-info") and entry.lower().startswith(f"{name}-") and os.path.isfile(record):
            with open(record, encoding="utf-8") as file:
                return f"{name}/__init__.py," in file.read()
    return False


def packages():
    """Version and hash by name of each installed package, of code that starts with Python, and of the interpreter."""
    found = {}
    for site in sys.path:
        if not os.path.isdir(site):
            continue
        for entry in sorted(os.listdir(site)):
            path = os.path.join(site, entry)
            if entry.endswith((".dist-info", ".egg-info")):
                name, _, version = entry.rpartition(".")[0].partition("-")
                # Of two packages of one name the first is imported; what a library asks about may be the other one.
                known = found.get(name.lower())
                found[name.lower()] = f"{known} | " * (known is not None) + f"{version} {_metadata_hash(path)}"
            elif entry.endswith(".pth") and os.path.isfile(path):
                found.setdefault(entry, hash_of_file(path))
    for name in (*DECISIVE, "sitecustomize", "usercustomize"):
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None or not os.path.isfile(spec.origin):
            continue
        folder, file = os.path.split(spec.origin)
        if file != "__init__.py":
            found[f"{name} (code)"] = hash_of_file(spec.origin)
        elif not _lists(os.path.dirname(folder), folder):
            found[f"{name} (code)"] = _sources_hash(folder)
    found["python"] = f"{sys.version} {hash_of_file(os.path.realpath(sys.executable))}"
    library = os.path.join(sysconfig.get_config_var("LIBDIR") or "", sysconfig.get_config_var("LDLIBRARY") or "")
    if library.endswith((".so", ".dylib")) and os.path.isfile(library):
        found["python library"] = hash_of_file(os.path.realpath(library))
    return found


def fingerprint(found=None):
    """SHA-256 over `packages()`."""
    text = json.dumps(packages() if found is None else found, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def main():
    import importlib.metadata as metadata

    def version(name):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            return None

    versions = {"python": sys.version.split()[0], **{name: version(name) for name in ASKED}}
    print(json.dumps({**versions, "environment": fingerprint()}))


if __name__ == "__main__":
    main()
