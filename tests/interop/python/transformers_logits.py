"""Logits of exported models in transformers: as loaded, and again after save_pretrained.

usage: transformers_logits.py JOBS
JOBS: JSON list of {"name", "folder", "tokens", "saved", "output"}. Per job, `output` gets `loaded.i` and `reloaded.i`
[T, V] float32 for every sequence i of `tokens`, and `saved` the folder that save_pretrained writes. Prints one JSON line
per job: {"name", "missing", "unexpected", "mismatched", "error"}; the lists are those of the stock loader.
"""

import gc
import json
import sys
import traceback
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    FineGrainedFP8Config,
    Mxfp4Config,
)

DEQUANTISED = {"fp8": FineGrainedFP8Config(dequantize=True), "mxfp4": Mxfp4Config(dequantize=True)}


def load(folder):
    """The model in float32 on the CPU with dequantised weights, and the loader's report on its tensors."""
    config = AutoConfig.from_pretrained(folder)
    quantisation = getattr(config, "quantization_config", None)
    options = {} if quantisation is None else {"quantization_config": DEQUANTISED[quantisation["quant_method"]]}
    # Some models of text and images have no class for their text alone.
    is_text = type(config) in AutoModelForCausalLM._model_mapping.keys()
    model, loading = (AutoModelForCausalLM if is_text else AutoModelForImageTextToText).from_pretrained(
        folder,
        dtype=torch.float32,
        attn_implementation="eager",
        experts_implementation="eager",
        output_loading_info=True,
        **options,
    )
    return model.eval(), loading


def logits(model, sequences, prefix):
    with torch.inference_mode():
        return {
            f"{prefix}.{index}": model(input_ids=torch.tensor([tokens]), use_cache=False).logits[0].float().contiguous()
            for index, tokens in enumerate(sequences)
        }


def run(job):
    model, loading = load(job["folder"])
    results = logits(model, job["tokens"], "loaded")
    model.save_pretrained(job["saved"])
    reloaded, _ = load(job["saved"])
    results.update(logits(reloaded, job["tokens"], "reloaded"))
    save_file(results, job["output"])
    return {kind: sorted(map(str, loading[f"{kind}_keys"])) for kind in ("missing", "unexpected", "mismatched")}


def run_jobs(run):
    """Runs the jobs of the file that the command line names, and prints a JSON line for each."""
    torch.set_num_threads(1)
    for job in json.loads(Path(sys.argv[1]).read_text()):
        try:
            outcome = {**run(job), "error": None}
        except Exception:  # A model that does not load must not hide the results of the others.
            outcome = {"missing": [], "unexpected": [], "mismatched": [], "error": traceback.format_exc(limit=-3)}
        print(json.dumps({"name": job["name"], **outcome}), flush=True)
        gc.collect()


if __name__ == "__main__":
    run_jobs(run)
