"""Rule sets compiled: the last three by version, each compiled once however many ask at the same time."""

from collections import OrderedDict
from threading import Lock

from shared.domain.engine import RuleSet, compile_rule_set
from shared.store import Conn, rule_sets

# Two are in use while a publish is under way; the third is for a request that began long ago.
_KEPT = 3

_lock = Lock()
_compiled: OrderedDict[int, RuleSet] = OrderedDict()


def get(conn: Conn, version: int) -> RuleSet:
    """The compiled rule set `version`. A version never changes, so what is kept is never stale.

    Whoever comes while it is being compiled waits for it. Version 0 is the empty set, before any publish.
    """
    with _lock:
        rule_set = _compiled.get(version)
        if rule_set is None:
            members = rule_sets.find_members(conn, version)
            rule_set = compile_rule_set(version, [member.terms() for member in members])
            _compiled[version] = rule_set
            while len(_compiled) > _KEPT:
                _compiled.popitem(last=False)
        else:
            _compiled.move_to_end(version)
        return rule_set
