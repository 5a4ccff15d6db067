"""Makes the people of the demo and everything they do, through the same use cases as everyone else's."""

import asyncio
import io
import wave
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from pathlib import Path

import numpy as np
from rich.progress import Progress, TaskID

from soundgraph.application.engagement import LikeTrack
from soundgraph.application.identity import Client, LogIn, Register, VerifyEmail
from soundgraph.application.people import Follow
from soundgraph.application.playback import ReportPlay
from soundgraph.application.playlists import CreatePlaylist, ListPlaylistsOf
from soundgraph.application.ports import ObjectStore
from soundgraph.application.tracks import AbandonUpload, BeginUpload, CreateTrack, MakeArtwork, TrackReader
from soundgraph.application.views import TrackView
from soundgraph.application.wiring import Wiring
from soundgraph.domain.errors import Conflict, Unauthenticated
from soundgraph.domain.ids import ArtworkId
from soundgraph.domain.playlists import PlaylistDetails
from soundgraph.domain.tracks import TrackDetails, TrackState
from soundgraph.domain.visibility import ANYONE, Actor
from soundgraph.entrypoints.cli.demo.pieces import PEOPLE, Piece, pieces
from soundgraph.entrypoints.cli.demo.synth import RATE
from soundgraph.entrypoints.settings import StartupError

# For a machine of one's own: everyone in the demo logs in with it.
PASSWORD = "press play, and smile"  # noqa: S105 - it is meant to be known
CLIENT = Client("soundgraph demo", "127.0.0.1")
AT_ONCE = 2
LOOK_SECONDS = 0.4
MAIL_SECONDS = 30.0
PROCESSING_SECONDS = 300.0
SEED = 20_26


class Community:
    """Everything happens once: what an earlier run has made is left as it is."""

    def __init__(self, use: Wiring, mail_dir: Path, url: str, progress: Progress) -> None:
        self._use, self._mail_dir, self._url, self._progress = use, mail_dir, url, progress
        self._actors: dict[str, Actor] = {}

    async def settle_in(self) -> None:
        """People, their music, and what they make of each other's. Raises StartupError."""
        wanted = pieces()
        people = self._bar("People", len(PEOPLE))
        made, sent = self._bar("Synthesising", len(wanted)), self._bar("Uploading", len(wanted))
        ready, touched = self._bar("Processing", len(wanted)), self._bar("Likes, follows, plays", len(PEOPLE))
        for handle, name in PEOPLE.items():
            self._actors[handle] = await self._join(handle, name)
            self._progress.advance(people)
        hands = asyncio.Semaphore(AT_ONCE)
        known = {(handle, one.title) for handle in PEOPLE for one in await self._tracks(handle)}
        async with asyncio.TaskGroup() as group:
            for piece in wanted:
                group.create_task(self._publish(piece, (piece.owner, piece.title) in known, hands, made, sent))
            group.create_task(self._watch(ready, len(wanted)))
        await self._mingle(touched)
        await self._make_playlists()

    def _bar(self, label: str, total: int) -> TaskID:
        return self._progress.add_task(label, total=total)

    async def _join(self, handle: str, name: str) -> Actor:
        try:
            session = await self._use(LogIn)(login=handle, password=PASSWORD, client=CLIENT)
        except Unauthenticated:
            session = await self._use(VerifyEmail)(token=await self._token(handle, name), client=CLIENT)
        return Actor(session.account_id)

    async def _token(self, handle: str, name: str) -> str:
        address = f"{handle}@demo.invalid"
        before = set(self._mail_dir.glob("*.eml"))
        try:
            await self._use(Register)(email=address, handle=handle, password=PASSWORD, display_name=name)
        except Conflict as conflict:
            raise StartupError(
                f"Somebody else is called {handle} here: the demo needs a fresh SOUNDGRAPH_HOME."
            ) from conflict
        async with asyncio.timeout(MAIL_SECONDS):
            while True:
                for path in set(self._mail_dir.glob("*.eml")) - before:
                    mail = message_from_bytes(await asyncio.to_thread(path.read_bytes), policy=policy.default)
                    body = mail.get_body(("plain",))
                    if mail["To"] == address and body is not None:
                        return str(body.get_content().partition("token=")[2].split()[0])
                await asyncio.sleep(0.1)

    async def _publish(self, piece: Piece, known: bool, hands: asyncio.Semaphore, made: TaskID, sent: TaskID) -> None:
        if not known:
            async with hands:
                sound, picture = await asyncio.to_thread(piece.sound), await asyncio.to_thread(piece.picture)
        self._progress.advance(made)
        if not known:
            await self._upload(piece, sound, picture)
        self._progress.advance(sent)

    async def _upload(self, piece: Piece, sound: bytes, picture: bytes) -> None:
        actor = self._actors[piece.owner]
        upload = await self._use(BeginUpload)(actor=actor, filename=f"{piece.title}.wav")
        stored = await self._use(ObjectStore).put(upload.key, once(wav(sound)))
        details = TrackDetails(
            title=piece.title, description=piece.description, genre=piece.genre, tags=piece.tags, license="cc-by"
        )
        await self._use(CreateTrack)(
            actor=actor,
            upload_id=upload.id,
            size_bytes=stored.size_bytes,
            sha256=stored.sha256,
            details=details,
            artwork_id=await self._cover(actor, picture),
        )

    async def _cover(self, actor: Actor, picture: bytes) -> ArtworkId:
        upload = await self._use(BeginUpload)(actor=actor, filename="cover.png")
        await self._use(ObjectStore).put(upload.key, once(picture))
        artwork_id = await self._use(MakeArtwork)(actor=actor, upload=upload)
        await self._use(AbandonUpload)(actor=actor, upload=upload)
        return artwork_id

    async def _watch(self, ready: TaskID, wanted: int) -> None:
        """Until every track plays."""
        told = False
        async with asyncio.timeout(PROCESSING_SECONDS):
            while True:
                tracks = await self._all_tracks()
                failed = [one for one in tracks if one.state == TrackState.FAILED]
                if failed:
                    raise StartupError(
                        f"{failed[0].title} could not be processed; `soundgraph where logs` has the log."
                    )
                done = sum(one.state == TrackState.READY for one in tracks)
                self._progress.update(ready, completed=done)
                if done and not told:
                    told = True
                    self._progress.console.print(f"The first of it plays already: {self._url}/", highlight=False)
                if done >= wanted:
                    return
                await asyncio.sleep(LOOK_SECONDS)

    async def _tracks(self, handle: str) -> list[TrackView]:
        titles = {piece.title for piece in pieces() if piece.owner == handle}
        page = await self._use(TrackReader).mine(self._actors[handle], after=None, limit=100)
        return [one for one in page.items if one.title in titles]

    async def _all_tracks(self) -> list[TrackView]:
        return [one for handle in PEOPLE for one in await self._tracks(handle)]

    async def _mingle(self, touched: TaskID) -> None:
        random = np.random.default_rng(SEED)
        tracks = sorted(await self._all_tracks(), key=lambda one: one.title)
        # A few are loved, most are liked, as everywhere.
        fame = random.permutation(len(tracks))
        for actor in self._actors.values():
            for other in random.permutation(list(self._actors))[: random.integers(3, 8)]:
                if self._actors[other] != actor:
                    await self._use(Follow)(actor=actor, account_id=self._actors[other].id)
            for rank, track in zip(fame, tracks, strict=True):
                if random.random() < 0.75 / (1 + rank / 4):
                    await self._use(LikeTrack)(actor=actor, track_id=track.id)
            self._progress.advance(touched, 0.5)
        for rank, track in zip(fame, tracks, strict=True):
            await self._play(track, int(4 + 60 / (1 + rank / 3)))
            self._progress.advance(touched, len(PEOPLE) / 2 / len(tracks))

    async def _play(self, track: TrackView, times: int) -> None:
        """Visitors who hear it to the end; none where somebody has heard it already."""
        if track.counts.plays or track.duration_ms is None:
            return
        for number in range(times):
            await self._use(ReportPlay)(
                viewer=ANYONE,
                visitor=f"demo-{number}",
                track_id=track.id,
                position_ms=track.duration_ms,
                context="demo",
            )

    async def _make_playlists(self) -> None:
        """One of everybody's favourites for the first few people; what somebody has made already stays."""
        tracks = sorted(await self._all_tracks(), key=lambda one: one.title)
        for number, (handle, name) in enumerate(list(PEOPLE.items())[:5]):
            actor = self._actors[handle]
            page = await self._use(ListPlaylistsOf)(viewer=actor, account_id=actor.id, after=None, limit=1)
            if not page.items:
                details = PlaylistDetails(title=f"What {name} plays")
                chosen = [one.id for one in tracks[number::5]]
                await self._use(CreatePlaylist)(actor=actor, details=details, track_ids=chosen)


def wav(sound: bytes) -> bytes:
    """16-bit stereo PCM as a file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(2)
        writer.setsampwidth(2)
        writer.setframerate(RATE)
        writer.writeframes(sound)
    return file.getvalue()


async def once(data: bytes) -> AsyncIterator[bytes]:
    """Some bytes as a stream."""
    yield data
