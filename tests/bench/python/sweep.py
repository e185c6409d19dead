"""The usual pruning loop: observe with hooks, slice, save, reload, score with lm-evaluation-harness.

usage: sweep.py MODEL KEPT TASK_FOLDER... [--methods frequency,reap] [--dtype float32|bfloat16] [--threads N]
KEPT: numbers of kept experts, separated by commas. Prints one JSON line per point: {"task", "method", "kept", "acc"}.
Everything runs in the dtype: calibration, saved checkpoints, scores.
"""

import argparse
import json
import tempfile
from pathlib import Path

import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from transformers import AutoModelForCausalLM, AutoTokenizer


def read_items(path):
    """Items of a JSONL file: {"id", "context", "choices", "answer"}."""
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def load(folder, dtype):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, experts_implementation="eager").eval()


def observe(model, tokenizer, items, method):
    """Scores of each layer's experts, of which the largest are kept: list over layers of [E].

    frequency: how often the router chooses the expert. reap: mean over the tokens routed to it of its combine weight
    (renormalised over the top-k, as Mixtral does) times the norm of its output.
    """
    experts, top_k = model.config.num_local_experts, model.config.num_experts_per_tok
    counts = [torch.zeros(experts, dtype=torch.long) for _ in model.model.layers]
    sums = [torch.zeros(experts, dtype=torch.float64) for _ in model.model.layers]

    def hook(layer):
        moe = model.model.layers[layer].mlp
        weight = moe.gate.weight

        def count(_module, inputs):
            hidden = inputs[0].reshape(-1, weight.shape[1])
            top = torch.softmax((hidden @ weight.T).float(), dim=-1).topk(top_k, dim=-1)
            counts[layer] += torch.bincount(top.indices.flatten(), minlength=experts)
            if method == "reap":
                gates = top.values / top.values.sum(-1, keepdim=True)
                for expert in top.indices.unique().tolist():
                    rows, places = (top.indices == expert).nonzero(as_tuple=True)
                    gate, up = (hidden[rows] @ moe.experts.gate_up_proj[expert].T).chunk(2, dim=-1)
                    output = (torch.nn.functional.silu(gate) * up) @ moe.experts.down_proj[expert].T
                    sums[layer][expert] += (gates[rows, places] * output.float().norm(dim=-1)).sum()

        return count

    handles = [layer.mlp.register_forward_pre_hook(hook(index)) for index, layer in enumerate(model.model.layers)]
    with torch.inference_mode():
        for item in items:
            tokens = tokenizer(item["context"] + item["choices"][item["answer"]], return_tensors="pt").input_ids
            model(input_ids=tokens, use_cache=False)
    for handle in handles:
        handle.remove()
    if method == "frequency":
        return counts
    return [total / count.clamp(min=1) for total, count in zip(sums, counts)]


def prune(folder, dtype, scores, kept, destination):
    """Keeps the `kept` experts of each layer that rank first and saves the smaller model."""
    model = load(folder, dtype)
    for layer, score in zip(model.model.layers, scores):
        keep = torch.sort(torch.sort(score, descending=True, stable=True).indices[:kept]).values
        moe = layer.mlp
        moe.gate.weight = torch.nn.Parameter(moe.gate.weight[keep])
        moe.experts.gate_up_proj = torch.nn.Parameter(moe.experts.gate_up_proj[keep])
        moe.experts.down_proj = torch.nn.Parameter(moe.experts.down_proj[keep])
    model.config.num_local_experts = kept
    model.save_pretrained(destination)


def accuracy(folder, dtype, tokenizer, items):
    """Share of items whose right choice has the largest summed log-likelihood."""
    harness = HFLM(pretrained=load(folder, dtype), tokenizer=tokenizer, batch_size=64)
    requests = [
        Instance("loglikelihood", {}, (item["context"], choice), index)
        for item in items
        for index, choice in enumerate(item["choices"])
    ]
    scores = iter(harness.loglikelihood(requests, disable_tqdm=True))
    right = 0
    for item in items:
        sums = [next(scores)[0] for _ in item["choices"]]
        right += sums.index(max(sums)) == item["answer"]
    return right / len(items)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("kept")
    parser.add_argument("tasks", nargs="+")
    parser.add_argument("--methods", default="frequency")
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--threads", type=int, default=None)
    arguments = parser.parse_args()
    dtype = getattr(torch, arguments.dtype)
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    for task in map(Path, arguments.tasks):
        test = read_items(task / "test.jsonl")
        for method in arguments.methods.split(","):
            calibration = read_items(task / "calibration.jsonl")
            scores = observe(load(arguments.model, dtype), tokenizer, calibration, method)
            for kept in map(int, arguments.kept.split(",")):
                with tempfile.TemporaryDirectory() as folder:
                    prune(arguments.model, dtype, scores, kept, folder)
                    acc = accuracy(folder, dtype, tokenizer, test)
                    print(json.dumps({"task": task.name, "method": method, "kept": kept, "acc": acc}), flush=True)


if __name__ == "__main__":
    main()
