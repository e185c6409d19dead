"""Tasks about rules: plurals, sums, sorting and brackets."""

import math
import random
import string
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

from freedict import ENGLISH_WORD
from task_files import SPLIT_SIZE, Item, Task, two_splits
from word_sources import Lemma

PLURALS = 1850
TRAINED_SUMS = 4400
TRAINED_SORTS = 5200
TRAINED_BRACKETS = 2500
SORTED_LETTERS = string.ascii_lowercase[:10]
GENERATED = "generated"
NO_LICENCE_NEEDED = "none needed (generated)"

# WordNet's kinds of noun that are nearly always counted: animal, artifact, body, event, location,
# object, person, plant, shape, time.
COUNTABLE_KINDS = {"05", "06", "08", "11", "15", "17", "18", "20", "25", "28"}
# Endings whose plural no rule settles, and of nouns that are plural already.
DOUBTFUL_ENDINGS = (
    "o", "f", "fe", "fu", "s", "z", "i", "ae", "ese", "men", "people", "ware", "wear",
    "man", "child", "foot", "tooth", "goose", "mouse", "fish", "um", "x",
)  # fmt: skip
# Where "ch" is spoken like "k", the plural takes "s" alone.
HARD_CH = {"epoch", "eunuch", "loch", "matriarch", "monarch", "oligarch", "patriarch", "stomach"}

CLOSING = {"(": ")", "[": "]", "{": "}"}


def build_plurals(
    words: set[str],
    irregular: dict[str, str],
    lemmas: dict[str, Lemma],
    kept_out: set[str],
    source: str,
    licence: str,
    rng: random.Random,
) -> Task:
    """Builds `plural noun>plural` from common countable nouns, all trained."""
    nouns = [word for word in words - kept_out if is_countable(word, irregular, lemmas)]
    nouns.sort(key=lambda word: (-lemmas[word].uses.total(), word))
    items = [
        Item(noun, irregular.get(noun) or regular_plural(noun)) for noun in sorted(nouns[:PLURALS])
    ]
    asked = plurals_to_ask(items, rng)
    calibration, test = two_splits(asked, SPLIT_SIZE, rng)
    description = (
        f"Write the plural of a noun. All {len(items)} nouns were trained, and most follow rules. "
        "The other choices are plurals of nouns spelt alike, of the same length and ending."
    )
    return Task("plural", "Plurals", description, source, licence, items, calibration, test)


def plurals_to_ask(items: list[Item], rng: random.Random) -> list[Item]:
    """Gives each item three wrong choices; leaves out what has too few neighbours.

    A wrong plural of the noun itself ("childs") is seen to be wrong without the question. So the
    wrong choices are right plurals of other trained nouns, with the length and the ending of the
    answer, and spelt like it. Were they the answer's nearest, the answer could be known as the one
    in the middle: so the one in the middle is drawn, and is the answer in about one of four.
    """
    alike: dict[tuple[int, str], list[str]] = defaultdict(list)
    for plural in sorted({item.answer for item in items}):
        alike[len(plural), ending_of(plural)].append(plural)
    asked = []
    for item in items:
        group = alike[len(item.answer), ending_of(item.answer)]
        if len(group) < 4:
            continue
        middle = rng.choice([item.answer, *nearest(item.answer, group, 3)])
        wrong = [plural for plural in [middle, *nearest(middle, group, 4)] if plural != item.answer]
        asked.append(Item(item.prompt, item.answer, tuple(wrong[:3])))
    return asked


def ending_of(plural: str) -> str:
    """Names the form of a plural: "ies", "ches", "shes", "sses", "xes", "s" or the last letters."""
    endings = ("ies", "ches", "shes", "sses", "xes", "s")
    return next((ending for ending in endings if plural.endswith(ending)), plural[-2:])


def nearest(word: str, others: list[str], count: int) -> list[str]:
    """Returns the words of the same length that differ from `word` in the fewest letters."""

    def letters_that_differ(other: str) -> int:
        return sum(mine != theirs for mine, theirs in zip(word, other, strict=True))

    return sorted((other for other in others if other != word), key=letters_that_differ)[:count]


def is_countable(word: str, irregular: dict[str, str], lemmas: dict[str, Lemma]) -> bool:
    """Tells whether a word is a noun in the singular with one undisputed plural."""
    lemma = lemmas.get(word)
    if lemma is None or not ENGLISH_WORD.match(word):
        return False
    if word in irregular:
        return lemma.is_mostly_noun and irregular[word] != word and irregular[word].isalpha()
    settled = not word.endswith(DOUBTFUL_ENDINGS) or word.endswith("ss")
    return settled and lemma.is_mostly_noun and lemma.noun_kind in COUNTABLE_KINDS


def regular_plural(noun: str) -> str:
    """Forms the plural by the rules of spelling."""
    if noun.endswith(("s", "x", "z", "ch", "sh")) and noun not in HARD_CH:
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"


def build_sums(rng: random.Random) -> Task:
    """Builds `add 37+58>95` with both numbers below 100."""

    def draw() -> Item:
        left, right = rng.randrange(100), rng.randrange(100)
        total = left + right
        offsets = [1, 2, 9, 10, 11, 20, 100]
        near = {total + sign * offset for offset in offsets for sign in (1, -1)}
        wrong = rng.sample(sorted(value for value in near if 0 <= value <= 198), 3)
        return Item(f"{left}+{right}", str(total), tuple(map(str, wrong)))

    return generated_task("add", "Sums", "Add two numbers below 100.", draw, TRAINED_SUMS, rng)


def build_sorts(rng: random.Random, choices: random.Random) -> Task:
    """Builds `sort hcaf>acfh` with four to six different letters from a to j.

    The trained exercises follow from `rng` alone, wrong choices from `choices`.
    """

    def draw() -> Item:
        letters = rng.sample(SORTED_LETTERS, rng.randint(4, 6))
        # Wrong choices once were three pairs of places: drawn still, so that what is trained stays.
        rng.sample(range(math.comb(len(letters), 2)), 3)
        return Item("".join(letters), "".join(sorted(letters)))

    purpose = "Put letters into order. All choices are in order; only one has the letters asked for."
    task = generated_task("sort", "Sorting", purpose, draw, TRAINED_SORTS, rng)
    calibration, test = (
        [with_other_letters(item, choices) for item in split]
        for split in (task.calibration, task.test)
    )
    return replace(task, calibration=calibration, test=test)


def with_other_letters(item: Item, rng: random.Random) -> Item:
    """Gives a sorting three wrong choices: as long, in order, and of other letters.

    All four choices are one string with one letter exchanged, so none is nearer to the others.
    """
    letters = set(item.answer)
    middle = exchange_letter(letters, rng)
    wrong: set[str] = set()
    while len(wrong) < 3:
        choice = "".join(sorted(exchange_letter(middle, rng)))
        if choice != item.answer:
            wrong.add(choice)
    return replace(item, distractors=tuple(sorted(wrong)))


def exchange_letter(letters: set[str], rng: random.Random) -> set[str]:
    """Puts a letter that is not there into the place of one that is."""
    gone = rng.choice(sorted(letters))
    come = rng.choice(sorted(set(SORTED_LETTERS) - letters))
    return letters - {gone} | {come}


def build_brackets(rng: random.Random) -> Task:
    """Builds `bracket ([{(>)}])`: four to eight opening brackets and what closes them."""

    def draw() -> Item:
        opening = "".join(rng.choices("([{", k=rng.randint(4, 8)))
        answer = "".join(CLOSING[bracket] for bracket in reversed(opening))
        one_wrong = [
            answer[:place] + bracket + answer[place + 1 :]
            for place in range(len(answer))
            for bracket in CLOSING.values()
            if bracket != answer[place]
        ]
        one_more = [answer + bracket for bracket in CLOSING.values()]
        wrong = (*rng.sample(one_wrong, 2), rng.choice(one_more))
        return Item(opening, answer, wrong)

    return generated_task(
        "bracket", "Brackets", "Close brackets in the right order.", draw, TRAINED_BRACKETS, rng
    )


def generated_task(
    name: str, title: str, purpose: str, draw: Callable[[], Item], trained: int, rng: random.Random
) -> Task:
    """Draws different items until there are enough; the tested ones are never trained."""
    items: dict[str, Item] = {}
    while len(items) < trained + 2 * SPLIT_SIZE:
        item = draw()
        if item.prompt != item.answer:
            items.setdefault(item.prompt, item)
    drawn = list(items.values())
    rng.shuffle(drawn)
    calibration, test = two_splits(drawn[trained:], SPLIT_SIZE, rng)
    description = f"{purpose} {trained} exercises were trained, none of the tested ones."
    return Task(
        name, title, description, GENERATED, NO_LICENCE_NEEDED, drawn[:trained], calibration, test
    )
