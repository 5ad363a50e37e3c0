"""The zones that stores keep their clocks by."""

from shared.store import Conn


def find(conn: Conn) -> list[str]:
    return [
        row[0]
        for row in conn.execute(
            """
            SELECT DISTINCT zone
              FROM stores
             WHERE active
            """
        )
    ]
