"""Compares the batches of a fine-tuning's general stage with those that the bundled models were pretrained on.

    python general_batches.py JOBS.json

Each job names both source folders, the groups of (context, answer), a length and a number of
steps. Prints the number of tokens and loss weights that differ, and the number compared;
`resumed`: whether a stream started later continues like the whole one.
"""

import json
import sys
from dataclasses import fields
from pathlib import Path

import torch


def compare(job):
    sys.path[:0] = [job["finetune"], job["training"]]
    from batches import draw_batches
    from finetune import Job, general_batches
    from tokenizer import build_vocabulary

    groups = job["groups"]
    vocabulary = build_vocabulary([context + answer for pairs in groups.values() for context, answer in pairs])
    ids_of = lambda text: [vocabulary[character] for character in text]
    given = {field.name: None for field in fields(Job)} | {
        "mixture": [
            [(ids_of(context + answer), len(context)) for context, answer in pairs] for pairs in groups.values()
        ],
        "length": job["length"],
        "end": vocabulary["\n"],
        "seed": 0,
    }
    ours = general_batches(Job(**given), 0, 0)
    late = general_batches(Job(**given), 0, job["steps"] - 1)
    # Inputs are one token shorter: the recipe stores the next token separately.
    theirs = draw_batches(groups, vocabulary, 48, job["length"] - 1, 0)
    different = compared = 0
    for _ in range(job["steps"]):
        ids, _, labels, weights = next(ours)
        inputs, targets, counts = next(theirs)
        different += (ids[:, :-1] != inputs).sum() + (labels[:, 1:] != targets).sum()
        different += (weights[:, 1:] != counts).sum()
        compared += counts.numel()
    resumed = all(torch.equal(left, right) for left, right in zip(next(late), (ids, torch.ones_like(ids), labels, weights)))
    return {"different": int(different), "compared": compared, "resumed": resumed}


for line in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
    print(json.dumps(compare(line)))
