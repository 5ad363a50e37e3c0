"""The engine beside rule engines: `python -m bench.rules` measures and prints; --write keeps the result.

The peers live in an environment of their own below .local/; the engine runs in it too, in the same process,
since it needs the standard library alone. Every round tries each of them on the same baskets in another
order; ratios are taken within a round.
"""

import argparse
import os
import sys

from bench.peers import interpreter
from devhost.environment import ROOT

PACKAGES = ("zen-engine==2.1.3", "json-logic-qubit==0.9.1", "business-rules==1.1.1", "rule-engine==5.1.0")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.rules", description=__doc__)
    parser.add_argument("--write", action="store_true", help="keep the result in bench/results")
    parser.add_argument("--tiny", action="store_true", help="everything once, as fast as can be")
    parser.parse_args()
    program = [str(interpreter("rules", PACKAGES)), "-m", "bench.rules.measure", *sys.argv[1:]]
    os.execve(program[0], program, {**os.environ, "PYTHONPATH": str(ROOT)})  # noqa: S606


if __name__ == "__main__":
    main()
