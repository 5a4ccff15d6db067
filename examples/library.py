"""soundgraph as a library: two people, one follow, no server. Needs only the base install."""

import asyncio
import re

from soundgraph.adapters.memory.app import World, memory_app
from soundgraph.application.identity import Client, Register, VerifyEmail
from soundgraph.application.people import Follow, ReadProfile
from soundgraph.domain.visibility import Actor


async def join(app: World, handle: str) -> Actor:
    """Register, read the mail, follow its link."""
    await app.use(Register)(email=f"{handle}@example.org", handle=handle, password="correct horse battery")  # noqa: S106
    await app.settle()
    token = re.findall(r"token=(\S+)", app.outbox.sent[-1].text)[0]
    return Actor((await app.use(VerifyEmail)(token=token, client=Client())).account_id)


async def main() -> None:
    """Ben follows Ada."""
    app = memory_app()
    ada, ben = await join(app, "ada_plays"), await join(app, "ben_listens")
    await app.use(Follow)(actor=ben, account_id=ada.id)
    profile = await app.use(ReadProfile)(viewer=ben, id_or_handle="ada_plays")
    print(profile.counts.followers, "follower; you follow her:", profile.viewer.following)


asyncio.run(main())
