"""Uploading a track and turning it into sound."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass

from soundgraph.domain.tracks import Analysis, Failure, Rendition


class MediaFailed(Exception):
    """Processing ended badly, for a reason that lies in the file or in a limit."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Progress:
    """How far processing is: the stage (probing, analysing, transcoding, storing) and 0 to 100 of the whole."""

    stage: str
    percent: int


class MediaProcessor(ABC):
    """Turns one stored original into what can be played."""

    @abstractmethod
    def process(self, original_key: str, *, into: str) -> AsyncIterator[Progress | Analysis | Rendition]:
        """Yield each result as soon as its objects are stored under the key prefix `into`.

        One Analysis, every Rendition once, Progress often. Closing the iterator early stops the work and leaves
        no process behind. Raises MediaFailed.
        """
