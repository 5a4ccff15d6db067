"""Signed addresses, by AWS Signature Version 4 ("Authenticating Requests" in the Amazon S3 API reference).

boto3 would sign the same, byte for byte, at many times the cost; a manifest signs one address per segment.
"""

import hmac
import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from soundgraph.application.ports import Clock, SignedForm, SignedPut, attachment

ALGORITHM = "AWS4-HMAC-SHA256"
DEFAULT_PORTS = {"http": 80, "https": 443}
SAFE = "/"
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where a bucket is and who we are to it. `endpoint_url` has no slash at its end; the bucket is in the path."""

    endpoint_url: str
    name: str
    region: str
    access_key: str
    secret_key: str

    @property
    def url(self) -> str:
        """What the address of every object begins with."""
        return f"{self.endpoint_url}/{self.name}"


class _Day(NamedTuple):
    """What stays the same for a day: its date, what is signed for, that with our name in a query, and its key."""

    date: str
    scope: str
    credential: str
    key: bytes


class _Moment(NamedTuple):
    """What all signatures of one moment share. `before` is signed, but for the digest of the request at its end."""

    now: datetime
    stamp: str
    day: _Day
    before: str

    def sign(self, text: str) -> str:
        """The signature of a text."""
        return hmac.digest(self.day.key, text.encode(), "sha256").hex()


class _Query(NamedTuple):
    """Parameters as they stand in an address, and in the order in which they are signed."""

    sent: str
    canonical: str


class Signer:
    """Signs for one bucket. `public_url` is where clients reach it, if that is another place than its endpoint."""

    def __init__(self, bucket: Bucket, clock: Clock, public_url: str | None = None) -> None:
        self._bucket, self._clock = bucket, clock
        self._base = (public_url or bucket.endpoint_url).rstrip("/") + f"/{bucket.name}/"
        parts = urlsplit(self._base)
        self._origin, self._path = f"{parts.scheme}://{parts.netloc}", parts.path
        default = parts.port is None or parts.port == DEFAULT_PORTS[parts.scheme]
        self._host = (parts.hostname or "") if default else parts.netloc
        self._known = _Day("", "", "", b"")
        self._last = _Moment(datetime.min.replace(tzinfo=UTC), "", self._known, "")

    def get(
        self, keys: Sequence[str], *, lifetime: timedelta, content_type: str, filename: str | None = None
    ) -> list[str]:
        """One address for each key, all of one moment."""
        moment = self._moment()
        query = self._query(moment, lifetime, "host", _answer(content_type, filename))
        head, tail = f"GET\n{self._path}", f"\n{query.canonical}\nhost:{self._host}\n\nhost\nUNSIGNED-PAYLOAD"
        key_of_day, before, base, end = moment.day.key, moment.before, self._base, f"?{query.sent}&X-Amz-Signature="
        urls = []
        for key in keys:
            path = quote(key, SAFE)
            digest = sha256(f"{head}{path}{tail}".encode()).hexdigest()
            signature = hmac.digest(key_of_day, f"{before}{digest}".encode(), "sha256").hex()
            urls.append(f"{base}{path}{end}{signature}")
        return urls

    def put(self, key: str, *, size_bytes: int, lifetime: timedelta) -> SignedPut:
        """An address that takes exactly so many bytes."""
        moment = self._moment()
        query = self._query(moment, lifetime, "content-length%3Bhost", None)
        path = quote(key, SAFE)
        headers = f"content-length:{size_bytes}\nhost:{self._host}\n"
        request = f"PUT\n{self._path}{path}\n{query.canonical}\n{headers}\ncontent-length;host\nUNSIGNED-PAYLOAD"
        signature = moment.sign(moment.before + sha256(request.encode()).hexdigest())
        url = f"{self._base}{path}?{query.sent}&X-Amz-Signature={signature}"
        return SignedPut(url, {"Content-Length": str(size_bytes)}, moment.now + lifetime)

    def post(self, key: str, *, max_bytes: int, lifetime: timedelta) -> SignedForm:
        """A form whose policy allows this key and 1 to `max_bytes` bytes, nothing else."""
        moment = self._moment()
        fields = {
            "key": key,
            "x-amz-algorithm": ALGORITHM,
            "x-amz-credential": f"{self._bucket.access_key}/{moment.day.scope}",
            "x-amz-date": moment.stamp,
        }
        conditions: list[object] = [["content-length-range", 1, max_bytes], {"bucket": self._bucket.name}]
        conditions += [{name: value} for name, value in fields.items()]
        policy = {"expiration": f"{moment.now + lifetime:%Y-%m-%dT%H:%M:%SZ}", "conditions": conditions}
        encoded = b64encode(json.dumps(policy).encode()).decode()
        signed = {"policy": encoded, "x-amz-signature": moment.sign(encoded)}
        return SignedForm(self._base.removesuffix("/"), fields | signed, moment.now + lifetime)

    def _query(self, moment: _Moment, lifetime: timedelta, signed_headers: str, answer: _Query | None) -> _Query:
        own = (
            f"X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential={moment.day.credential}&X-Amz-Date={moment.stamp}"
            f"&X-Amz-Expires={lifetime // SECOND}&X-Amz-SignedHeaders={signed_headers}"
        )
        # The canonical order is that of bytes: capitals come first.
        return _Query(f"{answer.sent}&{own}", f"{own}&{answer.canonical}") if answer else _Query(own, own)

    def _moment(self) -> _Moment:
        now = self._clock.now().replace(microsecond=0)
        if now == self._last.now:
            return self._last
        date = f"{now.year:04}{now.month:02}{now.day:02}"
        day = self._known if self._known.date == date else self._begin_day(date)
        stamp = f"{date}T{now.hour:02}{now.minute:02}{now.second:02}Z"
        self._last = _Moment(now, stamp, day, f"{ALGORITHM}\n{stamp}\n{day.scope}\n")
        return self._last

    def _begin_day(self, date: str) -> _Day:
        key = f"AWS4{self._bucket.secret_key}".encode()
        for part in (date, self._bucket.region, "s3", "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        scope = f"{date}/{self._bucket.region}/s3/aws4_request"
        self._known = _Day(date, scope, quote(f"{self._bucket.access_key}/{scope}", ""), key)
        return self._known


@lru_cache(maxsize=256)
def _answer(content_type: str, filename: str | None) -> _Query:
    """The parameters that say which headers the store answers with."""
    kind = f"response-content-type={quote(content_type, '')}"
    if filename is None:
        return _Query(kind, kind)
    disposition = f"response-content-disposition={quote(attachment(filename), '')}"
    return _Query(f"{kind}&{disposition}", f"{disposition}&{kind}")
