"""Allowances in memory."""

from dataclasses import replace

from soundgraph.adapters.memory.database import MemoryDatabase, Tables
from soundgraph.application.plans import Subscribers, UsageReader
from soundgraph.application.tracks import Allowances
from soundgraph.domain.errors import NotFound
from soundgraph.domain.ids import AccountId
from soundgraph.domain.plans import Allowance, Usage


def allowance_in(tables: Tables, account_id: AccountId) -> Allowance | None:
    """What an account keeps, by the plan that it has."""
    account = tables.accounts.get(account_id)
    return None if account is None else Allowance.of(account.plan, tables.allowances.get(account_id, Usage()))


class MemoryAllowances(Allowances):
    """Allowances among the tables of one transaction."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def get(self, account_id: AccountId) -> Allowance:
        allowance = allowance_in(self._tables, account_id)
        if allowance is None:
            raise NotFound
        return allowance


class MemorySubscribers(Subscribers):
    """The plans of accounts, among the tables of one transaction."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def put_on(self, plan: str, login: str) -> bool:
        for account in self._tables.accounts.values():
            if login in (account.email, account.handle):
                changed = replace(account, plan=plan, version=account.version + 1)
                self._tables.accounts[account.id] = changed
                return True
        return False


class MemoryUsageReader(UsageReader):
    """Reads of what is committed."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    async def allowance(self, account_id: AccountId) -> Allowance | None:
        return allowance_in(self._database.tables, account_id)
