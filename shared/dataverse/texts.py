"""Texts as Dynamics counts and takes them: in UTF-16 code units. Pure."""


def units(text: str) -> int:
    """How long the text is for a text column."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, longest: int) -> str:
    """The beginning of the text, at most so many UTF-16 code units, as Dynamics counts them."""
    if len(text) * 2 <= longest or units(text) <= longest:
        return text
    return text.encode("utf-16-le", "surrogatepass")[: 2 * longest].decode("utf-16-le", "ignore")
