"""Ghosts (experts that give zero) beside folded gates, and beside as many real experts more, with transformers alone.

    python ghosts.py MODEL ITEMS [ITEMS ...] --keep 16,8 [--ghosts 1,4] [--out FILE]

A ghost is one more expert with zero weights. The rows of n ghosts in the router are alike, fitted by least squares on
the calibration tokens to the logarithm of the probability of the deleted experts, less log n: together they have that
probability, and the kept experts about the gates of the unpruned model. Any loader runs the result, at the memory of n
experts, so n more real experts with folded gates stand beside it. "taken": the share of choices that fall on a ghost;
"left": the root mean square of what the fit leaves in the worst layer, in nats. Models and items as for gates.py.
`--out` gets the right answers of every form, a bit for each item, in hexadecimal digits.
"""

import argparse
import json
import math
from pathlib import Path

import gates
import torch
from torch.nn import functional
from transformers import AutoModelForCausalLM, AutoTokenizer


class GhostLayer(gates.Layer):
    """A layer that also routes to ghosts."""

    def __init__(self, block):
        super().__init__(block)
        self.ghosts, self.row, self.seen = 0, None, []
        self.taken = self.choices = 0

    def route(self, hidden):
        if self.real is not None:
            self.seen.append(hidden.reshape(-1, hidden.shape[-1])[self.real].double())
        if self.mode != "ghost":
            return super().route(hidden)
        rows = hidden.reshape(-1, hidden.shape[-1])
        logits = functional.linear(rows, self.router.weight)
        ghosts = (rows.double() @ self.row).to(logits.dtype)[:, None].expand(-1, self.ghosts)
        open_ = torch.cat([logits[:, self.kept], ghosts], 1)
        chosen = open_.topk(self.top, -1).indices
        weights = open_.float().softmax(-1).gather(-1, chosen)
        is_ghost = chosen >= len(self.kept)
        self.taken, self.choices = self.taken + int(is_ghost.sum()), self.choices + chosen.numel()
        experts = self.kept[chosen.clamp(max=len(self.kept) - 1)]
        return logits, weights.masked_fill(is_ghost, 0).to(logits.dtype), experts

    def fit(self, ghosts):
        """Fits the row of `ghosts` equal ghosts; returns the root mean square of what is left, in nats."""
        hidden = torch.cat(self.seen)
        logits = functional.linear(hidden, self.router.weight.double())
        deleted = torch.ones(self.count, dtype=torch.bool).index_fill(0, self.kept, False)
        wanted = logits[:, deleted].logsumexp(-1) - math.log(ghosts)
        self.ghosts, self.row = ghosts, torch.linalg.lstsq(hidden, wanted[:, None]).solution[:, 0]
        self.taken = self.choices = 0
        return float((hidden @ self.row - wanted).square().mean().sqrt())


def hexadecimal(bits):
    return f"{int(''.join(map(str, bits)), 2):0{-(-len(bits) // 4)}x}"


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("items", nargs="+", type=Path)
    parser.add_argument("--keep", required=True, help="kept experts per layer, separated by commas")
    parser.add_argument("--ghosts", default="1,4", help="numbers of ghosts, separated by commas")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    model = AutoModelForCausalLM.from_pretrained(given.model, dtype="float32").eval()
    tokenizer = AutoTokenizer.from_pretrained(given.model)
    blocks = [each for each in model.modules() if hasattr(each, "gate") and hasattr(each, "experts")]
    layers, lines = [GhostLayer(block) for block in blocks], []

    def run(pairs, observed=False):
        return gates.log_probabilities(model, tokenizer, layers, pairs, observed)

    def answers(mode, test):
        for layer in layers:
            layer.mode = mode
        return gates.measured(run, test)[0]

    for path in given.items:
        calibration, test = gates.read(path)
        for layer in layers:
            layer.mode, layer.seen = "whole", []
            layer.clear()
        run([(item["context"], item["choices"][item["answer"]]) for item in calibration], observed=True)
        for method in ("frequency", "reap"):
            for number in map(int, given.keep.split(",")):

                def keep(count):
                    for layer in layers:
                        layer.keep(method, count)

                keep(number)
                right, words = {"folded": answers("folded", test)}, []
                for ghosts in map(int, given.ghosts.split(",")):
                    keep(number)
                    left = max(layer.fit(ghosts) for layer in layers)
                    right[f"ghosts-{ghosts}"] = answers("ghost", test)
                    taken = sum(layer.taken for layer in layers) / sum(layer.choices for layer in layers)
                    words.append(f"{ghosts} ghosts taken {taken:.0%}, left {left:.2f}")
                    keep(number + ghosts)
                    right[f"experts-{ghosts}"] = answers("folded", test)
                words = [f"{name} {sum(each) / len(test):.1%}" for name, each in right.items()] + words
                print(f"{path.stem}: {method}, {number} kept: {', '.join(words)}", flush=True)
                names = {"model": Path(given.model).name, "items": path.stem, "method": method, "kept": number}
                bits = {name: hexadecimal(each) for name, each in right.items()}
                lines.append(json.dumps(names | {"count": len(test), "right": bits}))
    if given.out:
        given.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
