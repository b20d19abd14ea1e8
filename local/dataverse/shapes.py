"""What was worked out for one text, kept for the next one of the same shape.

Texts have one shape when they differ in their values only: the literals of a `$filter`, the values of FetchXML
conditions. What is kept must therefore hold no value, no caller and no switch of the environment.
"""

# A kept shape needs some fifty bytes of memory for each of its characters.
MOST_CHARACTERS = 500_000


class Shapes[T]:
    """What belongs to each shape. All of it is forgotten when the shapes together have become too long."""

    def __init__(self, most_characters: int = MOST_CHARACTERS) -> None:
        self._kept: dict[tuple[str, ...], T] = {}
        self._characters = 0
        self._most_characters = most_characters

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, *shape: str) -> T | None:
        """Returns what is kept for the shape."""
        return self._kept.get(shape)

    def keep(self, value: T, *shape: str) -> None:
        """Keeps what belongs to the shape, unless that is longer than all may be together."""
        length = sum(map(len, shape))
        if length > self._most_characters or shape in self._kept:
            return
        if self._characters + length > self._most_characters:
            self.clear()
        self._kept[shape] = value
        self._characters += length

    def clear(self) -> None:
        """Forgets everything."""
        self._kept.clear()
        self._characters = 0
