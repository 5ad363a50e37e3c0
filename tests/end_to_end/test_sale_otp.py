"""A promotion that wants the customer's yes, through the running host: told, asked for, confirmed."""

from typing import Any
from uuid import uuid4

from tests.end_to_end.conftest import Shop
from tests.end_to_end.driving import basket, lumen_ten
from tests.harness import eventually

CUSTOMER = "+390655551111"


def test_the_customer_says_yes_by_the_code_on_their_phone(shop: Shop) -> None:
    terms = lumen_ten() | {"name": "Lumen for friends", "requires_otp": True}
    draft = shop.admin.post("promotions", json=terms).raise_for_status().json()
    shop.publish(draft["id"])
    sale: dict[str, Any] = basket("DEMO-LENS-A", customer={"phone": CUSTOMER})
    quote = shop.seller.post("promotions/evaluate", json=sale).raise_for_status().json()
    wanting = {each["name"]: each["outcome"] for each in quote["promotions"] if each["requires_otp"]}
    assert wanting == {"Lumen for friends": "applied"}

    body = sale | {"confirm": True, "expected_net": quote["net"]}
    headers = {"Idempotency-Key": str(uuid4())}
    refused = shop.seller.post("promotions/evaluate", json=body, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (422, "otp_required")

    asked = shop.seller.post("auth/otp", json={"phone": CUSTOMER, "purpose": "redemption"})
    challenge = asked.raise_for_status().json()["challenge_id"]
    [message] = eventually(lambda: shop.msg91.messages(CUSTOMER))
    code = message.variables["OTP"]
    answer = {"otp_challenge_id": challenge, "otp_code": code}
    recorded = shop.seller.post("promotions/evaluate", json=body | answer, headers=headers)
    assert (recorded.status_code, recorded.json()["net"]) == (200, quote["net"])

    again = shop.seller.post("promotions/evaluate", json=body, headers=headers)
    assert (again.headers["idempotent-replayed"], again.content) == ("true", recorded.content)
    once = shop.seller.post(
        "promotions/evaluate", json=body | answer, headers={"Idempotency-Key": str(uuid4())}
    )
    assert (once.status_code, once.json()["code"]) == (422, "code_refused")
    sale_id = recorded.json()["transaction"]["id"]
    kept = shop.admin.get(f"transactions/{sale_id}").raise_for_status().json()
    assert kept["otp_challenge_id"] == challenge
    assert shop.admin.get(f"transactions/{sale_id}/replay").raise_for_status().json()["equal"]
    assert code not in shop.host.log()
    assert CUSTOMER[1:] not in shop.host.log()
