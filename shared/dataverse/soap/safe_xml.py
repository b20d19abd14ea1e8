"""XML from outside as a tree: no document types, no entities, no depth without end. Each i:type is resolved.

A module of its own because defusedxml is imported only where an answer is read.
"""

from typing import Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from shared.dataverse.soap.namespaces import I
from shared.dataverse.soap.values import UnreadableError

_TYPE = f"{I}type"
_DEEPEST = 200
"""Elements inside each other. Real answers nest collections in bags a few times, some 20 elements deep."""


class _Builder(TreeBuilder):
    """Knows which prefix stands for which namespace at each element: WCF declares them on the value itself."""

    def __init__(self) -> None:
        super().__init__()
        self._namespaces: dict[str, list[str]] = {}
        self._depth = 0

    def start_ns(self, prefix: str | None, uri: str | None) -> None:
        self._namespaces.setdefault(prefix or "", []).append(uri or "")

    def end_ns(self, prefix: str | None) -> None:
        self._namespaces[prefix or ""].pop()

    def start(self, tag: str, attrs: dict[Any, Any], /) -> Element:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise UnreadableError("it is nested too deep")
        if kind := attrs.get(_TYPE):
            prefix, _, name = kind.strip().rpartition(":")
            uri = (self._namespaces.get(prefix) or [""])[-1]
            attrs[_TYPE] = f"{{{uri}}}{name}"
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(tag)


def parsed(body: bytes) -> Element:
    """The root element, each i:type as `{namespace}name`. Raises UnreadableError."""
    parser = DefusedXMLParser(target=_Builder(), forbid_dtd=True)
    try:
        parser.feed(body)
        root: Element = parser.close()
    except DefusedXmlException:
        raise UnreadableError("it has a document type or entities") from None
    except (ParseError, LookupError, ValueError):
        raise UnreadableError("it is not well-formed XML") from None
    return root
