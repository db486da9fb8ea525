"""Text from files and folder names, made safe to print: nothing that controls a terminal or a page.

Control characters move the cursor, direction marks reorder what is read, and lone surrogates, which
stand for bytes of file names that are not UTF-8, cannot be encoded.
"""

import re

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_DIRECTION_MARKS = "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff"
_SURROGATES = "\ud800-\udfff"
_UNPRINTABLE = re.compile(f"[\x00-\x1f\x7f-\x9f{_DIRECTION_MARKS}{_SURROGATES}]")
_UNPRINTABLE_IN_PAGE = re.compile(_UNPRINTABLE.pattern.replace("\x00-\x1f", "\x00-\x08\x0b-\x1f"))


def printable(text: str) -> str:
    """Replace each character that must not be printed."""
    return _UNPRINTABLE.sub(REPLACEMENT, text)


def printable_page(text: str) -> str:
    """Do the same for a text of several lines, which keeps its line breaks and tabs."""
    return _UNPRINTABLE_IN_PAGE.sub(REPLACEMENT, text)


def printable_document(document: object) -> object:
    """Do so for every key and text of a decoded JSON document; answers have several lines."""
    if isinstance(document, str):
        return printable_page(document)
    if isinstance(document, list):
        return [printable_document(item) for item in document]
    if isinstance(document, dict):
        return {printable_page(key): printable_document(value) for key, value in document.items()}
    return document


def may_be_unprintable(json_text: str) -> bool:
    """Return whether a JSON text may contain such characters, as they are or escaped."""
    return "\\" in json_text or _UNPRINTABLE_IN_PAGE.search(json_text) is not None
