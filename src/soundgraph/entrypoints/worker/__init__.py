"""The process that pays debts: sweep, hints, chores."""
