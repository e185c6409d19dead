"""Results of lm-evaluation-harness: accuracies on tasks, and log-likelihoods of single requests.

usage: harness.py JOBS
JOBS: JSON list of {"model", "tasks", "limit", "requests", "texts"}: `tasks` name -> JSONL file of {"context",
"choices", "answer"}, `requests` pairs of context and continuation, `texts` for the rolling log-likelihood; each may be
empty. Prints one JSON line per job: {"model", "tasks": name -> {"acc", "acc_norm"}, "requests": [[logprob, greedy]],
"texts": [logprob]}.
"""

import json
import sys
from pathlib import Path

import torch
from lm_eval import simple_evaluate
from lm_eval.api.instance import Instance
from lm_eval.api.task import ConfigurableTask
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from transformers import AutoModelForCausalLM, AutoTokenizer


def load(folder):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, experts_implementation="eager").eval()
    return HFLM(pretrained=model, tokenizer=AutoTokenizer.from_pretrained(folder), batch_size=16)


def task(name, file):
    """A multiple-choice task whose context and choices are concatenated unchanged."""
    return ConfigurableTask(
        config={
            "task": name,
            "dataset_path": "json",
            "dataset_kwargs": {"data_files": {"test": file}},
            "test_split": "test",
            "output_type": "multiple_choice",
            "doc_to_text": "context",
            "doc_to_choice": "choices",
            "doc_to_target": "answer",
            "target_delimiter": "",
            "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}],
            "metadata": {"version": 1},
        }
    )


def accuracies(model, tasks, limit):
    if not tasks:
        return {}
    evaluated = simple_evaluate(
        model=model,
        tasks=[task(name, file) for name, file in tasks.items()],
        # The tasks are complete: the 14,000 that are installed need not be read.
        task_manager=TaskManager(include_defaults=False),
        limit=limit,
        bootstrap_iters=0,
        num_fewshot=0,
    )
    return {name: {metric: scores[f"{metric},none"] for metric in ("acc", "acc_norm")} for name, scores in evaluated["results"].items()}


def instances(kind, arguments):
    return [Instance(kind, {}, tuple(each), index) for index, each in enumerate(arguments)]


def main():
    torch.set_num_threads(1)
    for job in json.loads(Path(sys.argv[1]).read_text()):
        model = load(job["model"])
        pairs = model.loglikelihood(instances("loglikelihood", job["requests"]), disable_tqdm=True)
        texts = model.loglikelihood_rolling(instances("loglikelihood_rolling", [[text] for text in job["texts"]]), disable_tqdm=True)
        outcome = {"tasks": accuracies(model, job["tasks"], job["limit"]), "requests": pairs, "texts": texts}
        print(json.dumps({"model": job["model"], **outcome}), flush=True)


if __name__ == "__main__":
    main()
