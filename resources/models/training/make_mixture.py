"""Writes the mixture of a fine-tuning's general stage: what the models learnt from, without test items.

    python make_mixture.py --corpus BUILD/corpus.json [--tasks TASKS] [--out FILE]

The corpus comes from `prepare_tasks.py`. Every item whose text (context and right answer) is that of
a test item of any task in TASKS is left out, compared by SHA-256. One item a line:
`{"group": task, "context": ..., "answer": ...}`, in the corpus's order.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

from prepare_tasks import CORPUS_HASH, DEFAULT_TASKS

DEFAULT_OUT = Path(__file__).resolve().parent / "mixture.jsonl"


def text_hash(text: str) -> str:
    """Returns the SHA-256 of an item's text."""
    return hashlib.sha256(text.encode()).hexdigest()


def test_hashes(tasks: Path) -> set[str]:
    """Returns the hash of every test item's context and right answer."""
    hashes = set()
    for file in sorted(tasks.glob("*/test.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            item = json.loads(line)
            if "choices" in item:
                hashes.add(text_hash(item["context"] + item["choices"][item["answer"]]))
    return hashes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True, help="from prepare_tasks.py")
    parser.add_argument("--tasks", type=Path, default=DEFAULT_TASKS, help="folder of the tasks")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, help="file to write")
    arguments = parser.parse_args()

    text = arguments.corpus.read_text(encoding="utf-8")
    if text_hash(text) != CORPUS_HASH:
        sys.exit("The corpus is another than the bundled models were trained on.")
    tested = test_hashes(arguments.tasks)
    lines = []
    for group, pairs in json.loads(text).items():
        kept = [pair for pair in pairs if text_hash("".join(pair)) not in tested]
        print(f"{group}: {len(kept)} of {len(pairs)}")
        lines += [
            json.dumps({"group": group, "context": context, "answer": answer}) + "\n"
            for context, answer in kept
        ]
    arguments.out.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
