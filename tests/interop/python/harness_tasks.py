"""lm-evaluation-harness on its own tasks, from a Hub of data sets on loopback (dataset_hub.py).

usage: harness_tasks.py JOBS
JOBS: JSON list of {"model", "tasks" (names, or paths of YAML files), "fewshot"}, with "chat": through the model's template,
examples as turns. Prints one JSON line per job: {"results": task or group -> {metric: value}, "samples": task ->
[[log-probability of each choice, or text], ..], "judged": task -> [{metric: value}, ..]} in the order of the documents.
"texts" in a job: task -> [text of each document]; they are judged in place of the model's. "unjudged": texts are written and
not judged, so that no program that the model wrote runs.
"""

import functools
import json
import os
import sys

import torch
from lm_eval import simple_evaluate
from lm_eval.api.model import LM
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from transformers import AutoModelForCausalLM, AutoTokenizer


class Planted(LM):
    """Answers with texts that the test wrote."""

    def __init__(self, texts):
        super().__init__()
        self.texts = texts

    def generate_until(self, requests):
        return [self.texts[request.task_name][request.doc_id] for request in requests]

    def loglikelihood(self, requests):
        raise NotImplementedError

    def loglikelihood_rolling(self, requests):
        raise NotImplementedError


def model_of(folder):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, experts_implementation="eager").eval()
    return HFLM(pretrained=model, tokenizer=AutoTokenizer.from_pretrained(folder), batch_size=1)


def values(row):
    return {name: float(row[name]) for name in row["metrics"] if isinstance(row[name], (bool, int, float))}


def main():
    torch.set_num_threads(1)
    # The programs that it runs are those that the test wrote.
    os.environ["HF_ALLOW_CODE_EVAL"] = "1"
    # Reads the 14,000 tasks that are installed, once for all jobs; files are tasks by themselves.
    installed = functools.cache(TaskManager)
    files = TaskManager(include_defaults=False)
    for job in json.load(open(sys.argv[1])):
        lm = Planted(job["texts"]) if "texts" in job else model_of(job["model"])
        evaluated = simple_evaluate(
            model=lm,
            tasks=job["tasks"],
            task_manager=files if all(map(os.path.isabs, job["tasks"])) else installed(),
            num_fewshot=job["fewshot"],
            bootstrap_iters=0,
            predict_only=job.get("unjudged", False),
            confirm_run_unsafe_code="texts" in job or job.get("unjudged", False),
            apply_chat_template=job.get("chat", False),
            fewshot_as_multiturn=job.get("chat", False),
        )
        results = {
            name: {key: value for key, value in scores.items() if isinstance(value, (int, float))}
            for name, scores in {**evaluated["results"], **evaluated.get("groups", {})}.items()
        }
        samples = {
            name: [
                [response[0][0] if isinstance(response[0], (list, tuple)) else response[0] for response in one["resps"]]
                for one in sorted(rows, key=lambda row: row["doc_id"])
                if one["filter"] in ("none", "strict-match", "create_test")
            ]
            for name, rows in evaluated["samples"].items()
        }
        judged = {
            name: [
                values(row)
                for row in sorted(rows, key=lambda row: row["doc_id"])
                if row["filter"] == rows[0]["filter"]
            ]
            for name, rows in evaluated["samples"].items()
        }
        print(json.dumps({"results": results, "samples": samples, "judged": judged}))


if __name__ == "__main__":
    main()
