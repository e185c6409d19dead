"""What deleting experts does to the gates of the others, measured with transformers alone.

    python gates.py MODEL ITEMS [ITEMS ...] --keep 32,16 [--out FILE] [--dtype bfloat16] [--device cuda]

MODEL is a folder or a name such as allenai/OLMoE-1B-7B-0125 whose router is a softmax over all experts and not
renormalised. ITEMS are folders with calibration.jsonl and test.jsonl, or files of which the first half calibrates; a
line is {"context": "...", "choices": ["...", ...], "answer": 0}. Experts are kept by frequency and by REAP. Prints the
accuracy and the mean loss of the right answers, in nats: as deleted (gates p / m), with one factor per layer (the mean
of m, the probability that the kept experts had), and with the gates of the unpruned model. `--out` gets every answer.
"""

import argparse
import json
from pathlib import Path

import torch
from torch.nn import functional
from transformers import AutoModelForCausalLM, AutoTokenizer


class Layer:
    """Takes the place of a router's forward: logits [N, E], gates [N, K] and experts [N, K] of N tokens."""

    def __init__(self, block):
        self.router, self.experts = block.gate, block.experts
        self.count, self.top = self.router.weight.shape[0], self.router.top_k
        self.mode, self.kept, self.factor, self.real = "whole", [], 1.0, None
        self.run, self.router.forward, self.experts.forward = self.experts.forward, self.route, self.observe
        self.clear()

    def clear(self):
        self.tokens = 0
        self.chosen, self.mass, self.saliency = torch.zeros(3, self.count, dtype=torch.float64)

    def route(self, hidden):
        logits = functional.linear(hidden.reshape(-1, hidden.shape[-1]), self.router.weight)
        open_ = logits
        if self.mode != "whole":
            open_ = torch.full_like(logits, -torch.inf).index_copy(1, self.kept, logits[:, self.kept])
        choice = open_.topk(self.top, -1).indices
        gates = (logits if self.mode == "trained" else open_).float().softmax(-1).gather(-1, choice)
        if self.mode == "folded":
            gates = gates * self.factor  # the same as the down projections of the kept experts times the factor
        if self.real is not None:
            self.tokens += int(self.real.sum())
            self.mass += logits.float().softmax(-1)[self.real].double().sum(0).cpu()
        return logits, gates.to(logits.dtype), choice

    def observe(self, hidden, choice, gates):
        for slot in range(self.top if self.real is not None else 0):
            alone = self.run(hidden, choice[:, slot : slot + 1], torch.ones_like(gates[:, :1]))
            norms = (alone.float().norm(dim=-1) * gates[:, slot])[self.real].double().cpu()
            experts = choice[self.real, slot].cpu()
            self.chosen.index_add_(0, experts, torch.ones_like(norms))
            self.saliency.index_add_(0, experts, norms)
        return self.run(hidden, choice, gates)

    def keep(self, method, number):
        """Keeps experts by a score; returns the mean probability that they had over the calibration tokens."""
        score = self.chosen if method == "frequency" else self.saliency / self.chosen.clamp(min=1)
        kept = score.sort(descending=True, stable=True).indices[:number].sort().values
        self.kept, self.factor = kept.to(self.router.weight.device), float(self.mass[kept].sum() / self.tokens)
        return self.factor


def layers_of(model):
    blocks = [each for each in model.modules() if hasattr(each, "gate") and hasattr(each, "experts")]
    if not blocks or getattr(blocks[0].gate, "norm_topk_prob", False):
        raise SystemExit("No router here is a softmax over all experts that is not renormalised: nothing to measure.")
    return [Layer(block) for block in blocks]


@torch.no_grad()
def log_probabilities(model, tokenizer, layers, pairs, observed=False, batch=64):
    """Returns the log-probability of each continuation after its context."""
    sums = []
    for start in range(0, len(pairs), batch):
        part_of = pairs[start : start + batch]
        rows = [[tokenizer.encode(text, add_special_tokens=False) for text in pair] for pair in part_of]
        length = max(len(context) + len(answer) for context, answer in rows)
        ids, part = torch.zeros(2, len(rows), length, dtype=torch.long, device=model.device)
        for row, (context, answer) in enumerate(rows):
            ids[row, : len(context) + len(answer)] = torch.tensor(context + answer)
            part[row, : len(context)], part[row, len(context) : len(context) + len(answer)] = 1, 2
        for layer in layers:
            layer.real = part.flatten() > 0 if observed else None
        logits = model(ids, attention_mask=(part > 0).long()).logits[:, :-1].float()
        each = logits.log_softmax(-1).gather(-1, ids[:, 1:, None])[..., 0]
        sums += (each * (part[:, 1:] == 2)).double().sum(-1).tolist()
    return sums


def asked(items):
    return [(item["context"], choice) for item in items for choice in item["choices"]]


def measured(run, items):
    """Returns which items are answered right, and the mean loss of the right answers."""
    scores, right, loss = iter(run(asked(items))), [], 0.0
    for item in items:
        own = [next(scores) for _ in item["choices"]]
        right.append(int(own.index(max(own)) == item["answer"]))
        loss -= own[item["answer"]] / len(items)
    return right, loss


def read(path):
    files = [path / "calibration.jsonl", path / "test.jsonl"] if path.is_dir() else [path]
    parts = [[json.loads(line) for line in file.read_text("utf-8").splitlines()] for file in files]
    return parts if len(parts) == 2 else (parts[0][: len(parts[0]) // 2], parts[0][len(parts[0]) // 2 :])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("items", nargs="+", type=Path)
    parser.add_argument("--keep", required=True, help="kept experts per layer, separated by commas")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    model = AutoModelForCausalLM.from_pretrained(given.model, dtype=given.dtype).to(given.device).eval()
    tokenizer, layers, lines = AutoTokenizer.from_pretrained(given.model), layers_of(model), []

    def run(pairs, observed=False):
        return log_probabilities(model, tokenizer, layers, pairs, observed)

    for path in given.items:
        calibration, test = read(path)
        for layer in layers:
            layer.mode = "whole"
            layer.clear()
        run([(item["context"], item["choices"][item["answer"]]) for item in calibration], observed=True)
        whole = measured(run, test)
        print(f"{path.stem}: unpruned {sum(whole[0]) / len(test):.1%}, loss {whole[1]:.3f}", flush=True)
        for method in ("frequency", "reap"):
            for number in map(int, given.keep.split(",")):
                factors, right = [layer.keep(method, number) for layer in layers], {"unpruned": whole[0]}
                words = []
                for mode in ("deleted", "folded", "trained"):
                    for layer in layers:
                        layer.mode = mode
                    right[mode], loss = measured(run, test)
                    words.append(f"{mode} {sum(right[mode]) / len(test):.1%} ({loss:.3f})")
                print(f"{path.stem}: {method}, {number} kept: {', '.join(words)}", flush=True)
                names = {"model": Path(given.model).name, "items": path.stem, "method": method, "kept": number}
                answers = {mode: "".join(map(str, each)) for mode, each in right.items()}
                lines.append(json.dumps(names | {"factors": factors, "right": answers}))
    if given.out:
        given.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
