"""Reads FreeDict dictionaries in dictd form and picks one dependable translation a word.

A dictionary is a pair of files: `.dict.dz` holds the articles one after another, `.index` says
where each headword's articles lie. The article's first line is the headword with its
pronunciation; what follows are senses, numbered when there are several.
"""

import gzip
import re
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path

BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
DIGIT = {character: value for value, character in enumerate(BASE64)}

HEADWORD = re.compile(r"^(.*?)\s*(?:/.*)?(?:<[^>]*>)?$")
SENSE_NUMBER = re.compile(r"^\d+\. ")
ANNOTATION = re.compile(r"<[^>]*>|\[[^\]]*\]|\([^)]*\)| \d+\.$")
ENGLISH_WORD = re.compile(r"^[a-z]{3,10}$")
UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "œ": "oe", "æ": "ae"})
LIGATURES = str.maketrans({"ß": "ss", "œ": "oe", "æ": "ae"})

# One article: its senses in order, each a list of translations.
Article = list[list[str]]


def read_dictionary(folder: Path, pair: str) -> dict[str, list[Article]]:
    """Returns headword -> its articles, in the dictionary's order; `pair` is like "eng-fra"."""
    text = gzip.decompress((folder / f"freedict-{pair}.dict.dz").read_bytes())
    spans = set()
    for line in (folder / f"freedict-{pair}.index").read_text(encoding="utf-8").splitlines():
        _, offset, length = line.split("\t")[:3]
        spans.add((decode_number(offset), decode_number(length)))
    articles = defaultdict(list)
    for offset, length in sorted(spans):
        head, *body = text[offset : offset + length].decode("utf-8").split("\n")
        match = HEADWORD.match(head)
        senses = read_senses(body)
        if match and senses:
            articles[match.group(1)].append(senses)
    return articles


def decode_number(digits: str) -> int:
    """Decodes the index's numbers: base 64, most significant digit first."""
    value = 0
    for digit in digits:
        value = value * 64 + DIGIT[digit]
    return value


def read_senses(body: list[str]) -> Article:
    """Takes the first line and every numbered line; glosses, synonyms and examples are skipped."""
    lines = body[:1] + [line for line in body[1:] if SENSE_NUMBER.match(line)]
    senses = []
    for line in lines:
        plain = ANNOTATION.sub("", SENSE_NUMBER.sub("", line.strip()))
        translations = [part.strip() for part in plain.split(",") if part.strip()]
        if translations:
            senses.append(translations)
    return senses


def fold(word: str, german: bool) -> str:
    """Writes a word in plain lower-case letters: German by its own rule (ä = ae), others bare."""
    lowered = word.lower().translate(UMLAUTS if german else LIGATURES)
    decomposed = unicodedata.normalize("NFKD", lowered)
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def candidates(articles: list[Article]) -> list[str]:
    """Lists every translation of a word once, in the dictionary's order."""
    return list(dict.fromkeys(word for senses in articles for sense in senses for word in sense))


def agreement(
    word: str, translation: str, articles: list[Article], reverse: dict[str, list[Article]]
) -> float:
    """Returns how firmly two dictionaries pair a word and its translation, from 0 to 1.

    It is the Dice coefficient 2 / (translations of the word + meanings of the translation), and 0
    unless each is listed for the other. 1 means that neither has any other partner.
    """
    meanings = candidates(reverse.get(translation, []))
    if word not in meanings:
        return 0.0
    return 2 / (len(candidates(articles)) + len(meanings))


def is_first_meaning(word: str, translation: str, reverse: dict[str, list[Article]]) -> bool:
    """Tells whether the reverse dictionary gives `word` as the first meaning of `translation`."""
    articles = reverse.get(translation)
    return bool(articles) and articles[0][0][0] == word


class Cooccurrence:
    """Counts which words stand in headwords and which in their translations, over a dictionary.

    A large dictionary lists many phrases; the more often a headword word and a translation word
    occur in the same article, the more usual the pair.
    """

    def __init__(self, dictionary: dict[str, list[Article]]) -> None:
        self.headwords = Counter()
        self.meanings = Counter()
        self.pairs = defaultdict(Counter)
        for headword, articles in dictionary.items():
            in_headword = set(headword.split())
            self.headwords.update(in_headword)
            for word in {word for text in candidates(articles) for word in text.split()}:
                self.meanings[word] += 1
                self.pairs[word].update(in_headword)

    def dice(self, meaning: str, headword: str) -> float:
        """Returns the Dice coefficient of two words, from 0 (never together) to 1 (always)."""
        together = self.pairs[meaning][headword]
        return 2 * together / max(1, self.meanings[meaning] + self.headwords[headword])
