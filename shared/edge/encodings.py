"""Encodings: the bytes of a file as UTF-8, whatever its author's spreadsheet wrote."""

import codecs
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Literal

from shared.domain.files import EncodingWrong

type Encoding = Literal["utf-8", "cp1252"]

NAMES = {"utf-8": "UTF-8", "cp1252": "Windows-1252", "utf-16": "UTF-16"}
_UTF_8_MARK = codecs.BOM_UTF8
_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def as_utf8(chunks: Iterable[bytes], encoding: Encoding) -> Iterator[bytes]:
    """The chunks in UTF-8. UTF-16 is known by its mark; UTF-8 is passed on as it is, unread.

    Raises EncodingWrong.
    """
    remaining = iter(chunks)
    first = next(remaining, b"")
    whole = chain([first], remaining)
    if first.startswith(_UTF_16_MARKS):
        return _recoded(whole, "utf-16")
    if encoding != "utf-8" and not first.startswith(_UTF_8_MARK):
        return _recoded(whole, encoding)
    return whole


def _recoded(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    try:
        for chunk in chunks:
            text = decoder.decode(chunk)
            line += text.count("\n")
            yield text.encode()
        yield decoder.decode(b"", final=True).encode()
    except UnicodeError as error:
        raise EncodingWrong(encoding=NAMES[encoding], line=line) from error
