"""Staged receipts: the lines of a file of receipts, in tables that live as long as their transaction.

`receipt` tells which one a line is of, by what its cells say and before anything is looked up: a number
counts within its store and day, since many tills begin anew each morning. `whole` is all that this is made
of, which rejected_cells tells of what was rejected, since a receipt is taken or rejected as one.
"""

from collections.abc import Iterable

from shared.domain.csv_rows import Table
from shared.domain.uploads import Applied, Slice
from shared.rows import of
from shared.store import Conn


def insert(conn: Conn, blocks: Iterable[bytes]) -> None:
    """Copy the rows, as `shared.copy_text` makes them. Amounts are in minor units, times are the till's."""
    conn.execute(
        """
        CREATE TEMPORARY TABLE staged_receipts (
            line       integer NOT NULL,
            store_id   text,
            number     text,
            till       text,
            sold_at    text,
            sold_on    text,
            sold_time  text,
            sku        text    NOT NULL,
            quantity   integer NOT NULL,
            unit_price bigint,
            amount     bigint,
            discount   bigint,
            promotion  text,
            currency   text,
            whole      text    GENERATED ALWAYS AS (
                coalesce(store_id, '') || chr(31) || coalesce(number, '') || chr(31) || coalesce(till, '')
                || chr(31) || coalesce(sold_at, '') || chr(31) || coalesce(sold_on, '') || chr(31)
                || coalesce(sold_time, '')
            ) STORED,
            receipt    text    GENERATED ALWAYS AS (
                CASE WHEN number IS NULL
                     THEN coalesce(store_id, '') || chr(31) || chr(31) || coalesce(till, '') || chr(31)
                          || coalesce(sold_at, '') || chr(31) || coalesce(sold_on, '') || chr(31)
                          || coalesce(sold_time, '')
                     ELSE coalesce(store_id, '') || chr(31) || number || chr(31)
                          || left(coalesce(sold_at, sold_on), 10)
                END
            ) STORED
        ) ON COMMIT DROP
        """
    )
    with conn.cursor().copy("COPY staged_receipts FROM STDIN WITH (NULL '')") as copy:
        for block in blocks:
            copy.write(block)
    conn.execute("ANALYZE staged_receipts")


def delete_of_unknown_stores(conn: Conn, table: Table) -> int:
    """Find out which store each line is of, and reject those of none, or of a name that several have."""
    conn.execute(
        """
        CREATE TEMPORARY TABLE IF NOT EXISTS till_stores ON COMMIT DROP AS
        SELECT named, min(stores.id) AS id, min(stores.retailer_id) AS retailer_id, min(stores.zone) AS zone
          FROM (SELECT DISTINCT coalesce(store_id, %(store_id)s) AS named FROM staged_receipts) AS found
          JOIN stores
            ON named = CASE %(by)s::text
                         WHEN 'id' THEN stores.id
                         WHEN 'company_a_id' THEN stores.company_a_id
                         WHEN 'company_b_id' THEN stores.company_b_id
                         ELSE stores.attributes ->> replace(%(by)s::text, 'attribute:', '')
                       END
         GROUP BY named
        HAVING count(*) = 1
        """,
        {
            "by": table.kind.constants.get("store_by", "id"),
            "store_id": table.kind.constants.get("store_id"),
        },
    )
    return conn.execute(
        """
          WITH gone AS (
                 DELETE FROM staged_receipts AS s
                  WHERE NOT EXISTS (
                          SELECT FROM till_stores WHERE named = coalesce(s.store_id, %(store_id)s)
                        )
                 RETURNING line, coalesce(store_id, %(store_id)s) AS named, whole
               )
        INSERT INTO rejected_cells (line, place, code, value, other, whole)
        SELECT line, 'store_id', 'store_unknown', named, named, whole
          FROM gone
        """,
        {"store_id": table.kind.constants.get("store_id")},
    ).rowcount


def delete_of_other_retailers(conn: Conn, table: Table) -> int:
    """Reject the lines of stores that are not of the retailer whose file it is, where that was said."""
    return conn.execute(
        """
          WITH gone AS (
                 DELETE FROM staged_receipts AS s
                  USING till_stores
                  WHERE named = coalesce(s.store_id, %(store_id)s)
                    AND retailer_id <> %(retailer_id)s
                 RETURNING s.line, named, whole
               )
        INSERT INTO rejected_cells (line, place, code, value, other, whole)
        SELECT line, 'store_id', 'store_of_another', named, named, whole
          FROM gone
        """,
        {
            "store_id": table.kind.constants.get("store_id"),
            "retailer_id": table.kind.constants.get("retailer_id"),
        },
    ).rowcount


def delete_without_amount(conn: Conn, _table: Table) -> int:
    """Reject the lines that tell neither what was paid nor a price."""
    return conn.execute(
        """
          WITH gone AS (
                 DELETE FROM staged_receipts
                  WHERE amount IS NULL
                    AND unit_price IS NULL
                 RETURNING line, whole
               )
        INSERT INTO rejected_cells (line, place, code, value, other, whole)
        SELECT line, 'amount', 'missing', '', '', whole
          FROM gone
        """
    ).rowcount


def delete_of_two_signs(conn: Conn, _table: Table) -> int:
    """Reject the lines whose amount has another sign than their quantity."""
    return conn.execute(
        """
          WITH gone AS (
                 DELETE FROM staged_receipts
                  WHERE sign(quantity) * sign(amount) < 0
                 RETURNING line, quantity, whole
               )
        INSERT INTO rejected_cells (line, place, code, value, other, whole)
        SELECT line, 'amount', 'sign_conflict', '', quantity, whole
          FROM gone
        """
    ).rowcount


def delete_of_other_goods(conn: Conn, table: Table) -> int:
    """Reject the lines of goods that are not in the catalogue; or pass them over, as the mapping has it."""
    return conn.execute(
        """
          WITH gone AS (
                 DELETE FROM staged_receipts AS s
                  WHERE NOT EXISTS (SELECT FROM products WHERE products.sku = s.sku)
                 RETURNING line, sku, whole
               )
        INSERT INTO rejected_cells (line, place, code, value, other, whole)
        SELECT line, 'sku', 'sku_unknown', sku, sku, whole
          FROM gone
         WHERE %(skip)s <> 'True'
        """,
        {"skip": table.kind.constants.get("skip_other_goods", "False")},
    ).rowcount


def delete_conflicting(conn: Conn, _table: Table) -> int:
    """Reject the lines that have another time or currency than the first of their receipt."""
    return conn.execute(
        """
          WITH beside AS (
                 SELECT line,
                        first_value(line) OVER receipt AS first,
                        (sold_at, sold_on, sold_time, currency)
                        IS DISTINCT FROM
                        (first_value(sold_at) OVER receipt, first_value(sold_on) OVER receipt,
                         first_value(sold_time) OVER receipt, first_value(currency) OVER receipt) AS differs
                   FROM staged_receipts
                 WINDOW receipt AS (PARTITION BY receipt ORDER BY line)
               ),
               gone AS (
                 DELETE FROM staged_receipts AS s
                  USING beside
                  WHERE beside.line = s.line
                    AND differs
                 RETURNING s.line, first, number, whole
               )
        INSERT INTO rejected_cells (line, place, code, value, other, whole)
        SELECT line, 'number', 'receipt_conflict', coalesce(number, ''), first, whole
          FROM gone
        """
    ).rowcount


def delete_incomplete(conn: Conn, _table: Table) -> int:
    """Reject the lines of receipts of which another line was rejected.

    One whose day cannot be read may be of any receipt of its number.
    """
    return conn.execute(
        """
          WITH bad AS (
                 SELECT line, whole, part[1] AS store, part[2] AS number,
                        left(coalesce(nullif(part[4], ''), part[5]), 10) AS day
                   FROM rejected_cells, string_to_array(whole, chr(31)) AS part
                  WHERE whole <> ''
               ),
               beside AS (
                 SELECT s.line, min(bad.line) AS other
                   FROM staged_receipts AS s
                   JOIN bad
                     ON s.receipt = CASE WHEN bad.number = ''
                                         THEN bad.whole
                                         ELSE bad.store || chr(31) || bad.number || chr(31) || bad.day
                                    END
                  GROUP BY s.line
                  UNION ALL
                 SELECT s.line, min(bad.line)
                   FROM staged_receipts AS s
                   JOIN bad
                     ON (coalesce(s.store_id, ''), s.number) = (bad.store, bad.number)
                    AND bad.day !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$'
                  GROUP BY s.line
               ),
               gone AS (
                 DELETE FROM staged_receipts AS s
                  USING (SELECT line, min(other) AS other FROM beside GROUP BY line) AS found
                  WHERE found.line = s.line
                 RETURNING s.line, other, number
               )
        INSERT INTO rejected_cells (line, place, code, value, other)
        SELECT line, 'number', 'receipt_incomplete', coalesce(number, ''), other
          FROM gone
        """
    ).rowcount


def gather(conn: Conn, table: Table) -> None:
    """Make receipts of the lines: what went out and what came back, each with its lines in a fixed order."""
    conn.execute(
        """
        CREATE TEMPORARY TABLE gathered_receipts ON COMMIT DROP AS
          WITH lines AS (
                 SELECT till_stores.id AS store_id, till_stores.retailer_id, zone, number, till, sku,
                        quantity, promotion, coalesce(currency, %(currency)s) AS currency,
                        coalesce(sold_at, sold_on || ' ' || sold_time)::timestamp AS sold,
                        coalesce(
                          amount,
                          sign(quantity) * (abs(quantity) * abs(unit_price) - abs(coalesce(discount, 0)))
                        )::bigint AS net_minor,
                        CASE WHEN quantity > 0 THEN 'sale' ELSE 'return' END AS kind
                   FROM staged_receipts
                   JOIN till_stores
                     ON named = coalesce(staged_receipts.store_id, %(store_id)s)
               )
        SELECT store_id, retailer_id, kind,
               coalesce(number || ' ' || sold::date, '@' || sold::text || coalesce(' ' || till, '')) AS key,
               number,
               sold AT TIME ZONE zone AS sold_at,
               sold::date AS day,
               currency,
               sum(net_minor)::bigint AS net_minor,
               jsonb_agg(
                 jsonb_build_object('sku', sku, 'quantity', quantity, 'net_minor', net_minor,
                                    'promotion', promotion)
                 ORDER BY sku, quantity, net_minor, promotion
               ) AS lines,
               count(*) AS line_count
          FROM lines
         GROUP BY store_id, retailer_id, kind, number, till, sold, zone, currency
        """,
        {
            "store_id": table.kind.constants.get("store_id"),
            "currency": table.kind.constants.get("currency"),
        },
    )
    conn.execute("ANALYZE gathered_receipts")


def count_pages(conn: Conn) -> int:
    return conn.execute(
        "SELECT pg_relation_size('pg_temp.gathered_receipts') / current_setting('block_size')::integer"
    ).fetchall()[0][0]


def merge(conn: Conn, part: Slice) -> Applied:
    """Write the receipts that are new or differ, and the days to be reconciled. Counts their lines."""
    return (
        conn.cursor(row_factory=of(Applied))
        .execute(
            """
              WITH merged AS (
                     MERGE INTO receipts AS r
                     USING (SELECT *
                              FROM gathered_receipts
                             WHERE ctid >= %(first)s::tid
                               AND ctid < %(end)s::tid) AS g
                        ON (r.store_id, r.key, r.kind) = (g.store_id, g.key, g.kind)
                      WHEN MATCHED
                       AND (r.retailer_id, r.sold_at, r.currency, r.net_minor, r.lines)
                           IS DISTINCT FROM
                           (g.retailer_id, g.sold_at, g.currency, g.net_minor, g.lines)
                      THEN UPDATE
                       SET retailer_id = g.retailer_id,
                           sold_at = g.sold_at,
                           currency = g.currency,
                           net_minor = g.net_minor,
                           lines = g.lines,
                           revision = r.revision + 1,
                           upload_id = %(upload_id)s,
                           updated_at = %(now)s
                      WHEN NOT MATCHED
                      THEN INSERT (retailer_id, store_id, kind, key, number, sold_at, day, currency,
                                   net_minor, lines, upload_id, created_at, updated_at)
                           VALUES (g.retailer_id, g.store_id, g.kind, g.key, g.number, g.sold_at, g.day,
                                   g.currency, g.net_minor, g.lines, %(upload_id)s, %(now)s, %(now)s)
                     RETURNING merge_action() AS action, g.line_count, r.store_id, r.day
                   ),
                   -- What went out, or came back, under a number that was sent again without it.
                   gone AS (
                     DELETE FROM receipts AS r
                      USING gathered_receipts AS g
                      WHERE g.ctid >= %(first)s::tid
                        AND g.ctid < %(end)s::tid
                        AND (r.store_id, r.key) = (g.store_id, g.key)
                        AND NOT EXISTS (
                              SELECT
                                FROM gathered_receipts AS same
                               WHERE (same.store_id, same.key, same.kind) = (r.store_id, r.key, r.kind)
                            )
                     RETURNING r.id, r.store_id, r.day
                   ),
                   freed AS (
                     UPDATE reconciled_sales AS m
                        SET receipt_id = NULL, how = NULL, updated_at = %(now)s
                       FROM gone
                      WHERE m.receipt_id = gone.id
                   ),
                   withdrawn AS (
                     UPDATE differences AS d
                        SET state = 'resolved', resolution = 'withdrawn', resolved_at = %(now)s,
                            updated_at = %(now)s
                       FROM gone
                      WHERE d.receipt_id = gone.id
                        AND d.state = 'open'
                   ),
                   touched AS (
                     INSERT INTO receipt_days (upload_id, store_id, day)
                     SELECT %(upload_id)s::uuid, store_id, day
                       FROM merged
                      UNION
                     SELECT %(upload_id)s::uuid, store_id, day
                       FROM gone
                         ON CONFLICT DO NOTHING
                   )
            SELECT coalesce(sum(line_count) FILTER (WHERE action = 'INSERT'), 0) AS inserted,
                   coalesce(sum(line_count) FILTER (WHERE action = 'UPDATE'), 0) AS updated
              FROM merged
            """,
            {
                "upload_id": part.upload_id,
                "now": part.now,
                "first": f"({part.first},0)",
                "end": f"({part.end},0)",
            },
        )
        .fetchall()[0]
    )
