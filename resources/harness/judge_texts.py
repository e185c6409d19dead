"""
Judges written answers as lm-evaluation-harness 0.4.13 does: by a task's own filters and process_results, from documents
that were stored when the task was imported. Needs no data set and no network.

Prints {"environment"}: the fingerprint of this Python and all its packages (../torch/uncurl_environment.py). Then reads
one JSON object per line from standard input, and ends when that does:
  judge           {"pipeline", "metric", "tasks": {task: {"file", "multipleTargets"}}}, from the task's task.json;
                  metric "": the first one that the task gives
  generatedCode   whether tasks that run generated programs may be judged
  texts           [{"document": '{"task", "row"}', "text"}]
Answers each text, in order, with one line: {"correct", "filtered"}, or {"error"} (nothing more follows for this object).
"""

import contextlib
import json
import os
import random
import shutil
import sys

from task_index import package_folder

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "torch"))

STRUCTURE = ("tag", "group", "task_list")


class NotJudged(Exception):
    """Why a text cannot be judged."""


def config_of(file, may_run_code):
    """The settings of a task, from its YAML below the folder of the harness's own tasks."""
    from lm_eval.tasks._yaml_loader import load_yaml

    folder = package_folder()
    path = (folder / file).resolve()
    if not path.is_relative_to(folder) or not path.is_file():
        raise NotJudged(f"{file} is no task of the installed lm-evaluation-harness")
    if load_yaml(path, resolve_func=False).get("unsafe_code") and not may_run_code:
        raise NotJudged(f"{file} runs generated programs")
    config = {key: value for key, value in load_yaml(path).items() if key not in STRUCTURE}
    if "class" in config:
        raise NotJudged(f"{file} is a class of its own")
    return config


def stored_task(name, file, row, multiple_targets, may_run_code):
    """A task of the harness whose every split is one stored document."""
    import datasets
    from lm_eval.api.task import ConfigurableTask

    class StoredTask(ConfigurableTask):
        def download(self, *_, **__):
            config = self.config
            splits = (config.training_split, config.validation_split, config.test_split)
            self.dataset = {split: datasets.Dataset.from_list([row]) for split in splits if split is not None}

    # The stored document went through process_docs.
    plain = {"process_docs": None, "fewshot_config": None, "fewshot_split": None, "num_fewshot": 0}
    task = StoredTask(config={**config_of(file, may_run_code), **plain, "task": name})
    # The harness looks at the first document of the whole split.
    task.multiple_target = multiple_targets
    return task


def values_of(task, row, text, pipeline):
    """What the task's process_results says of a text, and the text after the filters of a pipeline."""
    import numpy
    from lm_eval.api.instance import Instance

    random.seed(0)
    numpy.random.seed(1234)
    instance = Instance(request_type="generate_until", doc=row, arguments=("", {}), idx=0, metadata=(None, 0, 1))
    instance.resps = [text]
    task._instances = [instance]
    task.apply_filters()
    filtered = instance.filtered_resps[pipeline]
    return task.process_results(row, [filtered]), filtered


def right_or_wrong(value):
    """True, False, or None for a value that is neither."""
    try:
        return {1.0: True, 0.0: False}.get(float(value))
    except (TypeError, ValueError):
        return None


def plain_text(filtered):
    while isinstance(filtered, (list, tuple)) and len(filtered) > 0:
        filtered = filtered[0]
    return filtered if isinstance(filtered, str) else ""


class Judge:
    def __init__(self):
        self.tasks = {}

    def judge(self, rule, document, text, may_run_code):
        stored = json.loads(document)
        name, row = stored["task"], stored["row"]
        known = rule["tasks"].get(name)
        if known is None:
            raise NotJudged(f"no rule for the task {name}")
        key = (name, known["file"], may_run_code)
        if key not in self.tasks:
            self.tasks[key] = stored_task(name, known["file"], row, known["multipleTargets"], may_run_code)
        values, filtered = values_of(self.tasks[key], row, text, rule["pipeline"])
        value = values.get(rule["metric"] or next(iter(values), None))
        correct = right_or_wrong(value)
        if correct is None:
            raise NotJudged(f"{rule['metric']} is {value!r} for a text, which is neither right nor wrong")
        return {"correct": correct, "filtered": plain_text(filtered)}


def copy_metric_scripts():
    """
    Copies scripts of metrics that the import fetched (UNCURL_METRIC_SCRIPTS) into this process's own HF_HOME: the library
    that loads them writes beside them.
    """
    scripts = os.path.join(os.environ["UNCURL_METRIC_SCRIPTS"], "evaluate_modules")
    if os.path.isdir(scripts):
        shutil.copytree(scripts, os.path.join(os.environ["HF_HOME"], "modules", "evaluate_modules"))


def main():
    copy_metric_scripts()
    from uncurl_environment import fingerprint

    answers = sys.stdout
    judge = Judge()

    def say(answer):
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    say({"environment": fingerprint()})
    for line in sys.stdin:
        asked = json.loads(line)
        for one in asked["texts"]:
            with contextlib.redirect_stdout(sys.stderr):
                try:
                    answer = judge.judge(asked["judge"], one["document"], one["text"], asked["generatedCode"])
                except Exception as error:  # The task's own code raises anything; the message is the answer.
                    answer = {"error": f"{type(error).__name__}: {error}"[:2000]}
            say(answer)
            if "error" in answer:
                break


if __name__ == "__main__":
    main()
