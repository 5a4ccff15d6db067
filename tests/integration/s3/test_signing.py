"""Our signatures are botocore's, byte for byte."""

import json
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.s3_servers import boto_client

from soundgraph.adapters.s3.signing import Bucket, Signer
from soundgraph.application.ports import Clock, attachment

HOUR = timedelta(hours=1)
KEYS = ["a", "originals/1/2/ab12", "a b/c+d&e=f?g#h%2F", "ünï/日本語/🎧", "~/-_/a.b..c", "with'quotes\"()*!"]
PLACES = ["http://127.0.0.1:9000", "https://s3.eu-central-1.amazonaws.com", "http://minio:80", "https://minio:8443"]


class At(Clock):
    """The moment of which botocore has signed something."""

    def __init__(self, stamp: str) -> None:
        self._now = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)

    def now(self) -> datetime:
        return self._now


def bucket_at(place: str) -> Bucket:
    return Bucket(place, "a-bucket", "eu-central-1", "AKID/EXAMPLE", "secret/+key")


def at_the_time_of(url: str) -> At:
    return At(parse_qs(urlsplit(url).query)["X-Amz-Date"][0])


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("filename", [None, "plain.mp3", 'ünï "quoted"; x=y/z.mp3'])
def test_get(place: str, filename: str | None) -> None:
    bucket = bucket_at(place)
    client = boto_client(bucket)
    asked = {"ResponseContentType": "audio/mpeg; codecs=mp3"}
    if filename is not None:
        asked["ResponseContentDisposition"] = attachment(filename)
    for key in KEYS:
        params = {"Bucket": bucket.name, "Key": key, **asked}
        theirs = client.generate_presigned_url("get_object", Params=params, ExpiresIn=3600)
        signer = Signer(bucket, at_the_time_of(theirs))
        ours = signer.get([key, "other", key], lifetime=HOUR, content_type="audio/mpeg; codecs=mp3", filename=filename)
        assert ours[0] == ours[2] == theirs


@pytest.mark.parametrize("place", PLACES)
def test_put(place: str) -> None:
    bucket = bucket_at(place)
    client = boto_client(bucket)
    for key in KEYS:
        params = {"Bucket": bucket.name, "Key": key, "ContentLength": 12_345}
        theirs = client.generate_presigned_url("put_object", Params=params, ExpiresIn=3600)
        ours = Signer(bucket, at_the_time_of(theirs)).put(key, size_bytes=12_345, lifetime=HOUR)
        assert ours.url == theirs


def posted(client: Any, bucket: Bucket, key: str) -> dict[str, Any]:
    """Botocore looks at the clock twice for a form; one for which it was the same second."""
    for _ in range(5):
        conditions = [["content-length-range", 1, 1 << 30]]
        form: dict[str, Any] = client.generate_presigned_post(bucket.name, key, Conditions=conditions, ExpiresIn=3600)
        until = datetime.fromisoformat(json.loads(b64decode(form["fields"]["policy"]))["expiration"])
        if At(form["fields"]["x-amz-date"]).now() + HOUR == until:
            return form
    raise AssertionError("the second changed in between, five times")


@pytest.mark.parametrize("place", PLACES)
def test_post(place: str) -> None:
    bucket = bucket_at(place)
    client = boto_client(bucket)
    for key in KEYS:
        theirs = posted(client, bucket, key)
        ours = Signer(bucket, At(theirs["fields"]["x-amz-date"])).post(key, max_bytes=1 << 30, lifetime=HOUR)
        if "${filename}" not in key:
            assert dict(ours.fields) == theirs["fields"]
        assert ours.url == theirs["url"]


def test_the_key_of_the_day_changes_at_midnight() -> None:
    bucket = bucket_at(PLACES[0])
    signer = Signer(bucket, clock := At("20260101T235959Z"))
    before = signer.get(["a"], lifetime=HOUR, content_type="a/b")
    clock._now += timedelta(seconds=1)
    after = signer.get(["a"], lifetime=HOUR, content_type="a/b")
    assert "20260101%2F" in before[0]
    assert after == Signer(bucket, At("20260102T000000Z")).get(["a"], lifetime=HOUR, content_type="a/b")


def test_clients_may_reach_the_storage_elsewhere() -> None:
    bucket = bucket_at("http://storage:9000")
    signer = Signer(bucket, At("20260101T000000Z"), "https://media.example/")
    (url,) = signer.get(["a"], lifetime=HOUR, content_type="a/b")
    (same,) = Signer(bucket_at("https://media.example"), At("20260101T000000Z")).get(
        ["a"], lifetime=HOUR, content_type="a/b"
    )
    assert url == same
