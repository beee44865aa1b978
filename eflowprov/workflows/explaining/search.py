"""Words looked up in the catalogue, spelling mistakes forgiven; the standard library alone."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import SequenceMatcher, get_close_matches
from functools import cache
from math import log

from eflowprov.workflows.explaining.topics import Topic

_WORD = re.compile(r"[a-z0-9]+")
_ALIKE = 0.8  # difflib's ratio for one or two wrong letters in a word of eight
_IN_TEXT = 0.45  # a word in the explanation counts less than one in the title, the id or a message
_MOST_WORDS = 60  # of a query; a pasted page has every word there is


def _stem(word: str) -> str:
    """The word without its plural or past ending, so that restarts and restarted find restart."""
    for ending in ("ing", "ed", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word.removesuffix(ending)
    return word


_EMPTY = frozenset(
    _stem(word)
    for word in _WORD.findall(
        "a an and are as at be but by can cannot do does eflow for from has have how i if in iot edge is it its my no "
        "not of on or our so that the then there this to was what when where which who why will with you azure error "
        "failed fails failure iotedge"
    )
)


def ranked(query: str, topics: Sequence[Topic]) -> list[tuple[float, Topic]]:
    """The topics that hold words of the query, best first, each with a score from 0 to 1.

    The score is the share of the query's weight that the topic has; rare words weigh more.
    """
    words = [word for word in dict.fromkeys(_words(query)) if word not in _EMPTY and len(word) > 1][:_MOST_WORDS]
    if not words:
        return []
    index = _index(tuple(topics))
    meant = {word: _spelled(word, index.keys()) for word in words}
    weights = {word: log(1 + len(topics) / (1 + len(index.get(meant[word], {})))) for word in words}
    total = sum(weights.values())
    hits: dict[int, float] = {}
    for word in words:
        for place, strength in index.get(meant[word], {}).items():
            hits[place] = hits.get(place, 0.0) + weights[word] * strength / total
    order = sorted(hits, key=lambda place: (-hits[place], place))
    return [(hits[place], topics[place]) for place in order]


def nearest_names(query: str, names: Collection[str]) -> list[str]:
    """The ids that look like the query, for one that was mistyped."""
    name = query.casefold()[:200]
    bare = {each.partition("/")[2]: each for each in names}
    close = get_close_matches(name, names, 3, 0.6) + [bare[each] for each in get_close_matches(name, bare, 3, 0.6)]
    return sorted(dict.fromkeys(close), key=lambda each: -SequenceMatcher(None, name, each).ratio())


@cache
def _index(topics: tuple[Topic, ...]) -> Mapping[str, Mapping[int, float]]:
    """Word -> the places of the topics that have it, and how much it counts there."""
    index: dict[str, dict[int, float]] = {}
    for place, topic in enumerate(topics):
        entry = topic.entry
        head = _words(" ".join((entry.id, entry.title, topic.kind, *entry.messages, *entry.also)))
        for strength, words in ((_IN_TEXT, _words(f"{entry.explanation} {entry.remedy}")), (1.0, head)):
            for word in words:
                index.setdefault(word, {})[place] = strength
    return index


def _words(text: str) -> Iterable[str]:
    return map(_stem, _WORD.findall(text.casefold()))


def _spelled(word: str, known: Collection[str]) -> str:
    """The catalogue's spelling of a word: its own, else the nearest."""
    if word in known or len(word) < 4:
        return word
    return next(iter(get_close_matches(word, known, 1, _ALIKE)), word)
