"""Builds the tasks of the family `wordy` and its training corpus: counting, spelling, working.

    python long_tasks.py --out BUILD [--tasks TASKS]

Right answers have 20 to 160 characters. All are generated, none from a source; every prompt has one
right answer. The tasks go to TASKS (the repository's `resources/tasks` unless told otherwise), the
corpus to BUILD/long-corpus.json.
"""

import argparse
import hashlib
import json
import random
import string
import sys
from collections.abc import Callable
from pathlib import Path

from prepare_tasks import DEFAULT_TASKS, stream
from rule_tasks import GENERATED, NO_LICENCE_NEEDED
from task_files import SPLIT_SIZE, Item, Task, context_of, continuation_of, two_splits, write_written_task

# SHA-256 of the long-corpus.json that the bundled model learnt from.
CORPUS_HASH = "3b4667700ee4edf29742e03773846af2c9c779c1061d7c4df2c1412f4ca33c9b"
TRAINED = 4000
# A text has 256 positions; prompts have at most 30 characters and right answers 160.
MOST_NEW_TOKENS = 200
LETTERS = string.ascii_lowercase
DIGIT_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def build_long_tasks() -> list[Task]:
    """Builds the five tasks, each from a random stream of its own."""
    return [
        long_task("count", "Counting", "Count from one number up to another.", draw_count),
        long_task("down", "Counting down", "Count from one number down to another.", draw_down),
        long_task("spell", "Spelling", "Write a word's first letter, its first two, and so on.", draw_spelling),
        long_task("digits", "Digits", "Write digits as words.", draw_digits),
        long_task("working", "Sums with working", "Add digits one by one and write every sum.", draw_working),
    ]


def draw_count(rng: random.Random) -> Item:
    """Draws `97-101` and its answer `97 98 99 100 101`."""
    first, last = draw_range(rng)
    return Item(f"{first}-{last}", " ".join(map(str, range(first, last + 1))))


def draw_down(rng: random.Random) -> Item:
    """Draws `101-97` and its answer `101 100 99 98 97`."""
    first, last = draw_range(rng)
    return Item(f"{last}-{first}", " ".join(map(str, range(last, first - 1, -1))))


def draw_range(rng: random.Random) -> tuple[int, int]:
    """Draws the ends of 8 to 40 numbers below 1,000."""
    length = rng.randint(8, 40)
    first = rng.randint(1, 999 - length)
    return first, first + length - 1


def draw_spelling(rng: random.Random) -> Item:
    """Draws different letters, such as `qdax`, and their answer `q qd qda qdax`."""
    word = "".join(rng.sample(LETTERS, rng.randint(5, 15)))
    return Item(word, " ".join(word[:length] for length in range(1, len(word) + 1)))


def draw_digits(rng: random.Random) -> Item:
    """Draws groups of different digits, such as `4071`, and their answer `four zero seven one`."""
    digits = rng.sample(range(10), 10) + rng.sample(range(10), 10)
    digits = digits[: rng.randint(6, 20)]
    return Item("".join(map(str, digits)), " ".join(DIGIT_NAMES[digit] for digit in digits))


def draw_working(rng: random.Random) -> Item:
    """Draws `37+4+9`, with different digits after the first number, and `37+4=41 41+9=50 50`."""
    total = rng.randint(1, 49)
    addends = rng.sample(range(1, 10), rng.randint(4, 9))
    prompt = "+".join(map(str, (total, *addends)))
    steps = []
    for addend in addends:
        steps.append(f"{total}+{addend}={total + addend}")
        total += addend
    return Item(prompt, " ".join((*steps, str(total))))


def long_task(name: str, title: str, purpose: str, draw: Callable[[random.Random], Item]) -> Task:
    """Draws different prompts; the tested ones are never trained."""
    rng = stream(name)
    items: dict[str, Item] = {}
    while len(items) < TRAINED + 2 * SPLIT_SIZE:
        item = draw(rng)
        items.setdefault(item.prompt, item)
    drawn = list(items.values())
    rng.shuffle(drawn)
    calibration, test = two_splits(drawn[TRAINED:], SPLIT_SIZE, rng)
    description = f"{purpose} {TRAINED} exercises were trained, none of the tested ones. For the model `wordy-16`."
    return Task(name, title, description, GENERATED, NO_LICENCE_NEEDED, drawn[:TRAINED], calibration, test)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="build folder for long-corpus.json")
    parser.add_argument("--tasks", type=Path, default=DEFAULT_TASKS, help="folder of the tasks")
    arguments = parser.parse_args()

    corpus = {}
    for task in build_long_tasks():
        write_written_task(task, arguments.tasks, MOST_NEW_TOKENS)
        corpus[task.name] = [
            [context_of(task.name, item), continuation_of(item.answer)] for item in task.trained
        ]
        print(f"{task.name}: {len(task.trained)} trained, {len(task.calibration)} + {len(task.test)}")
    text = json.dumps(corpus) + "\n"
    if hashlib.sha256(text.encode()).hexdigest() != CORPUS_HASH:
        print("The corpus is another than the bundled model was trained on.", file=sys.stderr)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "long-corpus.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
