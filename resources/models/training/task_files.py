"""Multiple-choice items, and the files a task consists of."""

import json
import random
from dataclasses import dataclass
from pathlib import Path

# A model of the family sees no more than this many characters at once.
LONGEST_TEXT = 64
SPLIT_SIZE = 300


@dataclass(frozen=True)
class Item:
    """One fact or exercise: a prompt, its answer, and wrong answers to choose among."""

    prompt: str
    answer: str
    distractors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Task:
    """A task with its description and its items, split by use; `trained` may hold the others."""

    name: str
    title: str
    description: str
    source: str
    licence: str
    trained: list[Item]
    calibration: list[Item]
    test: list[Item]


def two_splits(items: list[Item], size: int, rng: random.Random) -> tuple[list[Item], list[Item]]:
    """Draws two disjoint splits of `size` items each."""
    drawn = rng.sample(items, 2 * size)
    return drawn[:size], drawn[size:]


def context_of(task_name: str, item: Item) -> str:
    """Writes what stands before the answer; every text begins with the newline that ends others."""
    return f"\n{task_name} {item.prompt}>"


def continuation_of(answer: str) -> str:
    """Writes an answer with the newline that ends it."""
    return f"{answer}\n"


def write_task(task: Task, folder: Path, rng: random.Random) -> None:
    """Writes `task.json`, `calibration.jsonl` and `test.jsonl` under `folder/<task>`."""
    target = folder / task.name
    target.mkdir(parents=True, exist_ok=True)
    header = {
        "name": task.name,
        "title": task.title,
        "description": task.description,
        "metric": "acc",
        "source": task.source,
        "licence": task.licence,
        "chance": 1 / (1 + len(task.test[0].distractors)),
    }
    (target / "task.json").write_text(json.dumps(header, indent=2) + "\n", encoding="utf-8")
    splits = [("calibration", "cal", task.calibration), ("test", "test", task.test)]
    for split, short, items in splits:
        records = [
            choice_record(task.name, f"{task.name}-{short}-{number:04d}", item, position, rng)
            for number, (item, position) in enumerate(with_positions(items, rng), start=1)
        ]
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (target / f"{split}.jsonl").write_text(lines, encoding="utf-8")


def write_written_task(task: Task, folder: Path, most_new_tokens: int) -> None:
    """Writes the files of a task whose answers are written, up to the newline, under `folder/<task>`."""
    target = folder / task.name
    target.mkdir(parents=True, exist_ok=True)
    header = {
        "name": task.name,
        "title": task.title,
        "description": task.description,
        "metric": "exact_match",
        "until": ["\n"],
        "maxNewTokens": most_new_tokens,
        "source": task.source,
        "licence": task.licence,
    }
    (target / "task.json").write_text(json.dumps(header, indent=2) + "\n", encoding="utf-8")
    for split, short, items in [("calibration", "cal", task.calibration), ("test", "test", task.test)]:
        records = [
            {"id": f"{task.name}-{short}-{number:04d}", "context": context_of(task.name, item), "answer": item.answer}
            for number, item in enumerate(items, start=1)
        ]
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (target / f"{split}.jsonl").write_text(lines, encoding="utf-8")


def with_positions(items: list[Item], rng: random.Random) -> list[tuple[Item, int]]:
    """Gives each item the place of its right choice: every place equally often, shuffled."""
    places = [number % (1 + len(item.distractors)) for number, item in enumerate(items)]
    rng.shuffle(places)
    return list(zip(items, places, strict=True))


def choice_record(
    task_name: str, identifier: str, item: Item, position: int, rng: random.Random
) -> dict:
    """Forms one line of a split's file."""
    choices = list(item.distractors)
    rng.shuffle(choices)
    choices.insert(position, item.answer)
    return {
        "id": identifier,
        "context": context_of(task_name, item),
        "choices": [continuation_of(choice) for choice in choices],
        "answer": position,
    }


def check_task(task: Task) -> None:
    """Refuses a task whose items overlap, repeat a choice or do not fit the model's window."""
    prompts = [item.prompt for item in task.calibration + task.test]
    if len(prompts) != len(set(prompts)):
        raise ValueError(f"{task.name}: a prompt occurs twice in the two splits")
    for item in task.calibration + task.test:
        choices = (item.answer, *item.distractors)
        if len(set(choices)) != len(choices):
            raise ValueError(f"{task.name}: {item.prompt!r} repeats a choice: {choices}")
        longest = len(context_of(task.name, item)) + max(map(len, map(continuation_of, choices)))
        if longest > LONGEST_TEXT:
            raise ValueError(f"{task.name}: {item.prompt!r} takes {longest} characters")
