"""An adapter of one's own in the real container: mail is printed; everything else is what the settings choose.

Needs SOUNDGRAPH_DATABASE_URL, migrated (`soundgraph migrate`), and a SOUNDGRAPH_HOME to keep secrets in.
"""

import asyncio
import os

from dependency_injector import providers

from soundgraph.application.identity import Mail, Mailer, Register
from soundgraph.application.subscriptions import SUBSCRIPTIONS
from soundgraph.entrypoints import container as wired
from soundgraph.entrypoints.settings import load_settings


class PrintedMail(Mailer):
    """Prints whom a mail is for and what it is about. An exception here would leave the mail owed."""

    async def send(self, mail: Mail) -> None:
        print(f"to {mail.to}: {mail.subject}")


async def main() -> None:
    """Register someone, and pay what is owed for it, as a worker would."""
    container = wired.Container(settings=load_settings(os.environ))
    container.mailer.override(providers.Singleton(PrintedMail))
    use, worker, clock = wired.wiring(container), wired.dispatcher(container), container.clock()
    try:
        await use(Register)(email="ada@example.org", handle="ada_plays", password="correct horse battery")  # noqa: S106
        for hint in await container.deliveries().due(SUBSCRIPTIONS.names(), now=clock.now(), limit=10):
            await worker.deliver(hint.event_id, hint.subscriber)
    finally:
        container.passwords().close()
        await wired.close(container)


if __name__ == "__main__":
    asyncio.run(main())
