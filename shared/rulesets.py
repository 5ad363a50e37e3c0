"""Rule sets compiled: the last three by version, each compiled once however many ask at the same time."""

from collections import OrderedDict
from threading import Lock

from shared.domain.engine import compile_rule_set
from shared.domain.live import LiveRules, live_rules
from shared.store import Conn, rule_sets

# Two are in use while a publish is under way; the third is for a request that began long ago.
_KEPT = 3

_lock = Lock()
_compiled: OrderedDict[int, LiveRules] = OrderedDict()
_NONE_YET = LiveRules(rule_set=compile_rule_set(0, ()))


def newest() -> LiveRules:
    """The newest rules that this process has compiled; there may be newer ones by now."""
    with _lock:
        return _compiled[max(_compiled)] if _compiled else _NONE_YET


def get(conn: Conn, version: int) -> LiveRules:
    """The rules of the rule set `version`. A version never changes, so what is kept is never stale.

    Whoever comes while it is being compiled waits for it. Version 0 is the empty set, before any publish.
    """
    with _lock:
        live = _compiled.get(version)
        if live is None:
            members = rule_sets.find_members(conn, version)
            rule_set = compile_rule_set(version, [member.terms() for member in members])
            live = _compiled[version] = live_rules(rule_set, members)
            while len(_compiled) > _KEPT:
                _compiled.popitem(last=False)
        else:
            _compiled.move_to_end(version)
        return live
