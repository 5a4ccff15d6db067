"""What the front page shows, and to whom."""

import asyncio

import pytest
from tests.builders import App, join, moderate, promote, publish, stand, upload

from soundgraph.application.discovery import FrontPageReader
from soundgraph.application.people import Block
from soundgraph.application.playback import ReportPlay
from soundgraph.application.tracks import DeleteTrack, EditTrack
from soundgraph.domain.errors import Conflict
from soundgraph.domain.ids import TrackId
from soundgraph.domain.visibility import ANYONE, AccountStanding, Actor, Audience, Role, Standing, Viewer


async def newest(app: App, viewer: Viewer = ANYONE, limit: int = 10) -> list[str]:
    return [one.title for one in await app.use(FrontPageReader).newest(viewer, limit=limit)]


async def most_played(app: App, viewer: Viewer = ANYONE, limit: int = 10) -> list[tuple[str, int]]:
    found = await app.use(FrontPageReader).most_played(viewer, limit=limit)
    return [(one.title, one.counts.plays) for one in found]


async def played(app: App, track_id: TrackId, times: int) -> None:
    for visitor in range(times):
        await app.use(ReportPlay)(viewer=ANYONE, visitor=str(visitor), track_id=track_id, position_ms=500)


async def test_public_tracks_that_play_are_shown_newest_first(app: App) -> None:
    ada, eve = await join(app, "ada"), await join(app, "eve")
    moderator = await promote(app, await join(app, "mod"), Role.MODERATOR)
    await publish(app, ada, "First")
    await publish(app, ada, "Secret", audience=Audience.PRIVATE)
    hidden, gone = await publish(app, ada, "Hidden"), await publish(app, ada, "Gone")
    await publish(app, eve, "Suspended")
    await publish(app, ada, "Last")
    await moderate(app, hidden, Standing.HIDDEN)
    await app.use(DeleteTrack)(actor=ada, track_id=gone)
    await stand(app, eve, AccountStanding.SUSPENDED)
    await upload(app, ada, "Processing")
    for viewer in (ANYONE, ada):
        assert await newest(app, viewer) == ["Last", "First"]
    assert await newest(app, limit=1) == ["Last"]
    assert await newest(app, moderator) == ["Last", "Suspended", "First"]


async def test_the_most_played_come_in_order_and_the_unplayed_not_at_all(app: App) -> None:
    ada = await join(app, "ada")
    tracks = {title: await publish(app, ada, title) for title in ("Quiet", "Loud", "Silent", "Secret")}
    for title, times in (("Quiet", 1), ("Loud", 3), ("Secret", 2)):
        await played(app, tracks[title], times)
    async with app.work() as work:
        secret = await work.tracks.get(tracks["Secret"])
        assert secret is not None
        secret.details = type(secret.details)(title="Secret", audience=Audience.PRIVATE)
        await work.tracks.save(secret)
        await work.commit()
    assert await most_played(app) == [("Loud", 3), ("Quiet", 1)]
    assert await most_played(app, limit=1) == [("Loud", 3)]


async def test_neither_sees_the_other_after_a_block(app: App) -> None:
    ada, ben = await join(app, "ada"), await join(app, "ben")
    await publish(app, ada, "Hers")
    await app.use(Block)(actor=ada, account_id=ben.id)
    assert await newest(app, ben) == []
    assert await newest(app, ada) == ["Hers"]


async def test_a_permalink_leads_to_a_track_for_whoever_may_see_it(app: App) -> None:
    ada, ben = await join(app, "ada"), await join(app, "ben")
    await publish(app, ada, "My Song")
    await publish(app, ada, "My Secret", audience=Audience.PRIVATE)
    await upload(app, ada, "Not Yet")
    under = app.use(FrontPageReader).under
    found = await under(ANYONE, "ada", "my-song")
    assert found is not None
    assert found.title == "My Song"
    assert await under(ben, "ada", "my-secret") is None
    assert await under(ada, "ada", "my-secret") is not None
    for handle, permalink in (("ada", "not-yet"), ("ben", "my-song"), ("nobody", "my-song")):
        assert await under(ada, handle, permalink) is None


async def test_former_permalinks_lead_to_their_track_and_to_no_other(app: App) -> None:
    ada, ben = await join(app, "ada"), await join(app, "ben")
    first, second = await publish(app, ada, "One"), await publish(app, ada, "Two")
    his = await publish(app, ben, "One")
    under, edit = app.use(FrontPageReader).under, app.use(EditTrack)

    async def rename(actor: Actor, track_id: TrackId, permalink: str) -> None:
        await edit(actor=actor, track_id=track_id, change=lambda details: details, permalink=permalink)

    await rename(ada, first, "uno")
    await rename(ada, first, "ein")
    for permalink in ("one", "uno", "ein"):
        found = await under(ANYONE, "ada", permalink)
        assert found is not None
        assert (found.id, found.permalink) == (first, "ein")
        with pytest.raises(Conflict) as taken:
            await rename(ada, second, permalink)
        assert taken.value.code == "permalink_taken"
    async with app.work() as work:
        assert await work.tracks.permalink_taken(ada.id, "uno")
        assert not await work.tracks.permalink_taken(ben.id, "uno")
    await rename(ben, his, "uno")
    await rename(ada, first, "one")
    back = await under(ANYONE, "ada", "ein")
    assert back is not None
    assert back.permalink == "one"
    again = await publish(app, ada, "Uno")
    view = await under(ada, "ada", f"uno-{again.hex[-8:]}")
    assert view is not None
    assert view.id == again


async def test_of_two_tracks_that_want_one_permalink_at_once_one_gets_it(app: App) -> None:
    ada = await join(app, "ada")
    tracks = [await publish(app, ada, title) for title in ("One", "Two")]
    edit = app.use(EditTrack)
    done = await asyncio.gather(
        *(edit(actor=ada, track_id=one, change=lambda details: details, permalink="uno") for one in tracks),
        return_exceptions=True,
    )
    assert sorted(str(getattr(one, "code", None)) for one in done) == ["None", "permalink_taken"]
