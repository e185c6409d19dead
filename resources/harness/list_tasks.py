"""
Lists the tasks, groups and tags of lm-evaluation-harness 0.4.13 by name, from their YAML files alone: nothing is
downloaded, and no function of a task runs.

usage: list_tasks.py FILE
Writes FILE, one JSON object a line: {"name", "kind": "task" | "group" | "tag", "tasks" (leaf tasks), "members" (the
first ones), "runsPrograms" (of any leaf task), "output", "data", "dataName", "test", "calibration", "fewshot",
"metrics"}, the latter of a task, or of the first leaf task. Ends when its standard input does. Prints one JSON object per line: {"event": "loading"},
{"event": "listed", "version", "names"}, {"event": "lacks", "why"}.
"""

import contextlib
import importlib.metadata
import json
import os
import sys
import threading

from task_index import use_kept_index

MOST_MEMBERS = 100
MOST_METRICS = 20
DEFAULT_METRICS = {
    "multiple_choice": ["acc", "acc_norm"],
    "loglikelihood": ["perplexity", "acc"],
    "loglikelihood_rolling": ["word_perplexity", "byte_perplexity", "bits_per_byte"],
    "generate_until": ["exact_match"],
}


def end_with_parent():
    """Ends this program once the engine that started it is gone. Not by sys.stdin, whose lock blocks a normal end."""
    while os.read(0, 4096):
        pass
    os._exit(1)


def text(value):
    return value if isinstance(value, str) else ""


def metric_names(config, output):
    given = config.get("metric_list") or DEFAULT_METRICS.get(output, [])
    names = [metric.get("metric") if isinstance(metric, dict) else metric for metric in given]
    return [text(name).split(".")[-1] for name in names if name][:MOST_METRICS]


def calibration_split(config, test):
    """The split that calibration items are drawn from: see calibration_split in import_tasks.py."""
    named = [text(config.get(key)) for key in ("training_split", "validation_split", "fewshot_split")]
    return next((split for split in named if split not in ("", test)), "")


def facts_of(config):
    output = text(config.get("output_type")) or "generate_until"
    test = text(config.get("test_split")) or text(config.get("validation_split"))
    shots = config.get("num_fewshot")
    return {
        "output": output,
        "data": text(config.get("dataset_path")),
        "dataName": text(config.get("dataset_name")),
        "test": test,
        "calibration": calibration_split(config, test),
        "fewshot": shots if isinstance(shots, int) else 0,
        "metrics": metric_names(config, output),
    }


def named_children(children):
    """Names in the list of a group: of tasks, or of settings that name one; inner groups have lists of their own."""
    for child in children if isinstance(children, list) else [children]:
        if isinstance(child, str):
            yield child
        elif isinstance(child, dict) and isinstance(child.get("task"), str):
            yield child["task"]
        elif isinstance(child, dict):
            yield from named_children(child.get("task") or [])


def children_of(entry):
    if entry.kind.name == "TAG":
        return sorted(entry.tags)
    return list(named_children((entry.cfg or {}).get("task") or [])) if entry.kind.name == "GROUP" else []


def leaves_of(name, index, above=()):
    """Names of the leaf tasks below a name, each once."""
    entry = index.get(name)
    if entry is None or name in above:
        return []
    if entry.kind.name not in ("GROUP", "TAG"):
        return [name]
    found = [leaf for child in children_of(entry) for leaf in leaves_of(child, index, (*above, name))]
    return list(dict.fromkeys(found))


def listed(name, index):
    entry = index[name]
    leaves = leaves_of(name, index)
    first = index[leaves[0]] if leaves else entry
    kind = {"GROUP": "group", "TAG": "tag"}.get(entry.kind.name, "task")
    return {
        "name": name,
        "kind": kind,
        "tasks": len(leaves),
        "members": children_of(entry)[:MOST_MEMBERS],
        **facts_of(first.cfg if isinstance(first.cfg, dict) else {}),
        "runsPrograms": any(bool((index[leaf].cfg or {}).get("unsafe_code")) for leaf in leaves),
    }


def main():
    events = sys.stdout
    threading.Thread(target=end_with_parent, daemon=True).start()

    def say(**event):
        events.write(json.dumps(event) + "\n")
        events.flush()

    say(event="loading")
    with contextlib.redirect_stdout(sys.stderr):
        try:
            version = importlib.metadata.version("lm_eval")
            from lm_eval.tasks import TaskManager
        except (ImportError, importlib.metadata.PackageNotFoundError) as error:
            say(event="lacks", why=str(error)[:500])
            return
        use_kept_index()
        index = TaskManager().task_index
        with open(sys.argv[1], "w", encoding="utf-8", newline="\n") as file:
            for name in sorted(index):
                file.write(json.dumps(listed(name, index), ensure_ascii=False) + "\n")
    say(event="listed", version=version, names=len(index))


main()
