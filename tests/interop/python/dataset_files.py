"""Small data sets in the schemas of published ones, with made-up contents, as dataset_hub.py serves them.

usage: dataset_files.py FOLDER
"""

import os
import random
import sys

import pyarrow
import pyarrow.parquet

draw = random.Random(7)
WORDS = "river stone cloud lamp green table winter music paper garden silver horse candle bridge window apple".split()
SPLITS = ("train", "validation", "test")
ITEMS = 16


def words(count):
    return " ".join(draw.choice(WORDS) for _ in range(count))


def write(repository, config, make, splits=SPLITS, items=ITEMS):
    folder = os.path.join(sys.argv[1], repository, config)
    os.makedirs(folder, exist_ok=True)
    for split in splits:
        rows = pyarrow.Table.from_pylist([make(index) for index in range(items)])
        pyarrow.parquet.write_table(rows, os.path.join(folder, f"{split}.parquet"))


def arc(index):
    choices = {"text": [words(draw.randrange(1, 4)) for _ in range(4)], "label": list("ABCD")}
    question = words(6).capitalize() + "?"
    return {"id": str(index), "question": question, "choices": choices, "answerKey": draw.choice("ABCD")}


def hellaswag(index):
    return {
        "ind": index,
        "activity_label": words(2).capitalize(),
        "ctx_a": words(5).capitalize() + ".",
        "ctx_b": words(2),
        "ctx": words(6),
        "endings": [words(draw.randrange(3, 7)) for _ in range(4)],
        "label": str(draw.randrange(4)),
    }


def gsm8k(_):
    first, second = draw.randrange(20), draw.randrange(20)
    answer = f"{words(3)} <<{first}+{second}={first + second}>>{first + second}\n#### {first + second}"
    return {"question": f"{words(4)} {first} and {second}?", "answer": answer}


write("allenai/ai2_arc", "ARC-Easy", arc)
write("allenai/ai2_arc", "ARC-Challenge", arc)
write("Rowan/hellaswag", "default", hellaswag)
write("baber/piqa", "default", lambda _: {"goal": words(5), "sol1": words(4), "sol2": words(3), "label": draw.randrange(2)})
write(
    "allenai/sciq",
    "default",
    lambda _: {
        "question": words(6),
        "distractor1": words(1),
        "distractor2": words(2) + "s",
        "distractor3": words(2),
        "correct_answer": words(1) + "y",
        "support": words(8),
    },
)
write(
    "aps/super_glue",
    "boolq",
    lambda index: {"question": words(5), "passage": words(10), "idx": index, "label": draw.randrange(2)},
)
write(
    "nyu-mll/glue",
    "rte",
    lambda index: {"sentence1": words(8), "sentence2": words(5), "label": draw.randrange(2), "idx": index},
)
write(
    "allenai/winogrande",
    "winogrande_xl",
    lambda _: {
        "sentence": f"{words(3)} _ {words(4)}",
        "option1": "river",
        "option2": "stone",
        "answer": draw.choice("12"),
    },
)
write("openai/gsm8k", "main", gsm8k, ("train",))
write("openai/gsm8k", "main", gsm8k, ("test",), 3)
SUBJECTS = (
    "econometrics high_school_geography high_school_government_and_politics high_school_macroeconomics "
    "high_school_microeconomics high_school_psychology human_sexuality professional_psychology public_relations "
    "security_studies sociology us_foreign_policy"
)
for subject in SUBJECTS.split():
    write(
        "cais/mmlu",
        subject,
        lambda _: {
            "question": words(6).capitalize() + "?",
            "subject": subject,
            "choices": [words(2) for _ in range(4)],
            "answer": draw.randrange(4),
        },
        ("test", "validation", "dev"),
        6,
    )


def math(_):
    first, second = draw.randrange(20), draw.randrange(20)
    solution = f"{words(3)} ${first}+{second}=\\boxed{{{first + second}}}$."
    return {"problem": f"{words(4)} {first} and {second}?", "level": "Level 1", "type": "Algebra", "solution": solution}


write("EleutherAI/hendrycks_math", "algebra", math, ("train",))
write("EleutherAI/hendrycks_math", "algebra", math, ("test",), 4)


def drop(index):
    answer = {"number": "", "date": {"day": "", "month": "", "year": ""}, "spans": [words(1), words(2)]}
    return {
        "section_id": "1",
        "query_id": str(index),
        "passage": words(12).capitalize() + ".",
        "question": words(5).capitalize() + "?",
        "answer": {**answer, "worker_id": "", "hit_id": ""},
        "validated_answers": {
            "number": [""],
            "date": [{"day": "", "month": "", "year": ""}],
            "spans": [[words(1)]],
            "worker_id": [""],
            "hit_id": [""],
        },
    }


write("EleutherAI/drop", "default", drop, ("train",))
write("EleutherAI/drop", "default", drop, ("validation",), 4)


def ifeval(index):
    kinds = ["punctuation:no_comma", "keywords:existence", "startend:quotation", "length_constraints:number_words"]
    given = [
        {"keywords": None, "num_words": None, "relation": None},
        {"keywords": ["river", "stone"], "num_words": None, "relation": None},
        {"keywords": None, "num_words": None, "relation": None},
        {"keywords": None, "num_words": 4, "relation": "at least"},
    ]
    # The last item must follow two instructions.
    own = [index] if index < 4 else [1, 3]
    return {
        "key": index,
        "prompt": f"Write of {words(3)}.",
        "instruction_id_list": [kinds[one] for one in own],
        "kwargs": [given[one] for one in own],
    }


write("google/IFEval", "default", ifeval, ("train",), 5)


def humaneval(index):
    return {
        "task_id": f"Own/{index}",
        "prompt": f"def add_{index}(a):\n",
        "canonical_solution": f"    return a + {index}\n",
        "test": f"def check(candidate):\n    assert candidate(2) == {index + 2}\n",
        "entry_point": f"add_{index}",
    }


write("openai/openai_humaneval", "openai_humaneval", humaneval, ("test",), 2)
