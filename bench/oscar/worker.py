"""django-oscar in a process and an environment of its own: it loads a shop, then prices baskets on demand.

Each line on stdin is a number of evaluations; the answer is the seconds each took, a JSON list on stdout. An
evaluation is what oscar does when a stored basket of ten lines is shown: load it, and apply the site offers.
"""

import json
import random
import sys
from decimal import Decimal
from time import perf_counter
from urllib.parse import unquote, urlsplit

import django
from django.conf import settings

LINES, PRODUCTS, OFFERS, BASKETS = 10, 4_000, 20, 64


def configure(url: str) -> None:
    import oscar.defaults  # noqa: PLC0415 - imported before there are settings, for its names

    parts = urlsplit(url)
    database = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.strip("/"),
        "USER": parts.username,
        "HOST": dict(pair.split("=", 1) for pair in parts.query.split("&"))["host"]
        if "host=" in parts.query
        else parts.hostname,
        "PORT": parts.port or "",
        "CONN_MAX_AGE": None,
    }
    database["HOST"] = unquote(database["HOST"] or "")
    own = {name: value for name, value in vars(oscar.defaults).items() if name.startswith("OSCAR_")}
    settings.configure(
        **own,
        SECRET_KEY="benchmark",  # noqa: S106 - nothing is signed with it
        DATABASES={"default": database},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=INSTALLED,
        HAYSTACK_CONNECTIONS={"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}},
        SITE_ID=1,
        USE_TZ=True,
        PHONENUMBER_DEFAULT_REGION="IT",
    )
    django.setup()


INSTALLED = [
    "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.sites",
    "django.contrib.flatpages", "django.contrib.messages",
    "oscar.apps.analytics.apps.AnalyticsConfig",
    "oscar.apps.checkout.apps.CheckoutConfig", "oscar.apps.address.apps.AddressConfig",
    "oscar.apps.shipping.apps.ShippingConfig", "oscar.apps.catalogue.apps.CatalogueConfig",
    "oscar.apps.catalogue.reviews.apps.CatalogueReviewsConfig",
    "oscar.apps.communication.apps.CommunicationConfig", "oscar.apps.partner.apps.PartnerConfig",
    "oscar.apps.basket.apps.BasketConfig", "oscar.apps.payment.apps.PaymentConfig",
    "oscar.apps.offer.apps.OfferConfig", "oscar.apps.order.apps.OrderConfig",
    "oscar.apps.customer.apps.CustomerConfig", "oscar.apps.search.apps.SearchConfig",
    "oscar.apps.voucher.apps.VoucherConfig", "oscar.apps.wishlists.apps.WishlistsConfig",
    "haystack", "treebeard", "django_tables2",
]  # fmt: skip


def load() -> list[int]:
    """Fill the shop; returns the baskets' ids."""
    from django.core.management import call_command  # noqa: PLC0415
    from oscar.core.loading import get_model  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    dice = random.Random(3)  # noqa: S311 - a sample, not a secret
    product_class = get_model("catalogue", "ProductClass").objects.create(name="Frame", track_stock=False)
    partner = get_model("partner", "Partner").objects.create(name="Brand")
    product = get_model("catalogue", "Product")
    products = product.objects.bulk_create(
        product(
            title=f"Product {number}",
            slug=f"product-{number}",
            upc=f"P{number}",
            product_class=product_class,
            structure="standalone",
        )
        for number in range(PRODUCTS)
    )
    stock = get_model("partner", "StockRecord")
    records = stock.objects.bulk_create(
        stock(
            product=product,
            partner=partner,
            partner_sku=f"P{number}",
            price=Decimal(dice.randrange(20, 300)),
            price_currency="EUR",
        )
        for number, product in enumerate(products)
    )
    _offers(products, dice)
    basket, line = get_model("basket", "Basket"), get_model("basket", "Line")
    ids: list[int] = []
    for _ in range(BASKETS):
        made = basket.objects.create()
        line.objects.bulk_create(
            line(
                basket=made,
                product=products[place],
                stockrecord=records[place],
                line_reference=f"{made.id}-{place}",
                quantity=dice.choice((1, 1, 2, 2, 3, 4)),
                price_currency="EUR",
                price_excl_tax=records[place].price,
                price_incl_tax=records[place].price,
            )
            for place in dice.sample(range(PRODUCTS), LINES)
        )
        ids.append(made.id)
    return ids


def _offers(products: list, dice: random.Random) -> None:
    from oscar.core.loading import get_model  # noqa: PLC0415

    ranges, conditions = get_model("offer", "Range"), get_model("offer", "Condition")
    benefits, offers = get_model("offer", "Benefit"), get_model("offer", "ConditionalOffer")
    membership = get_model("offer", "RangeProduct")
    kinds = ("Percentage", "Absolute", "Percentage", "Multibuy", "Absolute")
    for number in range(OFFERS):
        some = ranges.objects.create(name=f"Range {number}")
        chosen = dice.sample(products, PRODUCTS // 5)
        membership.objects.bulk_create(membership(range=some, product=product) for product in chosen)
        kind = kinds[number % len(kinds)]
        offers.objects.create(
            name=f"Offer {number}",
            offer_type=offers.SITE,
            max_basket_applications=1,
            priority=number,
            condition=conditions.objects.create(
                range=some, type="Count" if number % 2 else "Value", value=2 if number % 2 else 100
            ),
            benefit=benefits.objects.create(
                range=some,
                type=kind,
                value=None if kind == "Multibuy" else Decimal(10),
            ),
        )


def evaluate(basket_id: int) -> Decimal:
    """Load a stored basket and apply every offer to it; returns its total."""
    from oscar.core.loading import get_class, get_model  # noqa: PLC0415

    basket = get_model("basket", "Basket").objects.get(id=basket_id)
    basket.strategy = get_class("partner.strategy", "Selector")().strategy()
    get_class("offer.applicator", "Applicator")().apply(basket)
    return basket.total_excl_tax


def main() -> None:
    configure(sys.argv[1])
    ids = load()
    answer({"ready": len(ids)})
    turn = 0
    for asked in sys.stdin:
        times: list[float] = []
        for _ in range(int(asked)):
            began = perf_counter()
            evaluate(ids[turn % len(ids)])
            times.append(perf_counter() - began)
            turn += 1
        answer(times)


def answer(value: object) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    main()
