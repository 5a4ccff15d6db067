"""What plays, and where."""

import json
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.builders import join, publish, stored, upload

from soundgraph.adapters.memory.app import World
from soundgraph.application.people import Block
from soundgraph.application.playback import LocateStream, ReadManifest, ReadStreams, ReadWaveform
from soundgraph.application.tracks import DeleteTrack
from soundgraph.domain.errors import Conflict, Forbidden, NotFound
from soundgraph.domain.ids import TrackId
from soundgraph.domain.tracks import Gapless, Rendition, StreamPolicy
from soundgraph.domain.visibility import ANYONE, Viewer


def key_of(url: str) -> str:
    """The key that a signed URL of the memory store names."""
    return urlsplit(url).path.removeprefix("/")


async def test_streams_name_every_finished_rendition_and_how_long_they_last(app: World) -> None:
    track_id = await publish(app, await join(app, "ada"))
    streams = await app.use(ReadStreams)(viewer=ANYONE, track_id=track_id)
    assert streams.hls_aac_160_url == f"http://localhost/api/v1/tracks/{track_id}/hls.m3u8"
    assert streams.expires_at == app.clock.now() + timedelta(minutes=15, milliseconds=500)
    assert streams.http_mp3_128_url is not None
    query = parse_qs(urlsplit(streams.http_mp3_128_url).query)
    assert query == {"type": ["audio/mpeg"], "lifetime": ["900"]}
    assert streams.http_opus_64_url is not None
    assert streams.preview_mp3_url is not None
    assert parse_qs(urlsplit(streams.http_opus_64_url).query)["type"] == ["audio/webm"]
    assert streams.gapless == dict.fromkeys(["mp3_128k", "opus_64k", "preview", "aac_160k"], Gapless(0, 0, 4_000))
    assert streams.access == "playable"
    assert await app.use(LocateStream)(viewer=ANYONE, track_id=track_id) == streams.http_mp3_128_url
    assert (await stored(app, key_of(streams.http_mp3_128_url))).startswith(b"RIFF")


async def test_every_address_in_the_manifest_is_signed_and_plays(app: World) -> None:
    track_id = await publish(app, await join(app, "ada"))
    manifest = await app.use(ReadManifest)(viewer=ANYONE, track_id=track_id)
    addresses = [line for line in manifest.splitlines() if not line.startswith("#")]
    addresses += [line.split('"')[1] for line in manifest.splitlines() if line.startswith("#EXT-X-MAP")]
    assert len(addresses) == 2
    for address in addresses:
        assert parse_qs(urlsplit(address).query)["type"] == ["audio/mp4"]
        assert await stored(app, key_of(address))


async def test_the_waveform_has_two_values_per_256_samples(app: World) -> None:
    track_id = await publish(app, await join(app, "ada"))
    chunks = await app.use(ReadWaveform)(viewer=ANYONE, track_id=track_id)
    waveform = json.loads(b"".join([chunk async for chunk in chunks]))
    assert (waveform["version"], waveform["bits"], waveform["sample_rate"]) == (2, 8, 8_000)
    assert waveform["length"] == -(-4_000 // 256)
    assert len(waveform["data"]) == 2 * waveform["length"]


async def refusals(app: World, track_id: TrackId, viewer: Viewer) -> set[str]:
    """The codes that every way of playing answers with."""
    codes = set()
    for read in (app.use(ReadManifest), app.use(LocateStream), app.use(ReadWaveform)):
        with pytest.raises((Conflict, NotFound)) as refusal:
            await read(viewer=viewer, track_id=track_id)
        codes.add(refusal.value.code)
    return codes


async def test_what_is_not_ready_says_so(app: World) -> None:
    track_id = await upload(app, await join(app, "ada"))
    assert await refusals(app, track_id, ANYONE) == {"not_ready"}
    streams = await app.use(ReadStreams)(viewer=ANYONE, track_id=track_id)
    assert (streams.hls_aac_160_url, streams.http_mp3_128_url) == (None, None)


async def test_what_cannot_be_seen_cannot_be_played(app: World) -> None:
    ada, bob = await join(app, "ada"), await join(app, "bob")
    track_id = await publish(app, ada)
    await app.use(Block)(actor=ada, account_id=bob.id)
    assert await refusals(app, track_id, bob) == {"not_found"}
    await app.use(DeleteTrack)(actor=ada, track_id=track_id)
    assert await refusals(app, track_id, ada) == {"not_found"}
    with pytest.raises(NotFound):
        await app.use(ReadStreams)(viewer=ada, track_id=track_id)


async def test_whoever_may_hear_a_preview_is_told_of_nothing_else(app: World) -> None:
    ada = await join(app, "ada")
    track_id = await publish(app, ada)
    for policy, urls in ((StreamPolicy.ALLOW, 4), (StreamPolicy.SNIP, 1), (StreamPolicy.BLOCK, 0)):
        async with app.work() as work:
            track = await work.tracks.get(track_id)
            assert track
            assert track.live
            others = tuple(one for one in track.live.renditions if one.name != "preview")
            track.live.renditions = (*others, Rendition("preview", others[0].key, 1))
            track.details = replace(track.details, policy=policy)
            await work.tracks.save(track)
            await work.commit()
        streams = await app.use(ReadStreams)(viewer=ANYONE, track_id=track_id)
        named = (streams.hls_aac_160_url, streams.http_mp3_128_url, streams.http_opus_64_url, streams.preview_mp3_url)
        assert len([one for one in named if one]) == urls, policy
        assert (streams.preview_mp3_url is None) == (policy is StreamPolicy.BLOCK)
        codes = set()
        for read in (app.use(ReadManifest), app.use(LocateStream)) if policy is not StreamPolicy.ALLOW else ():
            with pytest.raises(Forbidden) as refusal:
                await read(viewer=ANYONE, track_id=track_id)
            codes.add(refusal.value.code)
        assert codes == {StreamPolicy.SNIP: {"preview_only"}, StreamPolicy.BLOCK: {"blocked"}}.get(policy, set())
        assert (await app.use(ReadStreams)(viewer=ada, track_id=track_id)).http_mp3_128_url
