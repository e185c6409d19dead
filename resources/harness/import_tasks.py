"""
Writes tasks of lm-evaluation-harness 0.4.13 as task folders of this workbench (task.json, test.jsonl,
calibration.jsonl). The harness itself loads the data and builds every prompt, few-shot examples included; once written,
a folder needs no Python.

Reads one JSON object from the file that the command line names:
  names         tasks, groups or tags; or paths of YAML files
  include       folders whose YAML files are tasks too, as the harness's --include_path takes them
  ownPython     whether Python files beside such YAML files may run
  out           folder that receives one folder per task
  fewshot       number of examples, or null: as the task says
  calibration   most calibration items of a task
  limit         most test items of a leaf task, the first ones; null: all
  generatedCode whether tasks may be imported that run programs which a model wrote
Beside the items, CALIBRATION.turns.jsonl and test.turns.jsonl hold the turns of each prompt, for chat templates, where the
harness can ask the task in turns.
Ends when its standard input does. Prints one JSON object per line: {"event": "loading"}, {"event": "building", "task", "index", "of"},
{"event": "written", "asked", "name", "folder", "version", "inPlaceOf"}, {"event": "refused", "asked", "why", "remedy"},
{"event": "failed", "asked", "why"}, {"event": "lacks", "why"}. "inPlaceOf": the user's YAML file behind a name that the harness has a
task for too, else null.
"""

import contextlib
import difflib
import importlib.metadata
import json
import os
import random
import re
import sys
import threading
from pathlib import Path

import judge_texts
from task_index import package_folder, use_kept_index

SEEDS = {"random": 0, "numpy": 1234, "torch": 1234, "fewshot": 1234}
FILTERS = {
    "regex",
    "multi_choice_regex",
    "take_first",
    "take_first_k",
    "majority_vote",
    "remove_whitespace",
    "lowercase",
    "uppercase",
    "map",
}
COMPARING = ("regexes_to_ignore", "ignore_case", "ignore_punctuation", "ignore_numbers")
SAMPLING_SEED = 0


class Refusal(Exception):
    def __init__(self, why, remedy):
        super().__init__(why)
        self.why = why
        self.remedy = remedy


events = sys.stdout


def say(**event):
    events.write(json.dumps(event) + "\n")
    events.flush()


def end_with_parent():
    """Ends this program once the engine that started it is gone. Not by sys.stdin, whose lock blocks a normal end."""
    while os.read(0, 4096):
        pass
    os._exit(1)


def seed_everything():
    """As simple_evaluate does before it loads tasks: some process_docs shuffle."""
    import numpy
    import torch

    random.seed(SEEDS["random"])
    numpy.random.seed(SEEDS["numpy"])
    torch.manual_seed(SEEDS["torch"])


def metric_names(config):
    from lm_eval.api.registry import DEFAULT_METRIC_REGISTRY

    given = config.metric_list or [{"metric": name} for name in DEFAULT_METRIC_REGISTRY[config.output_type]]
    named = [metric["metric"] for metric in given]
    return [metric if isinstance(metric, str) else metric.__name__ for metric in named]


def refuse_unsafe(name, config):
    """Refuses, before anything of a task is loaded, what would run generated programs."""
    if (config or {}).get("unsafe_code"):
        remedy = f"If you accept that risk: uncurl import {name} --run-generated-code (uncurl help tasks)."
        raise Refusal("it runs programs that the model writes", remedy)


def refuse_foreign(output_type, process_results):
    """Refuses what only the task's own Python could judge, unless that judges a written answer."""
    if process_results is not None and output_type == "multiple_choice":
        why = "its own Python (process_results) judges the choices, by more than which one is the likeliest"
        raise Refusal(why, "Choose another task; of truthfulqa, truthfulqa_mc1.")
    if output_type == "loglikelihood":
        raise Refusal("it asks for one continuation without alternatives (loglikelihood)", "Choose another task.")


def is_own(path):
    """Whether a file is the user's, not the installed harness's."""
    return path is not None and not Path(path).resolve().is_relative_to(package_folder())


def replacing_file(name, tasks, manager):
    """
    The user's file behind a name of the installed harness: that of the name itself, or of a task that it consists of.
    None where the name is not the harness's, or nothing of it is the user's.
    """
    from lm_eval.tasks._index import TaskIndex

    entries = [manager.task_index.get(one) for one in (name, *(task.config.task for task in tasks))]
    own = [str(entry.yaml_path) for entry in entries if entry is not None and is_own(entry.yaml_path)]
    if not own or os.path.isabs(name):
        return None
    return own[0] if name in TaskIndex.build([package_folder()]) else None


class Loading:
    """Whether the task that is loaded is the user's, and why a part of it was not (the harness drops some errors)."""

    is_own = False
    refusal = None


def guard_own_files(may_run):
    """
    Keeps code of the user's YAML files from running, unless that was allowed: functions that they name, templates, which
    the harness renders without a sandbox, metrics, which the library evaluate takes from any script, and data that are
    programs (scripts, pickles).
    """
    import datasets
    import evaluate
    import jinja2.sandbox
    import lm_eval.tasks._yaml_loader as loader
    import lm_eval.utils as utils

    plain = utils.env
    sandbox = jinja2.sandbox.SandboxedEnvironment(
        undefined=plain.undefined, keep_trailing_newline=plain.keep_trailing_newline
    )
    sandbox.filters.update(plain.filters)
    utils.env = sandbox
    load = loader._import_func_in_yml

    def guarded(named, folder):
        if is_own(folder) and not may_run:
            file = os.path.join(folder, *named.split(".")[:-1]) + ".py"
            raise Refusal(f"its YAML names Python code ({file})", "If you trust that file: add --run-task-code.")
        return load(named, folder)

    loader._import_func_in_yml = guarded

    def refuse_code(what):
        if Loading.is_own and not may_run:
            Loading.refusal = Refusal(f"its YAML names {what}", "If you trust it: add --run-task-code.")
            raise Loading.refusal

    load_metric, load_dataset = evaluate.load, datasets.load_dataset

    def guarded_metric(path, *rest, **named):
        refuse_code(f"the metric {path}, a script that the library evaluate would run")
        return load_metric(path, *rest, **named)

    def guarded_dataset(path, *rest, **named):
        script = os.path.join(path, os.path.basename(os.path.abspath(path)) + ".py")
        if path.endswith(".py") or os.path.isfile(script):
            refuse_code(f"a data set that is Python code ({path})")
        if path == "pandas":
            refuse_code("pickle files, which can run anything (dataset_path: pandas)")
        return load_dataset(path, *rest, **named)

    evaluate.load, datasets.load_dataset = guarded_metric, guarded_dataset


def loaded_by(manager, name, file):
    """What the harness loads under a name; refuses what was kept from running."""
    Loading.is_own, Loading.refusal = is_own(file), None
    try:
        loaded = manager.load([name])
    except Exception as error:
        raise Loading.refusal or error
    if Loading.refusal is not None:
        raise Loading.refusal
    return loaded


def requests_by_document(task):
    documents = {}
    for instance in task.instances:
        documents.setdefault(instance.doc_id, (instance.doc, []))[1].append(instance)
    return documents


def choice_item(task, document, requests, name):
    """An item of a multiple-choice task; None where the harness itself finds no right answer among the choices."""
    choices = task.doc_to_choice(document)
    pairs = [(context, continuation) for context, continuation in requests[: len(choices)]]
    gold = task.doc_to_text(document) if task.multiple_input else task.doc_to_target(document)
    # As process_results reads them: several right choices, a text or a number.
    golds = gold if isinstance(gold, list) else [gold]
    golds = [choices.index(one) if isinstance(one, str) and one in choices else one for one in golds]
    golds = sorted({int(one) for one in golds if not isinstance(one, str) and 0 <= int(one) < len(choices)})
    if not golds:
        return None
    if isinstance(gold, list) != bool(task.multiple_target):
        # The harness asks the first item whether there are lists, and calls every choice of the others wrong.
        raise Refusal("only some of its items list their right choices", "Choose another task.")
    item = {
        "id": name,
        "context": pairs[golds[0]][0],
        "choices": [continuation for _, continuation in pairs],
        "answer": golds[0],
        **({"alsoRight": golds[1:]} if len(golds) > 1 else {}),
        "lengths": [len(choice) for choice in choices],
    }
    contexts = [context for context, _ in pairs]
    if len(set(contexts)) > 1:
        item["contexts"] = contexts
    return item


def answers_of(task, document):
    gold = task.doc_to_target(document)
    if task.config.doc_to_choice is not None:
        return [str(task.doc_to_choice(document)[gold])]
    if task.multiple_target:
        return [str(one) for one in (gold if isinstance(gold, list) else [gold])]
    return [str(gold)]


def generation_of(task):
    """Stop strings and most tokens, as HFLM reads generation_kwargs; only greedy decoding."""
    given = dict(task.config.generation_kwargs or {})
    temperature = float(given.get("temperature", 0.0) or 0.0)
    if given.get("do_sample", temperature > 0) and temperature != 0:
        raise Refusal("its answers are sampled", "Choose another task.")
    until = given.get("until", task.config.fewshot_delimiter)
    until = [until] if isinstance(until, str) else list(until or [])
    names = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")
    most = next((int(given[name]) for name in names if name in given), 256)
    return {"until": [stop for stop in until if stop != ""], "maxNewTokens": most}


class Turns(str):
    """The messages of a prompt, in the place of the text that a chat template makes of them."""

    def __new__(cls, messages, **_):
        made = super().__new__(cls, "")
        made.messages = messages
        return made


def turns_of(name, context, requests):
    """The parts of a prompt for chat templates; None where it is not a question after answered ones."""
    if not isinstance(context, Turns):
        return None
    messages = list(context.messages)
    system = messages.pop(0)["content"] if messages and messages[0]["role"] == "system" else ""
    *before, last = messages or [None]
    examples = [[first["content"], second["content"]] for first, second in zip(before[::2], before[1::2])]
    roles = [message["role"] for message in before]
    if last is None or last["role"] != "user" or roles != ["user", "assistant"] * len(examples):
        return None
    replies = [request[1] for request in requests] if len(requests) > 1 else []
    return {"id": name, "system": system, "examples": examples, "question": last["content"], "replies": replies}


def judging_of(task):
    config = task.config
    metrics = config.metric_list or [{"metric": "exact_match"}]
    if metric_names(config) != ["exact_match"]:
        raise Refusal(f"its metrics are {', '.join(metric_names(config)) or 'its own'}", "Choose a task of exact_match.")
    comparing = {key: metrics[0][key] for key in COMPARING if key in metrics[0]}
    foreign = set(metrics[0]) - {"metric", "aggregation", "higher_is_better", *COMPARING}
    if foreign:
        raise Refusal(f"its exact_match takes {', '.join(sorted(foreign))}", "Choose another task.")
    pipelines = []
    for pipeline in config.filter_list or [{"name": "none", "filter": [{"function": "take_first"}]}]:
        steps = []
        for step in pipeline["filter"]:
            if step.get("function") not in FILTERS or any(callable(value) for value in step.values()):
                raise Refusal(f"its filter {step.get('function')} is Python", "Choose another task.")
            steps.append(dict(step))
        pipelines.append({"name": pipeline["name"], "filter": steps})
    return {"filters": pipelines, **comparing}


def written_answers_of(task, document):
    """Right answers as far as they are texts: what a task's own Python compares with may be anything."""
    gold = task.doc_to_target(document)
    return [one for one in (gold if isinstance(gold, list) else [gold]) if isinstance(one, str)]


def judged_by_filters(task):
    """How the workbench itself judges a task's answers; None where only the task's Python says what is right."""
    if callable(task.config.process_results) or task.config.unsafe_code:
        return None
    try:
        return judging_of(task)
    except Refusal:
        return None


def stored_document(task, document):
    """A document as JSON, for judging without the data set."""
    text = json.dumps({"task": task.config.task, "row": document}, ensure_ascii=False, allow_nan=False)
    if json.loads(text)["row"] != document:
        raise ValueError("not the same once it was read")
    return text


def judged_by_python(task, manager):
    """
    How the task's own Python judges a text: the pipeline, and the first metric that is right or wrong for every text
    that is tried. The same must follow from the stored document alone.
    """
    config = task.config
    name = config.task
    if (config.repeats or 1) != 1:
        raise Refusal("it asks for several answers to each item", "Choose another task.")
    entry = manager.task_index.get(name)
    folder = package_folder()
    if entry is None or entry.yaml_path is None or not entry.yaml_path.resolve().is_relative_to(folder):
        raise Refusal("Python outside of the installed lm-evaluation-harness judges its answers", "Choose another task.")
    pipelines = config.filter_list or [{"name": "none"}]
    rule = {"pipeline": pipelines[0]["name"], "metric": ""}
    own = {
        "file": entry.yaml_path.resolve().relative_to(folder).as_posix(),
        "multipleTargets": int(task.multiple_target),
    }
    document = task.task_docs[0]
    try:
        stored = json.loads(stored_document(task, document))["row"]
    except (TypeError, ValueError) as error:
        raise Refusal(f"its documents cannot be stored as JSON ({error})", "Choose another task.") from error
    if config.unsafe_code:
        return {**rule, "generatedCode": True}, {name: own}
    again = judge_texts.stored_task(name, own["file"], stored, own["multipleTargets"], False)
    metrics = None
    for text in ("", *written_answers_of(task, document)[:1], "The answer is 1.", str(task.doc_to_text(document))):
        values, _ = judge_texts.values_of(task, document, text, rule["pipeline"])
        if judge_texts.values_of(again, stored, text, rule["pipeline"])[0] != values:
            raise Refusal("its Python judges a stored document otherwise", "Choose another task.")
        binary = [metric for metric, value in values.items() if judge_texts.right_or_wrong(value) is not None]
        metrics = [metric for metric in binary if metrics is None or metric in metrics]
    if not metrics:
        raise Refusal("no metric of its Python says right or wrong of an answer", "Choose another task.")
    task._instances = []
    return {**rule, "metric": metrics[0], "generatedCode": False}, {name: own}


def item_of(task, document, requests, name, is_judged=False):
    if task.OUTPUT_TYPE == "multiple_choice":
        return choice_item(task, document, requests, name)
    if task.OUTPUT_TYPE == "loglikelihood_rolling":
        return {"id": name, "text": requests[0][0]}
    found = written_answers_of(task, document) if is_judged else answers_of(task, document)
    answers = [answer for answer in found if answer != ""]
    item = {"id": name, "context": requests[0][0], **({"answers": answers} if answers else {})}
    if is_judged:
        return {**item, "document": stored_document(task, document)}
    return item if answers else None


def text_of(item):
    if "text" in item:
        return item["text"]
    right = item["choices"][item["answer"]] if "choices" in item else item.get("answers", [""])[0]
    return item["context"] + right


def calibration_split(task):
    config = task.config
    test = config.test_split if task.has_test_docs() else config.validation_split
    if task.has_training_docs() and config.training_split != test:
        return config.training_split, task.training_docs()
    if task.has_validation_docs() and config.validation_split != test:
        return config.validation_split, task.validation_docs()
    split = config.fewshot_split
    if split is not None and split != test:
        return split, task.fewshot_docs()
    return None, []


def calibration_items(task, prefix, most, tested, is_judged):
    """
    Items drawn from the training split (else validation, else few-shot split), in the prompts of test items, with their
    turns. Left out: those whose text is a test item's, and those that are an example of their own prompt.
    """
    split, documents = calibration_split(task)
    if split is None:
        return None, [], [], 0
    order = list(range(len(documents)))
    random.Random(SAMPLING_SEED).shuffle(order)
    items, turns, left_out = [], [], 0
    shots = task.config.num_fewshot or 0

    def requests_of(document, index, **chat):
        context = task.fewshot_context(document, num_fewshot=shots, gen_prefix=task.doc_to_prefix(document), **chat)
        chat.pop("fewshot_as_multiturn", None)
        made = task.construct_requests(doc=document, ctx=context, metadata=(task.config.task, index, 1), **chat)
        return [one.arguments for one in (made if isinstance(made, list) else [made])]

    for index in order:
        if len(items) >= most:
            break
        document = documents[index]
        # The same examples in both forms of the prompt.
        sampler = getattr(task, "sampler", None)
        drawn = None if sampler is None else sampler.rnd.getstate()
        requests = requests_of(document, index)
        name = f"{prefix}{split}:{index}"
        item = item_of(task, document, requests, name, is_judged)
        if item is None:
            continue
        question = task.doc_to_text(document) if shots > 0 else None
        sees_itself = isinstance(question, str) and question != "" and item.get("context", "").count(question) > 1
        if sees_itself or text_of(item) in tested:
            left_out += 1
            continue
        items.append(item)
        if turns is not None:
            after = None if sampler is None else sampler.rnd.getstate()
            if sampler is not None:
                sampler.rnd.setstate(drawn)
            asked = asked_in_turns(task, lambda **chat: requests_of(document, index, **chat))
            own = None if asked is None else turns_of(name, asked[0][0], asked)
            turns = None if own is None else [*turns, with_replies(own, item)]
            if sampler is not None:
                sampler.rnd.setstate(after)
    return split, items, turns, left_out


CHAT = {"apply_chat_template": True, "fewshot_as_multiturn": True, "chat_template": Turns}


def asked_in_turns(task, build):
    """Requests as the harness builds them for a chat template; None for tasks that it cannot ask in turns."""
    if task.multiple_input or task.OUTPUT_TYPE == "loglikelihood_rolling" or task.config.gen_prefix:
        return None
    return build(**CHAT)


def with_replies(turns, item):
    """Turns whose replies are the choices in a chat, or the right answers."""
    return {**turns, "replies": turns["replies"] if "choices" in item else item.get("answers", [])}


def turns_of_tests(task, limit, items, names):
    """Turns of the test items, in their order; None where one has none."""
    task.set_fewshot_seed(seed=SEEDS["fewshot"])
    if asked_in_turns(task, lambda **chat: build(task, limit, **chat) or True) is None:
        return None
    by_name = {item["id"]: item for item in items}
    turns = []
    for index, (_, instances) in requests_by_document(task).items():
        name = names(index)
        if name not in by_name:
            continue
        requests = [one.arguments for one in instances]
        own = turns_of(name, requests[0][0], requests)
        if own is None:
            return None
        turns.append(with_replies(own, by_name[name]))
    return turns


def build(task, limit, **chat):
    with contextlib.redirect_stderr(open(os.devnull, "w")):
        task.build_all_requests(limit=limit, rank=0, world_size=1, **chat)


def leaf_of(task, limit, most, prefix, manager):
    """Test and calibration items of one task of the harness, and how its answers are judged."""
    refuse_foreign(task.OUTPUT_TYPE, task.config.process_results)
    rule, judged = {}, {}
    if task.OUTPUT_TYPE == "multiple_choice":
        known = [name for name in metric_names(task.config) if name in ("acc", "acc_norm")]
        if not known:
            raise Refusal(f"its metrics are {', '.join(metric_names(task.config))}", "Choose a task of acc or acc_norm.")
        metric = known[0]
    elif task.OUTPUT_TYPE == "loglikelihood_rolling":
        metric = "perplexity"
    else:
        metric = "exact_match"
        rule = judged_by_filters(task)
        if rule is None:
            judge, judged = judged_by_python(task, manager)
            rule = {"judge": judge}
        rule.update(generation_of(task))
    build(task, limit)
    test, unanswered = [], 0
    for index, (document, instances) in requests_by_document(task).items():
        item = item_of(task, document, [one.arguments for one in instances], f"{prefix}{index}", bool(judged))
        if item is None:
            unanswered += 1
        else:
            test.append(item)
    tested_texts = {text_of(item) for item in test}
    split, calibration, calibration_turns, left_out = calibration_items(task, prefix, most, tested_texts, bool(judged))
    test_turns = None if calibration_turns is None else turns_of_tests(task, limit, test, lambda index: f"{prefix}{index}")
    config = task.config
    tested = config.test_split if task.has_test_docs() else config.validation_split
    data = task.dataset[tested] if hasattr(task.dataset, "keys") else task.dataset
    info = getattr(data, "info", None)
    return {
        "metric": metric,
        "rule": rule,
        "judged": judged,
        "test": test,
        "calibration": calibration,
        "turns": None if test_turns is None else {"test": test_turns, "calibration": calibration_turns},
        "unanswered": unanswered,
        "leftOut": left_out,
        "facts": {
            "task": config.task,
            "taskVersion": str((config.metadata or {}).get("version", "")),
            "dataset": config.dataset_path or "",
            "datasetName": config.dataset_name or "",
            "testSplit": tested or "",
            "calibrationSplit": split or "",
            "fingerprint": str(getattr(data, "_fingerprint", "")),
            "fewshot": config.num_fewshot or 0,
            "outputType": task.OUTPUT_TYPE,
            "metrics": metric_names(config),
            "items": len(test),
        },
        "licence": (getattr(info, "license", "") or "") if info is not None else "",
    }


# Folders that were written, by the user's file (None: the installed harness's task) and the task's name.
folders = {}


def folder_of(key):
    """A folder's name that no other task has, also where capitals do not count."""
    cleaned = re.sub(r"[^A-Za-z0-9_.-]", "_", key[1])[:200]
    folder = cleaned if cleaned.strip(".") else "task"
    while folder.lower() in (other.lower() for other in folders.values()):
        folder += "_"
    folders[key] = folder
    return folder


def write_lines(path, items):
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        for item in items:
            file.write(json.dumps(item, ensure_ascii=False) + "\n")


def write_task(out, asked, name, leaves, version, own):
    """Writes a task, unless another asked name has it too, and says so once its files are whole."""
    key = (asked if os.path.isabs(asked) else None, name)
    if key not in folders:
        write_files(os.path.join(out, folder_of(key)), name, leaves, version, own)
    say(event="written", asked=asked, name=name, folder=folders[key], version=version, inPlaceOf=own)


def write_files(folder, name, leaves, version, own):
    first = leaves[0]
    os.makedirs(folder)
    facts = [leaf["facts"] for leaf in leaves]
    split = ", ".join(sorted({leaf["facts"]["calibrationSplit"] or "none" for leaf in leaves}))
    notes = [
        f"lm-evaluation-harness {version}: {name}"
        + (f", {len(leaves)} tasks whose items count alike." if len(leaves) > 1 else "."),
        f"Test split: {', '.join(sorted({fact['testSplit'] for fact in facts}))}; calibration split: {split}.",
    ]
    if own is not None:
        notes.append(f"From {own}, in place of the harness's own task of this name.")
    unanswered = sum(leaf["unanswered"] for leaf in leaves)
    left_out = sum(leaf["leftOut"] for leaf in leaves)
    if unanswered:
        notes.append(f"{unanswered} items without a right answer among their choices are left out.")
    if left_out:
        notes.append(f"{left_out} calibration items were left out: test items, or examples of their own prompt.")
    if first["metric"] == "perplexity":
        notes.append("Perplexity is per token, even if the task asks for words or bytes.")
    rule = dict(first["rule"])
    if "judge" in rule:
        rule["judge"] = {**rule["judge"], "tasks": {name: own for leaf in leaves for name, own in leaf["judged"].items()}}
        metric = rule["judge"]["metric"] or ", ".join(first["facts"]["metrics"])
        notes.append(f"Answers are judged by the task's own Python in lm-evaluation-harness: right by {metric}.")
        if rule["judge"]["generatedCode"]:
            notes.append("Judging runs the programs that a model writes.")
    metadata = {
        "name": name,
        "title": name if own is None else f"{name} ({os.path.basename(own)})",
        "description": " ".join(notes),
        "metric": first["metric"],
        "source": ", ".join(sorted({f"{fact['dataset']} {fact['datasetName']}".strip() for fact in facts}))[:1000],
        "licence": ", ".join(sorted({leaf["licence"] for leaf in leaves if leaf["licence"]}))[:200],
        **rule,
        "harness": {"version": version, "seeds": SEEDS, "tasks": facts},
    }
    write_lines(os.path.join(folder, "test.jsonl"), [item for leaf in leaves for item in leaf["test"]])
    calibration = [item for leaf in leaves for item in leaf["calibration"]]
    if calibration:
        write_lines(os.path.join(folder, "calibration.jsonl"), calibration)
    if all(leaf["turns"] is not None for leaf in leaves):
        for split, items in (("test", True), ("calibration", calibration)):
            if items:
                turns = [own for leaf in leaves for own in leaf["turns"][split]]
                write_lines(os.path.join(folder, f"{split}.turns.jsonl"), turns)
    with open(os.path.join(folder, "task.json"), "w", encoding="utf-8") as file:
        json.dump(metadata, file, ensure_ascii=False, indent=1)


def leaves_of(name, loaded):
    """The leaf tasks of a name, and whether they may be pooled: the harness weighs each by its number of items."""
    groups = loaded["groups"]
    if name in groups:
        group = groups[name]
        aggregation = [one for one in ([group] + group.get_all_groups()) if one.has_aggregation]
        by_size = all(
            metric.get("weight_by_size", True) if isinstance(metric, dict) else getattr(metric, "weight_by_size", True)
            for one in aggregation
            for metric in (one.aggregate_metric_list or [])
        )
        return group.get_all_tasks(), bool(aggregation) and by_size
    tasks = loaded["tasks"]
    return ([tasks[name]], False) if name in tasks else (list(tasks.values()), False)


def config_of_own(path):
    """The settings of a YAML file of the user, without its functions."""
    from lm_eval.tasks._yaml_loader import load_yaml

    return load_yaml(path, resolve_func=False)


def needs_installed(names):
    """Whether the installed tasks must be listed, which takes a while: not for files that are tasks by themselves."""
    return any(not os.path.isabs(name) or "group" in config_of_own(name) for name in names)


def import_name(name, asked, manager, version):
    """Writes the tasks of a name, or of the user's YAML file."""
    named = name
    seed_everything()
    entry = manager.task_index.get(name)
    file = Path(name) if entry is None else entry.yaml_path
    config = config_of_own(file) if entry is None else entry.cfg
    if not asked["generatedCode"]:
        refuse_unsafe(name, config)
    # Before its data is downloaded; members of a group follow once they are loaded.
    if config is not None and "task" in config and "group" not in config:
        refuse_foreign(config.get("output_type"), config.get("process_results"))
    if is_own(file):
        # Data files of such a task lie beside it.
        os.chdir(Path(file).resolve().parent)
    loaded = loaded_by(manager, name, file)
    name = config.get("group", config.get("task")) if entry is None else name
    for task in loaded["tasks"].values():
        shots = task.get_config("num_fewshot")
        if asked["fewshot"] is not None and shots != 0:
            task.set_config(key="num_fewshot", value=asked["fewshot"])
        elif shots is None:
            task.set_config(key="num_fewshot", value=0)
        task.set_fewshot_seed(seed=SEEDS["fewshot"])
    tasks, is_pooled = leaves_of(name, loaded)
    most = max(1, asked["calibration"] // len(tasks)) if is_pooled else asked["calibration"]
    leaves = []
    for index, task in enumerate(tasks):
        say(event="building", task=task.config.task, index=index, of=len(tasks))
        leaves.append(leaf_of(task, asked["limit"], most, f"{task.config.task}/" if is_pooled else "", manager))
    own = replacing_file(named, tasks, manager)
    first = leaves[0]
    is_alike = all(leaf["metric"] == first["metric"] and leaf["rule"] == first["rule"] for leaf in leaves)
    if len(leaves) == 1 or (is_pooled and is_alike):
        write_task(asked["out"], named, name, leaves, version, own)
        return
    for leaf in leaves:
        write_task(asked["out"], named, leaf["facts"]["task"], [leaf], version, own)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        asked = json.load(file)
    threading.Thread(target=end_with_parent, daemon=True).start()
    if asked["generatedCode"]:
        os.environ["HF_ALLOW_CODE_EVAL"] = "1"
    # A folder of a data set's name in the current folder would be read in its place.
    os.chdir(os.path.dirname(os.path.abspath(sys.argv[1])))
    say(event="loading")
    with contextlib.redirect_stdout(sys.stderr):
        try:
            version = importlib.metadata.version("lm_eval")
            from lm_eval.tasks import TaskManager
        except (ImportError, importlib.metadata.PackageNotFoundError) as error:
            say(event="lacks", why=str(error)[:500])
            return
        guard_own_files(asked["ownPython"])
        use_kept_index()
        manager = TaskManager(include_path=asked["include"], include_defaults=needs_installed(asked["names"]))
        for name in asked["names"]:
            try:
                if name in manager.all_tasks or os.path.isabs(name):
                    import_name(name, asked, manager, version)
                else:
                    near = difflib.get_close_matches(name, manager.all_tasks, n=3)
                    hint = f"Did you mean {', '.join(near)}?" if near else "Check the name."
                    say(event="refused", asked=name, why="lm-evaluation-harness has no such task", remedy=hint)
            except Refusal as refusal:
                say(event="refused", asked=name, why=refusal.why, remedy=refusal.remedy)
            except Exception as error:  # The harness and the data sets raise anything; the message is the answer.
                say(event="failed", asked=name, why=f"{type(error).__name__}: {error}"[:2000])


main()
