"""Health: whether the database answers and has this schema."""

from shared.store import Conn


def get(conn: Conn) -> str:
    """The name of the newest migration applied."""
    name = conn.execute(
        """
        SELECT max(name)
          FROM schema_migrations
        """
    ).fetchone()
    return name[0] if name else ""
