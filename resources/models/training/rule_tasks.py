"""Tasks about rules: plurals, sums, sorting and brackets."""

import random
import string
from collections.abc import Callable
from itertools import combinations

from freedict import ENGLISH_WORD
from task_files import SPLIT_SIZE, Item, Task, two_splits
from word_sources import Lemma

PLURALS = 1850
TRAINED_SUMS = 4400
TRAINED_SORTS = 5200
TRAINED_BRACKETS = 2500
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
    items = []
    for noun in sorted(nouns[:PLURALS]):
        answer = irregular.get(noun) or regular_plural(noun)
        # Of an irregular noun the regular form is often accepted too: "cactuses", "hoofs".
        wrong = [form for form in wrong_plurals(noun) if form not in (answer, regular_plural(noun))]
        items.append(Item(noun, answer, tuple(rng.sample(wrong, 3))))
    calibration, test = two_splits(items, SPLIT_SIZE, rng)
    description = (
        f"Write the plural of a noun. All {len(items)} nouns were trained, and most follow rules."
    )
    return Task("plural", "Plurals", description, source, licence, items, calibration, test)


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


def wrong_plurals(noun: str) -> list[str]:
    """Lists forms that the rules of other nouns would give."""
    stem, last = noun[:-1], noun[-1]
    endings = [noun + "s", noun + "es", noun + "en", stem + "ies", noun + "ies", noun + last + "es"]
    return list(dict.fromkeys(endings))


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


def build_sorts(rng: random.Random) -> Task:
    """Builds `sort hcaf>acfh` with four to six different letters from a to j."""

    def draw() -> Item:
        letters = rng.sample(string.ascii_lowercase[:10], rng.randint(4, 6))
        answer = "".join(sorted(letters))
        swapped = [swap(answer, i, j) for i, j in combinations(range(len(answer)), 2)]
        return Item("".join(letters), answer, tuple(rng.sample(swapped, 3)))

    return generated_task("sort", "Sorting", "Put letters into order.", draw, TRAINED_SORTS, rng)


def swap(text: str, i: int, j: int) -> str:
    """Exchanges the characters at `i` and `j`, where i < j."""
    return text[:i] + text[j] + text[i + 1 : j] + text[i] + text[j + 1 :]


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
