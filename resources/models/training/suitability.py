"""Keeps words out that do not belong in a public demonstration, or that a source has wrong.

Unsuitable are words that meet one of three rules, each on the English word: AFINN rates it -4 or
below (nearly all of those are abuse); WordNet marks a sense of it as vulgar, as a slur or as
sexual; or it begins with one of the stems in `unsuitable-stems.txt` (violent crime, abuse and what
the other two rules miss). The wrong ones were found by reading and stand in `left-out-words.txt`.
"""

import re
from pathlib import Path

from word_sources import Lemma

ABUSIVE_VALENCE = -4
MARKED_GLOSS = re.compile(
    r"obscene (term|word)|vulgar|\bslurs?\b|\(offensive\)|offensive (term|name|word)"
    r"|disparaging (term|name)|derogatory|sexual intercourse with|\bsex(ual)? organ"
    r"|prostitut|genital|erotic"
)
LEFT_OUT_FILE = Path(__file__).with_name("left-out-words.txt")
STEMS_FILE = Path(__file__).with_name("unsuitable-stems.txt")


def find_unsuitable(
    words: set[str], valences: dict[str, int], lemmas: dict[str, Lemma]
) -> set[str]:
    """Returns those of `words` that one of the three rules keeps out."""
    lines = STEMS_FILE.read_text(encoding="utf-8").splitlines()
    stems = tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))
    return {
        word
        for word in words
        if word.startswith(stems)
        or valences.get(word, 0) <= ABUSIVE_VALENCE
        or word in lemmas
        and any(MARKED_GLOSS.search(gloss) for gloss in lemmas[word].glosses)
    }


def read_left_out() -> dict[str, set[str]]:
    """Returns task -> words that were read, found wrong or odd in it, and left out."""
    left_out: dict[str, set[str]] = {}
    for line in LEFT_OUT_FILE.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            task, _, words = line.partition(":")
            left_out.setdefault(task, set()).update(words.split())
    return left_out
