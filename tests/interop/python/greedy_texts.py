"""Whether texts are those that a model writes where it always takes the likeliest token, but for ties.

usage: greedy_texts.py JOBS
JOBS: JSON list of {"model", "context", "text", "until", "most", "ulps", "same"}. The reference is float32 torch on the whole
prefix, without a cache. A token may be taken where its logit lies at most "ulps" units in the last place of the row's
largest logit below the best one. "same": pairs of tokens; the second gets the first one's row of the output projection, times
a factor ([first, second, factor]), so that a test knows where ties are. Prints one JSON line per job: {"follows": whether such
tokens give exactly the text, "ties": [{"token", "gap", "bound"}, ..] of the steps with a choice on the way to it, "tokens" of
that way, "written": the text}. A text of null is that of the likeliest tokens.
"""

import json
import math
import sys

import torch
from harness_tasks import model_of

# Ties are rare: a text with more ways than these to be written is none that a test can say something about.
MOST_WAYS = 64


def logits_of(lm, tokens):
    with torch.no_grad():
        return lm.model(torch.tensor([tokens])).logits[0, -1]


def candidates(row, ulps):
    """Tokens that may be taken, the best first, the gap to the second and its bound."""
    bound = ulps * 2.0 ** (math.floor(math.log2(row.abs().max().item())) - 23)
    values, tokens = row.topk(min(MOST_WAYS, len(row)))
    gaps = [values[0].item() - value for value in values.tolist()]
    return [token for token, gap in zip(tokens.tolist(), gaps) if gap <= bound], gaps[1], bound


def ways(lm, job):
    """Every way to write the prompt's answer by tied tokens that agrees with the text so far: (text, ties, tokens)."""
    until = [*job["until"], lm.tok_decode(lm.eot_token_id, skip_special_tokens=False)]
    context, _ = lm.tok_batch_encode([job["context"]], left_truncate_len=lm.max_length - job["most"])
    prompt = context[0].tolist()
    open_ways, seen = [([], [])], 0
    while open_ways:
        own, ties = open_ways.pop()
        while True:
            text = lm.tok_decode(own)
            if len(own) == job["most"] or own[-1:] == [lm.eot_token_id] or any(stop in text for stop in until):
                for stop in until:
                    text = text.split(stop)[0]
                yield text, ties, own
                seen += 1
                break
            # A character of several tokens is not there yet.
            begun = text.rstrip("\ufffd")
            if job["text"] is not None and not (job["text"].startswith(begun) or begun.startswith(job["text"])):
                break
            tokens, gap, bound = candidates(logits_of(lm, prompt + own), job["ulps"])
            if len(tokens) > 1:
                ties = [*ties, {"token": len(own), "gap": gap, "bound": bound}]
                open_ways.extend(([*own, token], ties) for token in tokens[1:])
                if len(open_ways) + seen > MOST_WAYS:
                    raise RuntimeError(f"more than {MOST_WAYS} ways to write {job['text']!r}")
            own = [*own, tokens[0]]


def main():
    torch.set_num_threads(1)
    for job in json.load(open(sys.argv[1])):
        lm = model_of(job["model"])
        for first, second, factor in job.get("same", []):
            rows = lm.model.lm_head.weight.data
            rows[second] = rows[first] * factor
        found = next((way for way in ways(lm, job) if job["text"] in (None, way[0])), None)
        text, ties, tokens = found or (job["text"], [], [])
        print(json.dumps({"follows": found is not None, "ties": ties, "tokens": tokens, "written": text}))


main()
