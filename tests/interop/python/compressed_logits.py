"""Logits of folders of compressed-tensors in transformers, in float32 on the CPU.

usage: compressed_logits.py JOBS
JOBS: JSON list of {"name", "folder", "tokens", "output"}. Per job, `output` gets `loaded.i` [T, V] float32 for every
sequence i of `tokens`. Prints one JSON line per job: {"name", "missing", "unexpected", "mismatched", "error"}; the
lists are those of the stock loader. Needs the package compressed-tensors.
"""

import json
import sys
import traceback
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM
from transformers_logits import logits


def run(job):
    model, loading = AutoModelForCausalLM.from_pretrained(
        job["folder"],
        dtype=torch.float32,
        attn_implementation="eager",
        experts_implementation="eager",
        output_loading_info=True,
    )
    # Matrices outside of experts are decompressed before the first pass, in the dtype of their scales.
    for hook in list(model._forward_pre_hooks.values()):
        hook(model, ())
    torch.nn.Module.float(model)
    save_file(logits(model.eval(), job["tokens"], "loaded"), job["output"])
    return {kind: sorted(map(str, loading[f"{kind}_keys"])) for kind in ("missing", "unexpected", "mismatched")}


def main():
    torch.set_num_threads(1)
    for job in json.loads(Path(sys.argv[1]).read_text()):
        try:
            outcome = {**run(job), "error": None}
        except Exception:  # A model that does not load must not hide the results of the others.
            outcome = {"missing": [], "unexpected": [], "mismatched": [], "error": traceback.format_exc(limit=-3)}
        print(json.dumps({"name": job["name"], **outcome}), flush=True)


if __name__ == "__main__":
    main()
