"""Rejected cells of the file being applied: a table that lives as long as the transaction."""

from collections.abc import Generator, Iterable
from dataclasses import astuple

from shared.domain.row_errors import Rejection
from shared.rows import of
from shared.store import Conn


def create(conn: Conn) -> None:
    conn.execute(
        """
        CREATE TEMPORARY TABLE rejected_cells (
            place_in_order integer GENERATED ALWAYS AS IDENTITY,
            line           integer NOT NULL,
            place          text    NOT NULL,
            code           text    NOT NULL,
            value          text    NOT NULL,
            other          text    NOT NULL,
            whole          text
        ) ON COMMIT DROP
        """
    )


def insert(conn: Conn, rejections: Iterable[Rejection]) -> None:
    with conn.cursor().copy(
        "COPY rejected_cells (line, place, code, value, other, whole) FROM STDIN"
    ) as copy:
        for rejection in rejections:
            copy.write_row(astuple(rejection))


def count_rows(conn: Conn) -> int:
    """How many rows of the file have one at least."""
    return conn.execute("SELECT count(DISTINCT line) FROM rejected_cells").fetchall()[0][0]


def find(conn: Conn) -> Generator[Rejection]:
    """Every rejection, in the order of the file, a few at a time."""
    with conn.cursor("rejected_cells", row_factory=of(Rejection)) as cursor:
        cursor.itersize = 1_000
        yield from cursor.execute(
            """
            SELECT line, place, code, value, other
              FROM rejected_cells
             ORDER BY line, place_in_order
            """
        )
