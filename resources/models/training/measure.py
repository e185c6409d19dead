"""Scores trained members on the tasks, and writes the scores and the card of each.

    python measure.py [--tasks TASKS] MODEL...

MODEL is a folder that `train.py` wrote. Its `scores.jsonl` and `README.md` are written anew, and each
task's `task.json` says how often the models are right without the question; `results.jsonl` gets the
accuracies of the run. Run it after a training, and on every model after a change of the tasks: items
may change without a new training.
"""

import argparse
import json
from pathlib import Path

import torch

from checkpoint import read_checkpoint
from families import Family
from model_card import write_card
from scoring import score_tasks, score_written
from tokenizer import write_json

RESULTS = Path(__file__).with_name("results.jsonl")
DEFAULT_TASKS = Path(__file__).resolve().parents[2] / "tasks"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", type=Path, nargs="+", metavar="MODEL")
    parser.add_argument("--tasks", type=Path, default=DEFAULT_TASKS, help="folder of the tasks")
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    for folder in arguments.models:
        family, model, vocabulary = read_checkpoint(folder)
        score = score_written if family.writes else score_tasks
        scores = score(model, vocabulary, arguments.tasks)
        lines = [json.dumps({"task": task} | score) + "\n" for task, score in scores.items()]
        (folder / "scores.jsonl").write_text("".join(lines), encoding="utf-8")
        write_card(folder, family)
        if not family.writes:
            record_without_question(folder.resolve().name, scores, arguments.tasks)
        print(record_result(folder, family, scores), flush=True)


def record_without_question(model: str, scores: dict[str, dict], tasks: Path) -> None:
    """Writes a model's accuracy without the question beside each task's chance."""
    for task, score in scores.items():
        file = tasks / task / "task.json"
        header = json.loads(file.read_text(encoding="utf-8"))
        shares = header.get("withoutQuestion", {}) | {model: score["withoutQuestion"]}
        header["withoutQuestion"] = dict(sorted(shares.items(), key=by_family_and_size))
        write_json(header, file)


def record_result(folder: Path, family: Family, scores: dict[str, dict]) -> str:
    """Writes the line of a run into `results.jsonl`, in place of an older one, and returns it."""
    log = (folder / "training-log.jsonl").read_text(encoding="utf-8").splitlines()
    trained = json.loads(log[-1])
    run = {"family": family.name, "experts": trained["experts"], "seed": trained["seed"]}
    accuracy = {task: round(score["accuracy"], 4) for task, score in scores.items()}
    minutes = round(trained["seconds"] / 60, 1)
    new = run | {"steps": trained["step"], "minutes": minutes, "accuracy": accuracy}
    rows = [json.loads(line) for line in RESULTS.read_text(encoding="utf-8").splitlines()]
    places = [place for place, row in enumerate(rows) if run.items() <= row.items()]
    if places:
        rows[places[0]] = new
    else:
        rows.append(new)
    RESULTS.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return json.dumps(new)


def by_family_and_size(entry: tuple[str, float]) -> tuple[str, int]:
    """Sorts "uncurl-8" before "uncurl-16"."""
    family, _, experts = entry[0].rpartition("-")
    return family, int(experts) if experts.isdigit() else 0


if __name__ == "__main__":
    main()
