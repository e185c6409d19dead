"""Texts as lm-evaluation-harness cuts them after a model wrote them, with the tokens that the test planted.

usage: thinking.py JOBS
JOBS: JSON list of {"model", "thinkEnd" (a text, or the number of a token), "until", "tokens": [[token, ..], ..]}. Prints
one JSON line per job: {"texts"}.
"""

import json
import sys

import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from transformers import AutoModelForCausalLM, AutoTokenizer


def planted_model(job):
    model = AutoModelForCausalLM.from_pretrained(job["model"], dtype=torch.float32, experts_implementation="eager").eval()
    tokenizer = AutoTokenizer.from_pretrained(job["model"])

    class Planted(HFLM):
        def _model_generate(self, context, *_, **__):
            # The context of each request is its number.
            number = int(self.tok_decode(context[0].tolist()).strip())
            return torch.cat([context, torch.tensor([job["tokens"][number]])], dim=1)

    return Planted(pretrained=model, tokenizer=tokenizer, batch_size=1, think_end_token=job["thinkEnd"])


for job in json.load(open(sys.argv[1])):
    lm = planted_model(job)
    settings = {"until": job["until"], "max_gen_toks": 4, "do_sample": False}
    requests = [
        Instance(request_type="generate_until", doc={}, arguments=(str(number), settings), idx=0)
        for number in range(len(job["tokens"]))
    ]
    print(json.dumps({"texts": lm.generate_until(requests, disable_tqdm=True)}), flush=True)
