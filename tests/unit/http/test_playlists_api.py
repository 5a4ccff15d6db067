"""Playlists over HTTP."""

from tests.unit.http.conftest import API, NOBODY, Site


async def test_a_playlist_from_making_to_deleting(site: Site) -> None:
    ada = await site.join("ada_x")
    one, two = [(await ada.upload(title))["id"] for title in ("one", "two")]
    made = await ada.http.post(f"{API}/playlists", json={"title": "Mix", "kind": "ep", "track_ids": [one]})
    assert made.status_code == 201
    playlist = made.json()
    assert made.headers["location"] == f"{API}/playlists/{playlist['id']}"
    assert (playlist["kind"], playlist["visibility"], playlist["track_count"]) == ("ep", "public", 1)
    at = f"{API}/playlists/{playlist['id']}"

    added = await ada.http.post(f"{at}/tracks", json={"track_id": two})
    assert (added.status_code, added.json()["track"]["title"]) == (201, "two")
    moved = await ada.http.post(f"{at}/reorder", json={"item_id": added.json()["id"], "after": None})
    assert moved.status_code == 200

    async with site.client() as visitor:
        listed = (await visitor.get(f"{at}/tracks?limit=1")).json()
        assert [item["track"]["title"] for item in listed["items"]] == ["two"]
        rest = (await visitor.get(listed["next"])).json()
        assert ([item["track"]["title"] for item in rest["items"]], rest["next"]) == (["one"], None)
        assert [item["title"] for item in (await visitor.get(f"{API}/users/ada_x/playlists")).json()["items"]] == [
            "Mix"
        ]

    replaced = await ada.http.put(f"{at}/tracks", json={"track_ids": [one]})
    assert (replaced.status_code, replaced.json()["track_count"]) == (200, 1)
    renamed = await ada.http.patch(at, json={"title": "Other", "visibility": "private"})
    assert (renamed.json()["title"], renamed.json()["visibility"]) == ("Other", "private")
    item = (await ada.http.get(f"{at}/tracks")).json()["items"][0]["id"]
    assert (await ada.http.delete(f"{at}/tracks/{item}")).status_code == 204
    assert (await ada.http.delete(f"{at}/tracks/{item}")).status_code == 404
    assert (await ada.http.delete(at)).status_code == 204
    assert (await ada.http.get(at)).status_code == 404


async def test_what_is_wrong_with_a_playlist_is_said(site: Site) -> None:
    ada, bob = await site.join("ada_x"), await site.join("bob_x")
    track = (await ada.upload("one"))["id"]
    empty = await ada.http.post(f"{API}/playlists", json={"title": ""})
    assert (empty.status_code, empty.json()["errors"][0]["field"]) == (422, "title")
    unknown = await ada.http.post(f"{API}/playlists", json={"title": "Mix", "track_ids": [NOBODY]})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_track")
    at = f"{API}/playlists/{(await ada.http.post(f'{API}/playlists', json={'title': 'Mix'})).json()['id']}"
    assert (await ada.http.post(f"{at}/tracks", json={"track_id": track})).status_code == 201
    doubled = await ada.http.post(f"{at}/tracks", json={"track_id": track})
    assert (doubled.status_code, doubled.json()["code"]) == (409, "already_in_playlist")
    assert (await bob.http.patch(at, json={"title": "Mine"})).status_code == 404
    cleared = await ada.http.patch(at, json={"description": None, "kind": "album"})
    assert (cleared.json()["description"], cleared.json()["kind"]) == ("", "album")


async def test_if_match_refuses_a_version_that_has_passed_and_shows_the_present_order(site: Site) -> None:
    ada = await site.join("ada_x")
    one, two = [(await ada.upload(title))["id"] for title in ("one", "two")]
    made = await ada.http.post(f"{API}/playlists", json={"title": "Mix", "track_ids": [one, two]})
    at = f"{API}/playlists/{made.json()['id']}"
    first, second = [item["id"] for item in (await ada.http.get(f"{at}/tracks")).json()["items"]]
    move, match = {"item_id": second, "after": None}, {"If-Match": made.headers["etag"]}
    moved = await ada.http.post(f"{at}/reorder", json=move, headers=match)
    assert (moved.status_code, moved.headers["etag"] != made.headers["etag"]) == (200, True)
    refused = await ada.http.post(f"{at}/reorder", json=move, headers=match)
    assert (refused.status_code, refused.json()["present"]) == (412, [second, first])
    assert (await ada.http.delete(at, headers=match)).status_code == 412


async def test_making_or_adding_twice_with_one_key_is_once(site: Site) -> None:
    ada = await site.join("ada_x")
    track = (await ada.upload("one"))["id"]
    key = {"Idempotency-Key": "mix-1"}
    made, again = [(await ada.http.post(f"{API}/playlists", json={"title": "Mix"}, headers=key)) for _ in range(2)]
    assert (again.status_code, again.json()) == (201, made.json())
    other = await ada.http.post(f"{API}/playlists", json={"title": "Other"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    at = f"{API}/playlists/{made.json()['id']}/tracks"
    added, repeated = [(await ada.http.post(at, json={"track_id": track}, headers=key)) for _ in range(2)]
    assert (added.status_code, repeated.status_code, repeated.json()) == (201, 201, added.json())
