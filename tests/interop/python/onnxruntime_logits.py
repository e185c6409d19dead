"""Logits of exported graphs in onnxruntime, opened as any user would, with its default settings.

usage: onnxruntime_logits.py JOBS
JOBS: JSON list of {"name", "folder", "tokens", "output"}. Per job, `output` gets `alone.i`, `right.i` and `left.i`
[T, V] float32 for every sequence i of `tokens`: run alone, and with all others in one batch padded on that side.
Prints one JSON line per job: {"name", "inputs", "outputs", "error"}; inputs and outputs as name -> [type, shape].
"""

import json
import sys
import traceback
from pathlib import Path

import numpy as np
import onnxruntime
from safetensors.numpy import save_file


def padded(sequences, side):
    """Token ids and mask [B, S] of all sequences, one position longer than the longest, and the start of each."""
    slots = max(map(len, sequences)) + 1
    ids, mask = np.zeros((len(sequences), slots), np.int64), np.zeros((len(sequences), slots), np.int64)
    starts = [slots - len(tokens) if side == "left" else 0 for tokens in sequences]
    for row, (tokens, start) in enumerate(zip(sequences, starts)):
        ids[row, start : start + len(tokens)] = tokens
        mask[row, start : start + len(tokens)] = 1
    return ids, mask, starts


def run(job):
    session = onnxruntime.InferenceSession(Path(job["folder"]) / "model.onnx", providers=["CPUExecutionProvider"])
    sequences, results = job["tokens"], {}

    def logits(ids, mask):
        return session.run(["logits"], {"input_ids": ids, "attention_mask": mask})[0]

    for index, tokens in enumerate(sequences):
        ids = np.array([tokens], np.int64)
        results[f"alone.{index}"] = logits(ids, np.ones_like(ids))[0]
    for side in ("right", "left"):
        ids, mask, starts = padded(sequences, side)
        batch = logits(ids, mask)
        for index, (tokens, start) in enumerate(zip(sequences, starts)):
            results[f"{side}.{index}"] = np.ascontiguousarray(batch[index, start : start + len(tokens)])
    save_file(results, job["output"])
    describe = lambda values: {value.name: [value.type, value.shape] for value in values}
    return {"inputs": describe(session.get_inputs()), "outputs": describe(session.get_outputs())}


def main():
    for job in json.loads(Path(sys.argv[1]).read_text()):
        try:
            outcome = {**run(job), "error": None}
        except Exception:  # A graph that does not open must not hide the results of the others.
            outcome = {"inputs": {}, "outputs": {}, "error": traceback.format_exc(limit=-3)}
        print(json.dumps({"name": job["name"], **outcome}), flush=True)


if __name__ == "__main__":
    main()
