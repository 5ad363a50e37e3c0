"""Rule sets compiled: the last three by version, each compiled once however many ask at the same time."""

from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import replace
from threading import Lock

from shared.domain.engine import compile_rule_set
from shared.domain.live import LiveRules, live_rules
from shared.store import Conn, rule_sets

# Two are in use while a publish is under way; the third is for a request that began long ago.
_KEPT = 3

_lock = Lock()
_compiled: OrderedDict[int, Future[LiveRules]] = OrderedDict()
_NONE_YET = LiveRules(rule_set=compile_rule_set(0, ()))


def newest() -> LiveRules:
    """The newest rules that this process has compiled; there may be newer ones by now."""
    with _lock:
        done = [version for version, each in _compiled.items() if each.done()]
        return _compiled[max(done)].result() if done else _NONE_YET


def get(conn: Conn, version: int) -> LiveRules:
    """The rules of the rule set `version`. A version never changes, so what is kept is never stale.

    The first who asks for a version compiles it, on their connection; whoever comes meanwhile waits for that
    one and for no other, and does it themselves should that fail. Version 0 is the empty set, before any
    publish.
    """
    while True:
        with _lock:
            found = _compiled.get(version)
            if found is None:
                mine = _compiled[version] = Future[LiveRules]()
                while len(_compiled) > _KEPT:
                    _compiled.popitem(last=False)
                break
            _compiled.move_to_end(version)
        if found.exception() is None:
            return found.result()
    return _compile(conn, version, mine)


def _compile(conn: Conn, version: int, into: Future[LiveRules]) -> LiveRules:
    try:
        members = rule_sets.find_members(conn, version)
        rule_set = replace(
            compile_rule_set(version, [member.terms() for member in members]),
            priority_lanes=frozenset(rule_sets.find_priority_lanes(conn, version)),
        )
        live = live_rules(rule_set, members)
    except BaseException as failure:
        # Forgotten before anybody is told, so that whoever waited finds nothing and tries.
        with _lock:
            if _compiled.get(version) is into:
                del _compiled[version]
        into.set_exception(failure)
        raise
    into.set_result(live)
    return live
