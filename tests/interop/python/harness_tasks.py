"""lm-evaluation-harness on its own tasks, from a Hub of data sets on loopback (dataset_hub.py).

usage: harness_tasks.py JOBS
JOBS: JSON list of {"model", "tasks", "fewshot"}. Prints one JSON line per job: {"results": task or group ->
{metric: value}, "samples": task -> [[log-probability of each choice], ..]} in the order of the documents.
"""

import json
import sys

import torch
from lm_eval import simple_evaluate
from lm_eval.models.huggingface import HFLM
from transformers import AutoModelForCausalLM, AutoTokenizer


def main():
    torch.set_num_threads(1)
    for job in json.load(open(sys.argv[1])):
        folder = job["model"]
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, experts_implementation="eager").eval()
        lm = HFLM(pretrained=model, tokenizer=AutoTokenizer.from_pretrained(folder), batch_size=1)
        evaluated = simple_evaluate(model=lm, tasks=job["tasks"], num_fewshot=job["fewshot"], bootstrap_iters=0)
        results = {
            name: {key: value for key, value in scores.items() if isinstance(value, (int, float))}
            for name, scores in {**evaluated["results"], **evaluated.get("groups", {})}.items()
        }
        samples = {
            name: [
                [response[0][0] if isinstance(response[0], (list, tuple)) else response[0] for response in one["resps"]]
                for one in sorted(rows, key=lambda row: row["doc_id"])
                if one["filter"] in ("none", "strict-match")
            ]
            for name, rows in evaluated["samples"].items()
        }
        print(json.dumps({"results": results, "samples": samples}))


main()
