"""What secret links promise: who has one sees one private thing, until it is revoked, expires or must not be seen."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from tests.builders import App, join, moderate, publish, roll_back, stand, walk

from soundgraph.adapters.system import DerivedLinkTokens
from soundgraph.application.engagement import LikeTrack, ListLikers
from soundgraph.application.people import Block
from soundgraph.application.playback import (
    CreateSecretLink,
    LinkTokens,
    ListSecretLinks,
    ReadManifest,
    ReadSecretLink,
    ReadStreams,
    ReadWaveform,
    ReportPlay,
    RevokeSecretLink,
    SecretLinkReader,
    SecretLinkView,
)
from soundgraph.application.playlists import CreatePlaylist, DeletePlaylist, ListPlaylistItems, ReadPlaylist
from soundgraph.application.tracks import DeleteTrack, ReadTrack
from soundgraph.domain.errors import Invalid, NotFound
from soundgraph.domain.ids import LinkId, PlaylistId, Ref, TrackId, playlist_ref, track_ref
from soundgraph.domain.links import MAX_LINKS, SecretLink, digest_of
from soundgraph.domain.playlists import PlaylistDetails
from soundgraph.domain.visibility import ANYONE, AccountStanding, Actor, Audience, Standing, Viewer

HOUR = timedelta(hours=1)


async def link_to(app: App, actor: Actor, subject: Ref, **more: object) -> tuple[LinkId, str]:
    """A new link and its token."""
    link_id = await app.use(CreateSecretLink)(actor=actor, subject=subject, **more)  # type: ignore[arg-type]
    return link_id, app.use(LinkTokens).token(link_id)


async def with_token(app: App, token: str, viewer: Viewer = ANYONE) -> Viewer:
    """The viewer as the door lets them in."""
    grants = await app.use(SecretLinkReader).grants(digest_of(token), now=app.clock.now())
    return replace(viewer, grants=grants, secret_token=token) if grants else viewer


async def sees(app: App, viewer: Viewer, track_id: TrackId) -> bool:
    try:
        await app.use(ReadTrack)(viewer=viewer, track_id=track_id)
    except NotFound:
        return False
    return True


async def links(app: App, actor: Actor, subject: Ref, limit: int = 50) -> list[SecretLinkView]:
    read = app.use(ListSecretLinks)
    return await walk(lambda after: read(actor=actor, subject=subject, after=after, limit=limit))


async def private_track(app: App) -> tuple[Actor, TrackId]:
    ada = await join(app, "ada")
    return ada, await publish(app, ada, audience=Audience.PRIVATE)


async def test_a_token_opens_its_track_and_everything_below_it(app: App) -> None:
    ada, track_id = await private_track(app)
    other = await publish(app, ada, "Another", audience=Audience.PRIVATE)
    _, token = await link_to(app, ada, track_ref(track_id))
    guest = await with_token(app, token)
    view = await app.use(ReadTrack)(viewer=guest, track_id=track_id)
    assert view.permalink_url == f"http://localhost/ada/a-track?secret_token={token}"
    assert view.waveform_url == f"http://localhost/api/v1/tracks/{track_id}/waveform?secret_token={token}"
    streams = await app.use(ReadStreams)(viewer=guest, track_id=track_id)
    assert streams.hls_aac_160_url == f"http://localhost/api/v1/tracks/{track_id}/hls.m3u8?secret_token={token}"
    assert "#EXTM3U" in await app.use(ReadManifest)(viewer=guest, track_id=track_id)
    await app.use(ReadWaveform)(viewer=guest, track_id=track_id)
    assert (await app.use(ListLikers)(viewer=guest, track_id=track_id, after=None, limit=1)).items == []
    assert not await sees(app, guest, other)
    assert not await sees(app, ANYONE, track_id)
    owners = await app.use(ReadTrack)(viewer=ada, track_id=track_id)
    assert "secret_token" not in f"{owners.permalink_url}{owners.waveform_url}"


async def test_revoked_expired_and_unknown_links_open_nothing(app: App) -> None:
    ada, track_id = await private_track(app)
    subject, now = track_ref(track_id), app.clock.now()
    revoked, first = await link_to(app, ada, subject)
    _, second = await link_to(app, ada, subject, expires_at=now + HOUR)
    assert [await sees(app, await with_token(app, one), track_id) for one in (first, second)] == [True, True]
    await app.use(RevokeSecretLink)(actor=ada, subject=subject, link_id=revoked)
    app.clock.advance(HOUR)
    unknown = DerivedLinkTokens(b"another").token(revoked)
    for token in (first, second, unknown, "", "s-", "\ud800"):
        assert not await sees(app, await with_token(app, token), track_id)
    with pytest.raises(NotFound):
        await app.use(RevokeSecretLink)(actor=ada, subject=subject, link_id=revoked)


async def test_hidden_suspended_removed_and_blocked_beat_a_link(app: App) -> None:
    ada, track_id = await private_track(app)
    bob = await join(app, "bob")
    _, token = await link_to(app, ada, track_ref(track_id))

    async def opens(viewer: Viewer = ANYONE) -> bool:
        return await sees(app, await with_token(app, token, viewer), track_id)

    assert await opens(bob)
    await app.use(Block)(actor=ada, account_id=bob.id)
    assert (await opens(bob), await opens()) == (False, True)
    await moderate(app, track_id, Standing.HIDDEN)
    assert not await opens()
    await moderate(app, track_id, Standing.OK)
    await stand(app, ada, AccountStanding.SUSPENDED)
    assert not await opens()
    await stand(app, ada, AccountStanding.ACTIVE)
    assert await opens()
    await app.use(DeleteTrack)(actor=ada, track_id=track_id)
    assert not await opens()


async def test_a_playlist_link_opens_its_owners_tracks_in_it_and_no_others(app: App) -> None:
    ada, mine = await private_track(app)
    outside = await publish(app, ada, "Outside", audience=Audience.PRIVATE)
    bob = await join(app, "bob")
    theirs = await publish(app, bob, "Bob's")
    playlist_id: PlaylistId = await app.use(CreatePlaylist)(
        actor=ada, details=PlaylistDetails(title="Demos", audience=Audience.PRIVATE), track_ids=[mine, theirs]
    )
    async with app.work() as work:
        track = await work.tracks.get(theirs)
        assert track
        track.details = replace(track.details, audience=Audience.PRIVATE)
        await work.tracks.save(track)
        await work.commit()
    _, token = await link_to(app, ada, playlist_ref(playlist_id))
    guest = await with_token(app, token)
    assert guest.grants == {playlist_id, mine}
    view = await app.use(ReadPlaylist)(viewer=guest, playlist_id=playlist_id)
    assert view.permalink_url == f"http://localhost/ada/sets/demos?secret_token={token}"
    page = await app.use(ListPlaylistItems)(viewer=guest, playlist_id=playlist_id, after=None, limit=10)
    assert [one.track.id for one in page.items] == [mine]
    assert (page.items[0].track.waveform_url or "").endswith(token)
    assert [await sees(app, guest, one) for one in (mine, outside, theirs)] == [True, False, False]
    await app.use(DeletePlaylist)(actor=ada, playlist_id=playlist_id)
    assert not await sees(app, await with_token(app, token), mine)


async def test_only_the_owner_has_to_do_with_links(app: App) -> None:
    ada, track_id = await private_track(app)
    bob = await join(app, "bob")
    subject, other = track_ref(track_id), track_ref(await publish(app, ada, "Another"))
    link_id, token = await link_to(app, ada, subject)
    guest = await with_token(app, token, bob)
    assert isinstance(guest, Actor)
    calls: list[Callable[[Actor], Awaitable[object]]] = [
        lambda who: app.use(CreateSecretLink)(actor=who, subject=subject),
        lambda who: app.use(ListSecretLinks)(actor=who, subject=subject, after=None, limit=1),
        lambda who: app.use(ReadSecretLink)(actor=who, subject=subject, link_id=link_id),
        lambda who: app.use(RevokeSecretLink)(actor=who, subject=subject, link_id=link_id),
    ]
    for call in calls:
        for who in (bob, guest):
            with pytest.raises(NotFound):
                await call(who)
    # Someone's own thing, but a link to another.
    with pytest.raises(NotFound):
        await app.use(ReadSecretLink)(actor=ada, subject=other, link_id=link_id)
    with pytest.raises(NotFound):
        await app.use(RevokeSecretLink)(actor=ada, subject=other, link_id=link_id)
    assert [one.id for one in await links(app, ada, subject)] == [link_id]


async def test_links_are_listed_newest_first_in_pages(app: App) -> None:
    ada, track_id = await private_track(app)
    subject, made = track_ref(track_id), []
    for label in ("one", "two", "three"):
        app.clock.advance(timedelta(seconds=1))
        made.append((await link_to(app, ada, subject, label=label, expires_at=app.clock.now() + HOUR))[0])
    found = await links(app, ada, subject, limit=2)
    assert [(one.id, one.label, one.plays) for one in found] == [
        (made[2], "three", 0),
        (made[1], "two", 0),
        (made[0], "one", 0),
    ]
    assert found[0].expires_at == found[0].created_at + HOUR
    assert found[0] == await app.use(ReadSecretLink)(actor=ada, subject=subject, link_id=made[2])


async def test_what_a_link_must_be_like(app: App) -> None:
    ada, track_id = await private_track(app)
    subject, now = track_ref(track_id), app.clock.now()
    for wrong in ({"label": "x" * 101}, {"expires_at": now}, {"expires_at": now + timedelta(days=4_000)}):
        with pytest.raises(Invalid) as refusal:
            await link_to(app, ada, subject, **wrong)
        assert [one.field for one in refusal.value.errors] == list(wrong)
    for _ in range(MAX_LINKS):
        await link_to(app, ada, subject)
    with pytest.raises(Invalid, match="links to this already"):
        await link_to(app, ada, subject)


async def test_plays_are_counted_for_the_link_they_came_by(app: App) -> None:
    ada, track_id = await private_track(app)
    bob = await join(app, "bob")
    subject = track_ref(track_id)
    first, token = await link_to(app, ada, subject)
    await link_to(app, ada, subject)
    report = app.use(ReportPlay)
    for viewer in (ANYONE, bob, bob):
        await report(viewer=await with_token(app, token, viewer), visitor="v", track_id=track_id, position_ms=500)
    await report(viewer=ada, visitor="v", track_id=track_id, position_ms=500)
    await app.use(LikeTrack)(actor=ada, track_id=track_id)
    assert {one.id: one.plays for one in await links(app, ada, subject)}[first] == 2
    assert sum(one.plays for one in await links(app, ada, subject)) == 2


async def test_the_collection(app: App) -> None:
    ada, track_id = await private_track(app)
    now = app.clock.now()
    link = SecretLink(
        id=LinkId(uuid4()),
        subject=track_ref(track_id),
        owner_id=ada.id,
        digest=digest_of("s-x"),
        label="",
        created_at=now,
        expires_at=now + HOUR,
    )
    await roll_back(app, lambda work: work.secret_links.add(link))
    async with app.work() as work:
        nothing = track_ref(TrackId(uuid4()))
        assert [await work.secret_links.owner_of(one) for one in (link.subject, nothing)] == [ada.id, None]
        assert await work.secret_links.number(link.subject) == 0
        await work.secret_links.add(link)
        await work.secret_links.count_play(digest_of("s-y"))
        await work.secret_links.expire(before=now + HOUR)
        assert await work.secret_links.number(link.subject) == 1
        assert not await work.secret_links.remove(nothing, link.id)
        await work.secret_links.expire(before=now + HOUR + timedelta(seconds=1))
        assert await work.secret_links.number(link.subject) == 0
        await work.commit()


def test_tokens_are_128_bits_and_tell_nothing() -> None:
    tokens, one, other = DerivedLinkTokens(b"secret"), LinkId(UUID(int=1)), LinkId(UUID(int=2))
    assert tokens.token(one) == tokens.token(one) != tokens.token(other)
    assert tokens.token(one) != DerivedLinkTokens(b"other").token(one)
    assert tokens.token(one).startswith("s-")
    assert len(tokens.token(one)) == 2 + 22
    assert "s-" not in repr(Viewer(secret_token=tokens.token(one)))
