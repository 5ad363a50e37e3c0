"""Everything that is measured beside the rule engines, in the environment that has them."""

import json
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.document import put
from bench.interpreter import interpreter
from bench.rules import explained, growth, hostile, race, realistic
from bench.rules.report import picture, tables

RESULT = Path(__file__).parents[1] / "results" / "rules.json"
PICTURE = Path(__file__).parents[2] / "docs" / "growth.svg"
PEERS = ("zen-engine", "json-logic-qubit", "business-rules", "rule-engine")


def measure(*, tiny: bool) -> dict[str, Any]:
    say("the peers, interleaved")
    result: dict[str, Any] = {"race": race.run(rounds=1 if tiny else 7, baskets=16 if tiny else 256)}
    result["date"] = datetime.now(UTC).isoformat(timespec="seconds")
    result["python"] = interpreter()
    result["packages"] = {name: version(name) for name in PEERS}
    say("what explanations cost")
    result["explained"] = explained.run(rounds=1 if tiny else 15, baskets=16 if tiny else 256)
    say("growth with lines and promotions")
    result["growth"] = growth.run(baskets=4 if tiny else 64)
    say("hostile rule sets")
    result["hostile"] = hostile.run()
    say("realistic baskets, tails and proofs")
    result["realistic"] = realistic.run(baskets=200 if tiny else 100_000)
    return result


def say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


def main() -> None:
    given = sys.argv[1:]
    result = measure(tiny="--tiny" in given)
    print(tables(result))
    if "--write" in given:
        RESULT.write_text(json.dumps(result, indent=1) + "\n")
        PICTURE.write_text(picture(result["growth"]))
        put("rules", tables(result))


if __name__ == "__main__":
    main()
