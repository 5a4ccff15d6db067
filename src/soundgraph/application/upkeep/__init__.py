"""Upkeep: what must hold of everything stored, whether it does, and mending what does not."""

from soundgraph.application.upkeep.counters import CheckCounters, WatchInvariants
from soundgraph.application.upkeep.debts import CheckDebts, OweAgain
from soundgraph.application.upkeep.objects import CheckObjects, ObjectReport
from soundgraph.application.upkeep.ports import COUNTERS, KEPT, DebtReport, Drift, Invariants, Stuck

__all__ = [
    "COUNTERS",
    "KEPT",
    "CheckCounters",
    "CheckDebts",
    "CheckObjects",
    "DebtReport",
    "Drift",
    "Invariants",
    "ObjectReport",
    "OweAgain",
    "Stuck",
    "WatchInvariants",
]
