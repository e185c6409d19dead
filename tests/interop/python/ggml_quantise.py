"""The SHA-256 of float32 values that llama.cpp's own quantiser (ggml_quantize_chunk) wrote as a type, per job.

A job: `library` (libggml-base), `file` (float32 values, rows of 256), `type` (its number), `bytes` (of the result).
"""

import ctypes
import hashlib
import json
import sys

COLUMNS = 256


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        jobs = json.load(file)
    for job in jobs:
        quantise = ctypes.CDLL(job["library"]).ggml_quantize_chunk
        quantise.restype = ctypes.c_size_t
        quantise.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int64] * 3, ctypes.c_void_p]
        with open(job["file"], "rb") as file:
            values = file.read()
        source = ctypes.create_string_buffer(values, len(values))
        out = ctypes.create_string_buffer(job["bytes"])
        written = quantise(job["type"], source, out, 0, len(values) // (4 * COLUMNS), COLUMNS, None)
        if written != job["bytes"]:
            raise RuntimeError(f"type {job['type']}: {written} bytes instead of {job['bytes']}")
        print(json.dumps({"sha256": hashlib.sha256(out.raw).hexdigest()}))


main()
