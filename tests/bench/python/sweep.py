"""The pruning loop as it is written today: observe with hooks, slice, save, reload, score with lm-evaluation-harness.

usage: sweep.py MODEL KEPT TASK_FOLDER... [--threads N]
KEPT: numbers of kept experts, separated by commas. Prints one JSON line per (task, kept): {"task", "kept", "acc"}.
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


def load(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, experts_implementation="eager").eval()


def observe(model, tokenizer, items):
    """How often the router of each layer chooses each expert: list over layers of counts [E]."""
    experts, top_k = model.config.num_local_experts, model.config.num_experts_per_tok
    counts = [torch.zeros(experts, dtype=torch.long) for _ in model.model.layers]

    def hook(layer):
        weight = model.model.layers[layer].mlp.gate.weight

        def count(_module, inputs):
            hidden = inputs[0].reshape(-1, weight.shape[1])
            chosen = (hidden @ weight.T).topk(top_k, dim=-1).indices
            counts[layer] += torch.bincount(chosen.flatten(), minlength=experts)

        return count

    handles = [layer.mlp.register_forward_pre_hook(hook(index)) for index, layer in enumerate(model.model.layers)]
    with torch.inference_mode():
        for item in items:
            tokens = tokenizer(item["context"] + item["choices"][item["answer"]], return_tensors="pt").input_ids
            model(input_ids=tokens, use_cache=False)
    for handle in handles:
        handle.remove()
    return counts


def prune(folder, counts, kept, destination):
    """Keeps the `kept` most used experts of each layer and saves the smaller model."""
    model = load(folder)
    for layer, count in zip(model.model.layers, counts):
        keep = torch.sort(torch.sort(count, descending=True, stable=True).indices[:kept]).values
        moe = layer.mlp
        moe.gate.weight = torch.nn.Parameter(moe.gate.weight[keep])
        moe.experts.gate_up_proj = torch.nn.Parameter(moe.experts.gate_up_proj[keep])
        moe.experts.down_proj = torch.nn.Parameter(moe.experts.down_proj[keep])
    model.config.num_local_experts = kept
    model.save_pretrained(destination)


def accuracy(folder, tokenizer, items):
    """Share of items whose right choice has the largest summed log-likelihood."""
    harness = HFLM(pretrained=load(folder), tokenizer=tokenizer, batch_size=64)
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
    parser.add_argument("--threads", type=int, default=None)
    arguments = parser.parse_args()
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    for task in map(Path, arguments.tasks):
        test = read_items(task / "test.jsonl")
        model = load(arguments.model)
        counts = observe(model, tokenizer, read_items(task / "calibration.jsonl"))
        for kept in map(int, arguments.kept.split(",")):
            with tempfile.TemporaryDirectory() as folder:
                prune(arguments.model, counts, kept, folder)
                print(json.dumps({"task": task.name, "kept": kept, "acc": accuracy(folder, tokenizer, test)}), flush=True)


if __name__ == "__main__":
    main()
