"""Logits of folders of compressed-tensors in transformers, in float32 on the CPU.

usage: compressed_logits.py JOBS
JOBS: JSON list of {"name", "folder", "tokens", "output"}. Per job, `output` gets `loaded.i` [T, V] float32 for every
sequence i of `tokens`. Prints one JSON line per job: {"name", "missing", "unexpected", "mismatched", "error"}; the
lists are those of the stock loader. Needs the package compressed-tensors.
"""

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM
from transformers_logits import logits, run_jobs


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


if __name__ == "__main__":
    run_jobs(run)
