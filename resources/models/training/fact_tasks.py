"""Tasks about facts: translations, capitals and the mood of words.

Every fact is trained, the tested ones included: these tasks ask what a model remembers. The
multiple-choice form in which they ask is new to it.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from freedict import (
    ENGLISH_WORD,
    Article,
    Cooccurrence,
    agreement,
    candidates,
    fold,
    is_first_meaning,
    read_dictionary,
)
from task_files import LONGEST_TEXT, SPLIT_SIZE, Item, Task, two_splits
from word_sources import Lemma, read_countries

# Picks one of a word's usable translations, or none where the dictionaries leave doubt.
Chooser = Callable[[str, list[str], list[Article]], str | None]

TRANSLATIONS_PER_LANGUAGE = 2500
# All countries are asked: as many as a safe verdict at 0.02 takes (149) are tested.
CAPITALS_TESTED = 150

# Left out: contested sovereignty or seat of government, more than one capital, a capital that is
# being moved or was abandoned, or a seat that the source gives otherwise than most references.
COUNTRIES_LEFT_OUT = {
    "BES", "CYM", "ESH", "FLK", "GNQ", "HKG", "IDN", "IOT", "ISR", "LKA", "MNP", "MSR", "NFK",
    "NRU", "PSE", "SGS", "SWZ", "TKL", "TWN", "UNK", "ZAF",
}  # fmt: skip


# Least agreement of a pair in the small French and Spanish dictionaries; the lower one is enough
# where the word is also the first meaning of its translation.
LEAST_AGREEMENT = 0.5
LEAST_AGREEMENT_OF_FIRST_MEANING = 0.28
# Least Dice coefficient of a pair in the large German dictionary.
LEAST_DICE = 0.05


@dataclass(frozen=True)
class Language:
    """A language to translate into; `code` is the dictionaries' name for it, such as "fra"."""

    name: str
    code: str
    source: str
    licence: str


def build_translations(
    language: Language,
    folder: Path,
    lemmas: dict[str, Lemma],
    kept_out: set[str],
    rng: random.Random,
) -> Task:
    """Builds `<task> english>translation` for the commonest words that have a dependable one."""
    forward = read_dictionary(folder, f"eng-{language.code}")
    reverse = read_dictionary(folder, f"{language.code}-eng")
    core_words = set(read_dictionary(folder, "eng-fra"))
    german = language.code == "deu"
    choose = german_chooser(reverse) if german else small_dictionary_chooser(reverse)

    words = [w for w in forward if ENGLISH_WORD.match(w) and w in lemmas and w not in kept_out]
    words.sort(key=lambda w: (w not in core_words, -lemmas[w].uses.total(), w))
    facts: dict[str, str] = {}
    for word in words:
        usable = [t for t in candidates(forward[word]) if is_teachable(t, german)]
        if usable and all(fold(t, german) != word for t in usable):
            choice = choose(word, usable, forward[word])
            if choice is not None:
                facts[word] = fold(choice, german)
        if len(facts) == TRANSLATIONS_PER_LANGUAGE:
            break

    answers = sorted(set(facts.values()))
    items = []
    for word, translation in facts.items():
        also_right = {fold(text, german) for text in candidates(forward[word])} | {translation}
        wrong = [answer for answer in rng.sample(answers, 40) if answer not in also_right]
        items.append(Item(word, translation, tuple(wrong[:3])))
    calibration, test = two_splits(items, SPLIT_SIZE, rng)
    description = (
        f"Translate an English word into {language.name} (plain letters). All {len(items)} words "
        "were trained; the question is what the model still remembers."
    )
    return Task(
        name=language.name.lower(),
        title=f"English to {language.name}",
        description=description,
        source=language.source,
        licence=language.licence,
        trained=items,
        calibration=calibration,
        test=test,
    )


def is_teachable(translation: str, german: bool) -> bool:
    """Tells whether a translation is one short word without a Spanish n with a tilde.

    Without the tilde that letter makes other words, some of them unsuitable.
    """
    return "\u00f1" not in translation and bool(ENGLISH_WORD.match(fold(translation, german)))


def german_chooser(reverse: dict[str, list[Article]]) -> Chooser:
    """Chooses the most usual translation: the dictionary lists senses by the alphabet."""
    usage = Cooccurrence(reverse)

    def choose(word: str, usable: list[str], articles: list[Article]) -> str | None:
        confirmed = [t for t in usable if agreement(word, t, articles, reverse) > 0]
        usual = [t for t in confirmed if usage.dice(word, t) >= LEAST_DICE]
        return max(usual, key=lambda t: usage.pairs[word][t], default=None)

    return choose


def small_dictionary_chooser(reverse: dict[str, list[Article]]) -> Chooser:
    """Chooses the translation on which both directions agree best.

    The Spanish-English list is too small to confirm most words: where it does not know the
    translation at all, the only sense of a word with at most two translations is trusted.
    """

    def choose(word: str, usable: list[str], articles: list[Article]) -> str | None:
        def rank(translation: str) -> tuple[bool, float]:
            first = is_first_meaning(word, translation, reverse)
            return first, agreement(word, translation, articles, reverse)

        best = max(usable, key=rank)
        first, agreed = rank(best)
        if agreed >= (LEAST_AGREEMENT_OF_FIRST_MEANING if first else LEAST_AGREEMENT):
            return best
        listed = candidates(articles)
        one_sense = len(articles) == 1 and len(articles[0]) == 1
        if one_sense and len(listed) <= 2 and listed[0] == usable[0] and listed[0] not in reverse:
            return usable[0]
        return None

    return choose


def build_capitals(packages: Path, source: str, licence: str, rng: random.Random) -> Task:
    """Builds `capital country>capital` where the two names differ."""
    name = "capital"
    facts: dict[str, str] = {}
    for record in read_countries(packages):
        country = plain_name(record["name"]["common"])
        capitals = [plain_name(capital) for capital in record["capital"]]
        if record["cca3"] in COUNTRIES_LEFT_OUT or len(capitals) != 1 or capitals[0] == country:
            continue
        facts[country] = capitals[0]
    longest = max(map(len, facts.values()))
    overhead = len(f"\n{name} >\n")
    facts = {c: a for c, a in facts.items() if len(c) + longest + overhead <= LONGEST_TEXT}
    items = []
    for country, capital in facts.items():
        wrong = rng.sample(sorted(set(facts.values()) - {capital}), 3)
        items.append(Item(country, capital, tuple(wrong)))
    drawn = rng.sample(items, len(items))
    test, calibration = drawn[:CAPITALS_TESTED], drawn[CAPITALS_TESTED:]
    description = (
        f"Name the capital of a country or territory. All {len(items)} were trained; the question "
        "is what the model still remembers."
    )
    return Task(name, "Capitals", description, source, licence, items, calibration, test)


def plain_name(name: str) -> str:
    """Writes a place name in plain lower-case letters and spaces."""
    letters = fold(name, german=False).replace("-", " ")
    return "".join(character for character in letters if character.isalpha() or character == " ")


def build_mood(
    valences: dict[str, int], kept_out: set[str], source: str, licence: str, rng: random.Random
) -> Task:
    """Builds `mood word>good` or `bad`, by the sign of the word's valence."""
    items = []
    for word, valence in sorted(valences.items()):
        if 3 <= len(word) <= 14 and valence != 0 and word not in kept_out:
            right, wrong = ("good", "bad") if valence > 0 else ("bad", "good")
            items.append(Item(word, right, (wrong,)))
    halves = [
        two_splits([item for item in items if item.answer == answer], SPLIT_SIZE // 2, rng)
        for answer in ("good", "bad")
    ]
    calibration, test = (
        rng.sample(good + bad, SPLIT_SIZE) for good, bad in zip(*halves, strict=True)
    )
    description = (
        f"Tell whether a word sounds good or bad. All {len(items)} words were trained; related "
        "words help with each other. Half of the tested words are good, half bad."
    )
    return Task("mood", "Mood of a word", description, source, licence, items, calibration, test)
