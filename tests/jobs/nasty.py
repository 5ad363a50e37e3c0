"""Nasty files, each with what must become of it; made here, since no editor would keep most of them."""

from dataclasses import dataclass

from shared.edge.csv_files import MOST_CELL, MOST_LINE

HEADER = "New Code,Name,Price,Currency,Tax Rate %"
ROW = "A,Lens,10,EUR,22"
GOOD = f"{HEADER}\n{ROW}\n"


@dataclass(frozen=True, slots=True)
class Nasty:
    """A file: the `reason` for which it is refused, or how many rows are taken and the others' errors."""

    name: str
    content: bytes
    reason: str | None = None
    taken: int = 0
    errors: tuple[tuple[int, str], ...] = ()
    warned: bool = False
    attribute: str | None = None
    """What the attribute Note of the row A must be."""


def refused(name: str, content: str | bytes, reason: str) -> Nasty:
    return Nasty(name, content.encode() if isinstance(content, str) else content, reason=reason)


def taken(
    name: str,
    content: str | bytes,
    count: int = 1,
    *,
    warned: bool = False,
    attribute: str | None = None,
) -> Nasty:
    body = content.encode() if isinstance(content, str) else content
    return Nasty(name, body, taken=count, warned=warned, attribute=attribute)


def rejected(name: str, content: str | bytes, *errors: tuple[int, str], count: int = 0) -> Nasty:
    body = content.encode() if isinstance(content, str) else content
    return Nasty(name, body, taken=count, errors=errors)


def cell(name: str, fault: str, **changes: str) -> Nasty:
    """A good row and one with these cells; the second is rejected with this code."""
    values = {"code": "B", "name": "Lens", "price": "10", "currency": "EUR", "tax": "22"} | changes
    return rejected(name, f"{GOOD}{','.join(values.values())}\n", (3, fault), count=1)


def noted(name: str, cell_text: str, attribute: str) -> Nasty:
    """An attribute that must arrive exactly so."""
    return taken(name, f"{HEADER},Note\n{ROW},{cell_text}\n", attribute=attribute)


NASTY = (
    # Not a table at all
    refused("empty", b"", "empty"),
    refused("only blank lines", "\n\n\r\n", "empty"),
    refused("only a byte-order mark", b"\xef\xbb\xbf", "empty"),
    refused("zip renamed", b"PK\x03\x04" + bytes(60), "not_text"),
    refused("empty zip renamed", b"PK\x05\x06" + bytes(18), "not_text"),
    refused("old Excel", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "not_text"),
    refused("gzip", b"\x1f\x8b\x08\x00abc", "not_text"),
    refused("PDF", b"%PDF-1.7\n", "not_text"),
    refused("NUL in a cell", f"{HEADER}\nA,Le\0ns,10,EUR,22\n", "nul"),
    refused("NUL at the end", GOOD.encode() + b"\0", "nul"),
    refused("UTF-16 without its mark", GOOD.encode("utf-16-le"), "nul"),
    refused("JSON", '[{"New Code": "A"}]', "header_missing"),
    refused("HTML", "<html><body>Sign in</body></html>", "header_missing"),
    refused("one endless line", "x" * (MOST_LINE + 1), "line_too_long"),
    # Encodings
    taken("UTF-8 with its mark", b"\xef\xbb\xbf" + GOOD.encode()),
    taken("UTF-16 little-endian", GOOD.encode("utf-16")),
    taken("UTF-16 big-endian", ("\ufeff" + GOOD).encode("utf-16-be")),
    refused("UTF-16 cut in a character", GOOD.encode("utf-16")[:-1], "encoding"),
    Nasty("Windows-1252", f"{HEADER},Note\n{ROW},caffè €\n".encode("cp1252"), taken=1, warned=True,
          attribute="caffè €"),
    taken("Windows-1252 late in the file", GOOD.encode() + b"B,Lens\xe8,10,EUR,22\n", 2, warned=True),
    refused("neither UTF-8 nor Windows-1252", GOOD.encode() + b"B,\x81\xe8,10,EUR,22\n", "encoding"),
    refused("marked UTF-8 that is none", b"\xef\xbb\xbf" + GOOD.encode() + b"B,\xe8,1,EUR,22\n", "encoding"),
    noted("emoji", "👓 👩‍👩‍👧", "👓 👩‍👩‍👧"),
    noted("right to left", "משקפיים نظارات", "משקפיים نظارات"),
    noted("beyond the basic plane", "\U0001d50f\U0001d522", "\U0001d50f\U0001d522"),
    noted("combining accents stay as they are", "e\u0301", "e\u0301"),
    noted("no-break blanks at the ends go", "\u00a0x\u00a0", "x"),
    # Lines
    taken("CRLF", GOOD.replace("\n", "\r\n")),
    taken("CR alone", GOOD.replace("\n", "\r")),
    taken("no end of the last line", GOOD.rstrip()),
    taken("mixed line ends", f"{HEADER}\r\n{ROW}\nB,Lens,10,EUR,22\r\n", 2),
    taken("blank lines between", f"{HEADER}\n\n{ROW}\n\n\nB,Lens,10,EUR,22\n", 2),
    taken("blank lines before the header", f"\n\n{GOOD}"),
    taken("rows of commas only", f"{GOOD},,,,\n,,,,\n"),
    taken("header only", f"{HEADER}\n", 0),
    # Delimiters
    taken("semicolons", GOOD.replace(",", ";")),
    taken("tabs", GOOD.replace(",", "\t")),
    taken("bars", GOOD.replace(",", "|")),
    taken("semicolons with decimal commas", GOOD.replace(",", ";").replace("10", "10,50")),
    taken("commas in a header of semicolons", GOOD.replace(",", ";").replace("\n", ';"a,b,c,d,e,f"\n')),
    refused("colons", GOOD.replace(",", ":"), "header_missing"),
    # Quotes
    noted("quoted delimiter", '"a,b"', "a,b"),
    noted("doubled quotes", '"a ""b"" c"', 'a "b" c'),
    noted("quoted line break", '"a\nb"', "a\nb"),
    noted("quoted CRLF", '"a\r\nb"', "a\r\nb"),
    noted("backslashes, tabs", '"a\\b\\N\tc\\"', "a\\b\\N\tc\\"),
    noted("a backslash and a dot", "\\.", "\\."),
    taken("everything quoted", '"' + GOOD.strip().replace(",", '","').replace("\n", '"\n"') + '"'),
    refused("unclosed quote", f'{GOOD}B,"Lens,10,EUR,22\n', "unclosed_quote"),
    refused("text behind a quote", f'{GOOD}B,"Le"ns,10,EUR,22\n', "stray_quote"),
    noted("a quote inside a bare cell", 'a "b"', 'a "b"'),
    refused("unclosed quote in a big file", GOOD + 'B,"' + "x,\n" * MOST_CELL, "cell_too_long"),
    refused("field of 10 MB", f"{HEADER}\nA,{'x' * 10_000_000},1,EUR,22\n", "line_too_long"),
    refused("field just over the limit", f"{HEADER}\nA,{'x' * (MOST_CELL + 1)},1,EUR,22\n", "cell_too_long"),
    # Headers
    refused("header twice", f"{HEADER},Name\n", "header_duplicate"),
    refused("header twice in another case", f"{HEADER},NAME\n", "header_duplicate"),
    refused("attribute twice", f"{HEADER},Note,note\n", "header_duplicate"),
    refused("no price", "New Code,Name,Currency,Tax Rate %\n", "header_missing"),
    refused("no header", f"{ROW}\n", "header_missing"),
    refused("blank header inside", "New Code,,Name,Price,Currency,Tax Rate %\n", "header_blank"),
    refused("header too long", f"{HEADER},{'x' * 101}\n", "header_too_long"),
    refused("too many columns", HEADER + "".join(f",a{n}" for n in range(200)) + "\n", "too_many_columns"),
    taken("empty columns at the end", f"{HEADER},,\n{ROW},,\n"),
    taken("headers in another case and order", "TAX rate %,price,NAME,  new   code,currency\n22,1,x,A,EUR\n"),
    # Rows
    rejected("row too short", f"{GOOD}B,Lens\n", (3, "too_few_cells"), count=1),
    refused("row too long", f"{GOOD}B,Lens,10,EUR,22,more\n", "too_many_cells"),
    taken("row too long by empty cells", f"{HEADER}\n{ROW},,,\n"),
    rejected("same key and row again", f"{GOOD}{ROW}\n", (3, "duplicate"), count=1),
    rejected("same key with another price", f"{GOOD}A,Lens,11,EUR,22\n", (3, "duplicate_conflict"), count=1),
    rejected("every cell wrong", f"{HEADER}\n,,x,eur,200\n", *((2, code) for code in (
        "missing", "missing", "price_malformed", "currency_unknown", "tax_rate_malformed"))),
    # Spreadsheets
    cell("code made a number", "spreadsheet_number", code="8.05E+12"),
    cell("code made a number with a comma", "spreadsheet_number", code='"8,05E+12"'),
    cell("code made a date", "spreadsheet_date", code="2-May"),
    cell("code made a month", "spreadsheet_date", code="Mar-24"),
    cell("code made a day", "spreadsheet_date", code="01/02/2024"),
    cell("code from a failed formula", "spreadsheet_fault", code="#N/A"),
    noted("a formula is text", '"=HYPERLINK(""http://x"";""y"")"', '=HYPERLINK("http://x";"y")'),
    noted("a command is text", "=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0"),
    cell("code with a line break", "code_malformed", code='"B\nC"'),
    cell("code too long", "text_too_long", code="B" * 65),
    # Numbers
    cell("thousands by point", "thousands_separated", price='"1.234,50"'),
    cell("thousands by comma", "thousands_separated", price='"1,234.50"'),
    cell("thousands or decimals", "thousands_separated", price="1.000"),
    cell("thousands by blank", "thousands_separated", price="1 000"),
    cell("with a currency sign", "price_malformed", price="€10"),
    cell("negative", "price_malformed", price="-1"),
    cell("not a number", "price_malformed", price="NaN"),
    cell("infinite", "price_malformed", price="inf"),
    cell("other digits", "price_malformed", price="\u0661\u0660"),
    cell("too exact", "price_too_exact", price="10.0001"),
    cell("too large", "price_malformed", price="9" * 13),
    cell("tax with a sign", "tax_rate_malformed", tax="22%"),
    cell("tax too high", "tax_rate_malformed", tax="100.01"),
    cell("with an exponent", "price_malformed", price="1e3"),
    rejected("attribute too long", f"{HEADER},Note\n{ROW},{'x' * 2001}\n", (2, "text_too_long")),
)  # fmt: skip
