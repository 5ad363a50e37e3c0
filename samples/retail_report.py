"""Real sales under three promotions: `python -m samples.retail_report` writes docs/retail.md."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from samples.retail import ZONE, Invoice, read_invoices, sales
from shared.domain.engine import (
    Basket,
    BasketLine,
    Evaluation,
    Lane,
    PromotionTerms,
    RuleSet,
    StoreFacts,
    compile_rule_set,
    evaluate,
    parse_rule,
)
from shared.domain.money import from_minor, to_minor

DOCUMENT = Path(__file__).parents[1] / "docs" / "retail.md"
CURRENCY = "GBP"

PROMOTIONS: dict[str, dict[str, object]] = {
    "Warm hands": {
        "lane": Lane.LINE,
        "says": "10 % off hand warmers and hot water bottles from 6 pieces in all, 15 % from 24",
        "rule": {
            "schema": 1,
            "then": [
                {
                    "kind": "tiered",
                    "by": "quantity",
                    "where": {
                        "any": [
                            {"fact": "product.name", "op": "contains", "value": "HAND WARMER"},
                            {"fact": "product.name", "op": "contains", "value": "HOT WATER BOTTLE"},
                        ]
                    },
                    "tiers": [
                        {"from": 6, "then": {"kind": "percent_off", "percent": "10"}},
                        {"from": 24, "then": {"kind": "percent_off", "percent": "15"}},
                    ],
                }
            ],
        },
    },
    "Third holder free": {
        "lane": Lane.LINE,
        "says": "of three holders, whichever they are, the cheapest is free",
        "rule": {
            "schema": 1,
            "then": [
                {
                    "kind": "buy_x_get_y",
                    "buy": {
                        "units": 2,
                        "where": {"fact": "product.name", "op": "contains", "value": "HOLDER"},
                    },
                    "get": {"units": 1, "percent": "100"},
                    "choose": "cheapest",
                }
            ],
        },
    },
    "Five off a hundred": {
        "lane": Lane.ORDER,
        "says": "5.00 off a sale that still comes to 100.00 and more after the others",
        "rule": {
            "schema": 1,
            "if": {
                "sum_amount": "lines",
                "op": "ge",
                "value": "100.00",
                "currency": CURRENCY,
                "basis": "running",
            },
            "then": [{"kind": "amount_off", "amount": "5.00", "currency": CURRENCY, "per": "basket"}],
        },
    },
}


def basket(invoice: Invoice) -> Basket:
    """The sale as the engine takes it; what tax the prices include is not known."""
    return Basket(
        store=StoreFacts(id="online", zone=ZONE, facts={"store.country": "GB"}),
        currency=CURRENCY,
        channel="web",
        codes=(),
        lines=tuple(
            BasketLine(
                sku=line.code,
                quantity=line.quantity,
                unit_price=to_minor(line.unit_price, CURRENCY),
                tax_rate_pct=Decimal(0),
                facts={"product.name": line.description} if line.description else {},
            )
            for line in invoice.lines
        ),
    )


def rule_set() -> RuleSet:
    """The promotions, each known by its name, whenever and wherever."""
    return compile_rule_set(
        1,
        [
            PromotionTerms(
                promotion_id=name,
                version=1,
                name=name,
                lane=Lane(str(each["lane"])),
                priority=0,
                exclusive=False,
                stackable=False,
                starts_at=None,
                ends_at=None,
                zone_policy="store",
                stores=None,
                rule=parse_rule(each["rule"]),
            )
            for name, each in PROMOTIONS.items()
        ],
    )


def evaluations() -> list[tuple[Invoice, Evaluation]]:
    promotions = rule_set()
    return [(sale, evaluate(promotions, basket(sale), sale.at)) for sale in sales()]


def document() -> str:
    """What docs/retail.md says."""
    invoices, evaluated = read_invoices(), evaluations()
    notes = [invoice for invoice in invoices if invoice.is_credit_note]
    names = ", ".join(note.number for note in notes)
    lines = [
        "# Real sales under three promotions",
        "",
        "Written by `python -m samples.retail_report` from the",
        "[sample of Online Retail](../samples/retail/README.md): Chen, D. (2015), UCI Machine Learning",
        "Repository, [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/).",
        "",
        f"{len(evaluated)} sales of 1 December 2010. The {len(notes)} credit notes",
        f"({names})",
        "name no sale that they undo, and are left out. Many codes have several prices, so each line",
        "brings the price it was invoiced at. Amounts are in pounds.",
        "",
    ]
    lines += [f"- **{name}**: {each['says']}" for name, each in PROMOTIONS.items()]
    lines += ["", *_totals([each for _, each in evaluated]), "", *_table(evaluated), ""]
    return "\n".join(lines)


def _totals(evaluated: list[Evaluation]) -> Iterator[str]:
    yield from _row("promotion", "sales", "discount")
    yield "|---|--:|--:|"
    for name in PROMOTIONS:
        given = [amount for each in evaluated if (amount := discount_of(each, name))]
        yield from _row(name, len(given), _told(sum(given)))
    some = sum(1 for each in evaluated if each.discount)
    yield from _row("all", some, _told(sum(each.discount for each in evaluated)))


def _table(evaluated: list[tuple[Invoice, Evaluation]]) -> Iterator[str]:
    yield from _row("sale", "lines", "pieces", "gross", *PROMOTIONS, "net")
    yield "|---|" + "--:|" * (len(PROMOTIONS) + 4)
    for sale, each in evaluated:
        given = [discount_of(each, name) for name in PROMOTIONS]
        yield from _row(
            sale.number,
            len(sale.lines),
            sum(line.quantity for line in sale.lines),
            _told(each.gross),
            *(_told(amount) if amount else "" for amount in given),
            _told(each.net),
        )


def discount_of(evaluation: Evaluation, name: str) -> int:
    """What the promotion took off, in pence."""
    return sum(one.discount for one in evaluation.promotions if one.promotion_id == name)


def _row(*cells: object) -> Iterator[str]:
    yield "| " + " | ".join(map(str, cells)) + " |"


def _told(pence: int) -> str:
    return f"{from_minor(pence, CURRENCY):,}"


if __name__ == "__main__":
    DOCUMENT.write_text(document())
