"""Files: the reasons for which an uploaded file is refused as a whole."""

from shared.domain.errors import Refused


class FileRefused(Refused):
    """The file cannot be taken."""

    code = "file_refused"


class FileGone(FileRefused):
    """The file was deleted before it could be read."""

    code = "file_gone"


class FileTooLarge(FileRefused):
    """The file has {size} bytes; {limit} are the most."""

    code = "too_large"


class FileEmpty(FileRefused):
    """The file is empty; it needs a header at least."""

    code = "empty"


class NotText(FileRefused):
    """The file is {format}, not CSV text; export it as CSV."""

    code = "not_text"


class EncodingWrong(FileRefused):
    """The file is not {encoding}, at line {line} or soon after; export it as CSV UTF-8."""

    code = "encoding"

    @property
    def other_may_fit(self) -> bool:
        """Whether the file may be of an encoding that has no mark."""
        return self.values["encoding"] == "UTF-8"


class NulFound(FileRefused):
    """The file holds NUL bytes, as no text does; it is damaged or not CSV."""

    code = "nul"


class UnclosedQuote(FileRefused):
    """A quotation mark opened in the row at line {line} is never closed."""

    code = "unclosed_quote"


class StrayQuote(FileRefused):
    """The row at line {line} has a quotation mark in the wrong place; inside quotes it must be doubled."""

    code = "stray_quote"


class CellTooLong(FileRefused):
    """A cell of the row at line {line} is longer than {limit} characters; is a quotation mark not closed?"""

    code = "cell_too_long"


class LineTooLong(FileRefused):
    """A line is longer than {limit} bytes; this is not a table."""

    code = "line_too_long"


class TooManyCells(FileRefused):
    """The row at line {line} has more cells than the header; is a separator not quoted?"""

    code = "too_many_cells"


class TooManyColumns(FileRefused):
    """The header has {count} columns; {limit} are the most."""

    code = "too_many_columns"


class HeaderBlank(FileRefused):
    """Column {position} has no header."""

    code = "header_blank"


class HeaderTooLong(FileRefused):
    """The header of column {position} is longer than {limit} characters."""

    code = "header_too_long"


class HeaderDuplicate(FileRefused):
    """The header {header} is there twice."""

    code = "header_duplicate"


class HeaderMissing(FileRefused):
    """These columns are missing: {headers}."""

    code = "header_missing"


class HeaderUnknown(FileRefused):
    """This kind of file has no columns {headers}."""

    code = "header_unknown"


class TooManyRows(FileRefused):
    """The file has more than {limit} rows; send it in parts."""

    code = "too_many_rows"
