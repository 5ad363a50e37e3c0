"""Filter expressions as SQL, with the meaning of `domain.filters.matches`.

What is composed are the fragments below and nothing else; every text of a document, the names of attributes
too, travels as a parameter. Texts compare by code point, as Python's do, hence the collation "C".
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from psycopg.sql import SQL, Composable, Identifier, Literal, Placeholder

from shared.domain.facts import Kind
from shared.domain.filters import AllOf, AnyOf, Compare, Filter, InGroup, NotOf
from shared.domain.groups import Chosen, GroupChange, Subject
from shared.domain.operators import NUMBER_IN_TEXT, Op, Value, kind_of
from shared.rows import of
from shared.store import Conn

_TEXT = SQL('{column} COLLATE "C"')
_COLUMNS: Mapping[str, tuple[Kind, Composable]] = {
    "product.sku": (Kind.TEXT, _TEXT.format(column=Identifier("sku"))),
    "product.kind": (Kind.TEXT, _TEXT.format(column=Identifier("kind"))),
    "product.name": (Kind.TEXT, _TEXT.format(column=Identifier("name"))),
    "product.brand": (Kind.TEXT, _TEXT.format(column=Identifier("brand"))),
    "product.collection": (Kind.TEXT, _TEXT.format(column=Identifier("collection"))),
    "product.type": (Kind.TEXT, _TEXT.format(column=Identifier("type"))),
    "product.price": (Kind.NUMBER, Identifier("price")),
    "store.id": (Kind.TEXT, _TEXT.format(column=Identifier("id"))),
    "store.name": (Kind.TEXT, _TEXT.format(column=Identifier("name"))),
    "store.city": (Kind.TEXT, _TEXT.format(column=Identifier("city"))),
    "store.region": (Kind.TEXT, _TEXT.format(column=Identifier("region"))),
    "store.country": (Kind.TEXT, _TEXT.format(column=Identifier("country"))),
    "store.postal_code": (Kind.TEXT, _TEXT.format(column=Identifier("postal_code"))),
}
_ATTRIBUTE = SQL('(attributes ->> {name}::text) COLLATE "C"')

# CASE, since WHERE promises no order and the cast must not meet another text.
_AS_NUMBER = SQL("CASE WHEN {seen} ~ {number} THEN ({seen})::numeric END")
_WHOLE_NUMBER_IN_TEXT = Literal(f"^(?:{NUMBER_IN_TEXT})$")

_RELATIONS: Mapping[Op, SQL] = {
    Op.EQ: SQL("{seen} = {value}"),
    Op.LT: SQL("{seen} < {value}"),
    Op.LE: SQL("{seen} <= {value}"),
    Op.GT: SQL("{seen} > {value}"),
    Op.GE: SQL("{seen} >= {value}"),
    Op.CONTAINS: SQL("strpos({seen}, {value}) > 0"),
    Op.STARTS_WITH: SQL("starts_with({seen}, {value})"),
}
_BETWEEN = SQL("{seen} BETWEEN {low} AND {high}")
_ONE_OF = SQL("{seen} = ANY ({values})")
_EXISTS, _MISSING = SQL("{seen} IS NOT NULL"), SQL("{seen} IS NULL")
_VALUE: Mapping[Kind, SQL] = {Kind.TEXT: SQL("{value}::text"), Kind.NUMBER: SQL("{value}::numeric")}
_VALUES: Mapping[Kind, SQL] = {Kind.TEXT: SQL("{value}::text[]"), Kind.NUMBER: SQL("{value}::numeric[]")}

# NULL is nowhere let through: `not` would keep it, and so keep out rows that it should let in.
_TWO_VALUED = SQL("coalesce({relation}, FALSE)")
_AND, _OR, _BRACKETS, _NOT = SQL(" AND "), SQL(" OR "), SQL("({parts})"), SQL("(NOT {one})")
_ALWAYS, _NEVER = SQL("TRUE"), SQL("FALSE")

# The members of a group as it was last resolved.
_MEMBER: Mapping[str, SQL] = {
    Subject.PRODUCT: SQL(
        "EXISTS (SELECT FROM group_members WHERE group_id = {group_id}::uuid AND key = products.sku)"
    ),
    Subject.STORE: SQL(
        "EXISTS (SELECT FROM group_members WHERE group_id = {group_id}::uuid AND key = stores.id)"
    ),
}

_CHOOSE: Mapping[Subject, SQL] = {
    Subject.PRODUCT: SQL("SELECT sku AS key FROM products WHERE active AND {where}"),
    Subject.STORE: SQL("SELECT id AS key FROM stores WHERE active AND {where}"),
}
_COUNT_AND_SAMPLE = SQL(
    """
      WITH chosen AS ({choose})
    SELECT count(*) AS count,
           ARRAY(SELECT key
                   FROM chosen
                  ORDER BY md5(key), key
                  LIMIT {limit}) AS keys
      FROM chosen
    """
)

# A full join, which is never done by looking at all of one side for each of the other.
_PIN = SQL(
    """
      WITH chosen AS ({choose}),
           other AS MATERIALIZED (
             SELECT key, pinned.key IS NULL AS is_new
               FROM chosen
               FULL JOIN (SELECT key FROM group_members WHERE group_id = {group_id}) AS pinned
              USING (key)
              WHERE chosen.key IS NULL
                 OR pinned.key IS NULL
           ),
           joined AS (
             INSERT INTO group_members (group_id, key)
             SELECT {group_id}, key
               FROM other
              WHERE is_new
             RETURNING key
           ),
           gone AS (
             DELETE FROM group_members
              USING other
              WHERE group_id = {group_id}
                AND group_members.key = other.key
                AND NOT is_new
             RETURNING other.key
           )
    INSERT INTO group_changes (group_id, at, upload_id, joined, "left", joined_sample, left_sample)
    SELECT {group_id}, {now}, {upload_id}, (SELECT count(*) FROM joined), (SELECT count(*) FROM gone),
           ARRAY(SELECT key FROM joined ORDER BY key LIMIT {limit}),
           ARRAY(SELECT key FROM gone ORDER BY key LIMIT {limit})
     WHERE EXISTS (SELECT FROM other)
    RETURNING id, group_id, at, upload_id, joined, "left", joined_sample, left_sample
    """
)

_FIRST = SQL("{choose} ORDER BY key LIMIT {limit}")


def choose(conn: Conn, subject: Subject, tree: Filter, *, sample: int) -> Chosen:
    """How many of the active ones the filter selects, and the keys of `sample` of them.

    Which ones is as good as random, and the same each time as long as the catalogue is.
    """
    writer = _Writer()
    query = _COUNT_AND_SAMPLE.format(
        choose=_CHOOSE[subject].format(where=writer.tree(tree)), limit=writer.parameter(sample)
    )
    chosen = conn.cursor(row_factory=of(Chosen)).execute(query, writer.values).fetchone()
    assert chosen is not None  # noqa: S101 - an aggregate without GROUP BY has one row
    return chosen


def pin(
    conn: Conn,
    subject: Subject,
    tree: Filter,
    *,
    group_id: UUID,
    upload_id: UUID | None,
    sample: int,
    now: datetime,
) -> GroupChange | None:
    """Make whom the filter selects now the group's members; how they are others, None if they are not."""
    writer = _Writer()
    query = _PIN.format(
        choose=_CHOOSE[subject].format(where=writer.tree(tree)),
        group_id=SQL("{}::uuid").format(writer.parameter(group_id)),
        upload_id=SQL("{}::uuid").format(writer.parameter(upload_id)),
        now=SQL("{}::timestamptz").format(writer.parameter(now)),
        limit=writer.parameter(sample),
    )
    return conn.cursor(row_factory=of(GroupChange)).execute(query, writer.values).fetchone()


def find_first(conn: Conn, subject: Subject, tree: Filter, *, limit: int) -> list[str]:
    """The first keys of the active ones that the filter selects."""
    writer = _Writer()
    query = _FIRST.format(
        choose=_CHOOSE[subject].format(where=writer.tree(tree)), limit=writer.parameter(limit)
    )
    return [row[0] for row in conn.execute(query, writer.values)]


class _Writer:
    """Writes one filter; `values` are the parameters so far."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}

    def parameter(self, value: object) -> Composable:
        name = f"value_{len(self.values)}"
        self.values[name] = value
        return Placeholder(name)

    def tree(self, tree: Filter) -> Composable:
        match tree:
            case AllOf(items):
                return _joined(_AND, [self.tree(item) for item in items] or [_ALWAYS])
            case AnyOf(items):
                return _joined(_OR, [self.tree(item) for item in items] or [_NEVER])
            case NotOf(item):
                return _NOT.format(one=self.tree(item))
            case InGroup(subject, group_id):
                return _MEMBER[subject].format(group_id=self.parameter(group_id))
            case Compare(fact, op, value):
                return self.compare(fact, op, value)

    def compare(self, fact: str, op: Op, value: Value) -> Composable:
        kind, seen = self.fact(fact)
        match op:
            case Op.EXISTS:
                return (_EXISTS if value else _MISSING).format(seen=seen)
            case Op.NE:
                return _NOT.format(one=self.compare(fact, Op.EQ, value))
            case Op.NOT_IN:
                return _NOT.format(one=self.compare(fact, Op.IN, value))
            case _:
                return self.relation(kind, seen, op, value)

    def fact(self, name: str) -> tuple[Kind, Composable]:
        if name in _COLUMNS:
            return _COLUMNS[name]
        _, _, attribute = name.split(".", 2)
        return Kind.TEXT, _ATTRIBUTE.format(name=self.parameter(attribute))

    def relation(self, kind: Kind, seen: Composable, op: Op, value: Value) -> Composable:
        if op is Op.IN and isinstance(value, tuple):
            parts = (self.one_of(kind, seen, wanted, value) for wanted in (Kind.TEXT, Kind.NUMBER))
            return _joined(_OR, parts)
        wanted = kind_of(value[0] if isinstance(value, tuple) else value)
        taken = _taken_as(wanted, kind, seen)
        if taken is None or wanted is None:
            return _NEVER
        written = [
            _VALUE[wanted].format(value=self.parameter(each))
            for each in (value if isinstance(value, tuple) else (value,))
        ]
        if op is Op.BETWEEN:
            low, high = written
            return _TWO_VALUED.format(relation=_BETWEEN.format(seen=taken, low=low, high=high))
        return _TWO_VALUED.format(relation=_RELATIONS[op].format(seen=taken, value=written[0]))

    def one_of(self, kind: Kind, seen: Composable, wanted: Kind, values: tuple[object, ...]) -> Composable:
        alike = [value for value in values if kind_of(value) is wanted]
        taken = _taken_as(wanted, kind, seen)
        if taken is None or not alike:
            return _NEVER
        array = _VALUES[wanted].format(value=self.parameter(alike))
        return _TWO_VALUED.format(relation=_ONE_OF.format(seen=taken, values=array))


def _joined(between: SQL, parts: Iterable[Composable]) -> Composable:
    return _BRACKETS.format(parts=between.join(parts))


def _taken_as(wanted: Kind | None, kind: Kind, seen: Composable) -> Composable | None:
    """What is seen as a value of the kind wanted; None where it never is one."""
    if wanted is kind:
        return seen
    if wanted is Kind.NUMBER and kind is Kind.TEXT:
        return _AS_NUMBER.format(seen=seen, number=_WHOLE_NUMBER_IN_TEXT)
    return None
