"""Results of lm-evaluation-harness on tasks with written answers.

usage: generation_task.py JOBS
JOBS: JSON list of {"model", "task"}: a folder, and a YAML file of the harness (data files beside it). Prints one JSON line
per job: {"model", "task", "metrics": name -> value, "texts": [text], "filtered": filter -> [text]}, items in order.
"""

import json
import sys
from pathlib import Path

import torch
import yaml
from lm_eval import simple_evaluate
from lm_eval.api.task import ConfigurableTask
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from transformers import AutoModelForCausalLM, AutoTokenizer


def load(folder):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, experts_implementation="eager").eval()
    return HFLM(pretrained=model, tokenizer=AutoTokenizer.from_pretrained(folder), batch_size=16)


def task(file):
    config = yaml.safe_load(file.read_text())
    files = config["dataset_kwargs"]["data_files"]
    config["dataset_kwargs"]["data_files"] = {split: str(file.parent / name) for split, name in files.items()}
    config["metadata"] = {"version": 1}
    return ConfigurableTask(config=config)


def main():
    torch.set_num_threads(1)
    for job in json.loads(Path(sys.argv[1]).read_text()):
        evaluated = simple_evaluate(
            model=load(job["model"]),
            tasks=[task(Path(job["task"]))],
            # The task is complete: the 14,000 that are installed need not be read.
            task_manager=TaskManager(include_defaults=False),
            bootstrap_iters=0,
            log_samples=True,
        )
        (scores,) = evaluated["results"].values()
        (samples,) = evaluated["samples"].values()
        filters = sorted({sample["filter"] for sample in samples})
        ordered = {name: sorted((one for one in samples if one["filter"] == name), key=lambda one: one["doc_id"]) for name in filters}
        outcome = {
            "metrics": {name: value for name, value in scores.items() if name.startswith("exact_match,")},
            "texts": [one["resps"][0][0] for one in ordered[filters[0]]],
            "filtered": {name: [one["filtered_resps"][0] for one in own] for name, own in ordered.items()},
        }
        print(json.dumps({**job, **outcome}), flush=True)


if __name__ == "__main__":
    main()
