"""Make sentences about people from a template: some to train on, and some to test with."""

from __future__ import annotations

from dataclasses import dataclass

NAMES = ["Amy", "Ben", "Carla", "David", "Emma", "Frank"]
CITIES = ["Amsterdam", "Boston", "Rome", "New York", "Berlin", "São Paulo"]
WORK = ["a teacher", "a driver", "the manager of a school", "an engineer", "a writer", "a police officer"]


@dataclass
class Fact:
    """A sentence, and the person, the city and the work in it."""

    text: str
    name: str
    city: str
    work: str

    def span(self, part: str) -> tuple[int, int]:
        """Return the first character of a part in the text, and one past its last."""
        begin = self.text.index(part)
        return begin, begin + len(part)


def facts() -> tuple[list[Fact], list[Fact]]:
    """Return the facts to train on, and those to test with."""
    seen, unseen = [], []
    for row, name in enumerate(NAMES):
        for column, city in enumerate(CITIES):
            work = WORK[(row * 5 + column) % len(WORK)]
            fact = Fact(f"{name} lives in {city} and works as {work}.", name, city, work)
            (unseen if (row + column) % 5 == 3 else seen).append(fact)
    return seen, unseen
