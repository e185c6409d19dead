"""Bare transformers on the batches of the engine torch: the same passes, without its process and its frames.

usage: batches.py MODEL BATCHES DTYPE WORKER
BATCHES: {"prefix": [token], "batches": [{"isBehind", "trunks", "branches", "parents", "trunkRows", "branchRows",
"inRows"}]}, with "inRows" null or {"tokens", "places", "trees", "branches", "scores"}: the same in one pass.
Answers each line with the milliseconds of processor time that all batches took. The experts are those of WORKER, so
that what is compared is the rest.
"""

import copy
import json
import os
import sys
import time
from pathlib import Path

folder, batches_file, dtype, worker_file = sys.argv[1:5]
# The worker moves its answers away from the standard output, which is needed here.
ours = os.fdopen(os.dup(1), "w")
worker = {"__name__": "worker"}
exec(compile(Path(worker_file).read_text(), worker_file, "exec"), worker)
torch = worker["torch"]
torch.set_num_threads(1)
torch.set_grad_enabled(False)
model = worker["AutoModelForCausalLM"].from_pretrained(folder, dtype=getattr(torch, dtype)).eval()
model.set_experts_implementation(worker["EXPERT_BY_EXPERT"])
work = json.loads(Path(batches_file).read_text())


def scores(states, rows):
    rows = torch.tensor(rows)
    logits = model.lm_head(states[rows[:, 0], rows[:, 1]]).float()
    return torch.log_softmax(logits, -1).gather(1, rows[:, 2:])[:, 0], logits.argmax(-1) == rows[:, 2]


def in_one_pass(rows, prefix, begun):
    def padded(name):
        longest = max(map(len, rows[name]))
        return torch.tensor([row + [0] * (longest - len(row)) for row in rows[name]])

    tokens, places, trees, branches = map(padded, ("tokens", "places", "trees", "branches"))
    cache, before = None, 0
    if prefix is not None:
        cache, before = copy.deepcopy(prefix), begun
        cache.batch_repeat_interleave(len(tokens))
    own = (branches[:, None] == 0) | (branches[:, :, None] == branches[:, None])
    sees = own & (trees[:, :, None] == trees[:, None]) & (places[:, :, None] >= places[:, None])
    sees = torch.nn.functional.pad(sees, (before, 0), value=True)[:, None]
    mask = torch.zeros(sees.shape, dtype=model.dtype).masked_fill_(~sees, torch.finfo(model.dtype).min)
    with worker["unpadded"](trees > 0):
        result = model.model(
            input_ids=tokens,
            attention_mask=mask,
            position_ids=before + places,
            past_key_values=cache,
            use_cache=cache is not None,
        )
    scores(result.last_hidden_state, rows["scores"])


def run():
    prefix = None
    if work["prefix"]:
        prefix = model.model(input_ids=torch.tensor([work["prefix"]]), use_cache=True).past_key_values
    begun = len(work["prefix"])
    for batch in work["batches"]:
        if batch["inRows"]:
            in_one_pass(batch["inRows"], prefix if batch["isBehind"] else None, begun)
            continue
        trunks, branches = batch["trunks"], batch["branches"]
        width = max(map(len, trunks))
        padding = torch.tensor([[width - len(trunk)] for trunk in trunks])
        cache = None
        before = begun if batch["isBehind"] else 0
        if before:
            cache = copy.deepcopy(prefix)
            cache.batch_repeat_interleave(len(trunks))
        tokens = torch.tensor([[0] * (width - len(trunk)) + trunk for trunk in trunks])
        places = torch.arange(width)[None]
        mask = torch.cat([torch.ones(len(trunks), before).long(), (places >= padding).long()], 1)
        with worker["unpadded"](places >= padding):
            result = model.model(
                input_ids=tokens,
                attention_mask=mask,
                position_ids=(before + places - padding).clamp(min=0),
                past_key_values=cache,
                use_cache=True,
            )
        if batch["trunkRows"]:
            rows = [[row, place + int(padding[row, 0]), token] for row, place, token in batch["trunkRows"]]
            scores(result.last_hidden_state, rows)
        if not branches:
            continue
        cache, parents = result.past_key_values, torch.tensor(batch["parents"])
        cache.batch_select_indices(parents)
        longest = max(map(len, branches))
        tokens = torch.tensor([branch + [0] * (longest - len(branch)) for branch in branches])
        follow = torch.arange(longest)[None]
        lengths = torch.tensor([[len(branch)] for branch in branches])
        with worker["unpadded"](follow < lengths):
            result = model.model(
                input_ids=tokens,
                attention_mask=torch.cat([mask[parents], torch.ones_like(tokens)], 1),
                position_ids=before + (width - padding)[parents] + follow,
                past_key_values=cache,
                use_cache=True,
            )
        scores(result.last_hidden_state, batch["branchRows"])


for _ in sys.stdin:
    start = time.process_time()
    run()
    print(1000 * (time.process_time() - start), file=ours, flush=True)
