"""What holds for a store wherever its files are: on disk, or in a bucket that keeps versions."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import requests

from core import tenants
from core.contract.context import Context
from hosts.testkit.plugin import Api
from integrations.fake_server import Failure, Running
from integrations.storage import ObjectMissing, StorageRefused, StorageUnavailable, Store, Ticket, store_of
from integrations.storage.fake import BUCKET, S3Fake
from roost import Invalid
from tests.integrations.silence import silence
from tests.integrations.storage.conftest import file_of, s3_settings

EVIL = (
    "../other/x.jpg", "a/../../x.jpg", "/etc/passwd", "a//b.jpg", "a/./b.jpg", ".hidden", "a/.b", "a\\b", "a/b\x00.jpg",
    "a/b.jpg/", "", "a b", "é", "a%2e%2e/b", "x" * 201, "a/b/c/d/e/f/g/h/i", "a.jpg/b", "a/b.JPG",
)  # fmt: skip


def fetched(api: Api, url: str) -> tuple[int, bytes]:
    """Return what an address gives: on a server that listens, or from the application itself."""
    if "/v1/storage/" in url:
        reply = api.client.simulate_get(url.partition("127.0.0.1:8000")[2])
        return reply.status_code, reply.content
    got = requests.get(url, timeout=5)
    return got.status_code, got.content


def uploaded(api: Api, ticket: Ticket, data: bytes, **fields: str) -> int:
    """Send a file with a ticket as a mini-program does; return the status."""
    form = requests.Request(
        "POST", ticket.url, data={**ticket.fields, **fields}, files={ticket.file_field: ("x", data)}
    ).prepare()
    if "/v1/storage/" in ticket.url:
        path = ticket.url.partition("127.0.0.1:8000")[2]
        return api.client.simulate_post(path, body=form.body, headers=dict(form.headers)).status_code
    return requests.Session().send(form, timeout=5).status_code


def test_an_object_is_written_found_read_and_gone(store: Store) -> None:
    data = bytes(range(256)) * 1000
    assert store.put("a/b.jpg", file_of(data), "image/jpeg") == len(data)
    found = store.stat("a/b.jpg")
    assert found is not None
    assert (found.key, found.size, found.content_type) == ("a/b.jpg", len(data), "image/jpeg")
    assert b"".join(store.stream("a/b.jpg")) == data
    store.put("a/b.jpg", file_of(b"new"), "image/jpeg")
    assert b"".join(store.stream("a/b.jpg")) == b"new"
    store.delete("a/b.jpg")
    store.delete("a/b.jpg")
    assert store.stat("a/b.jpg") is None
    with pytest.raises(ObjectMissing):
        list(store.stream("a/b.jpg"))


def test_a_tree_is_deleted_whole_and_its_neighbours_stay(store: Store) -> None:
    for key in ("a/1.jpg", "a/b/2.jpg", "ab/3.jpg", "a4.jpg"):
        store.put(key, file_of(b"x"), "image/jpeg")
    assert store.delete_tree("a") == 2
    assert store.delete_tree("a") == 0
    assert sorted(store.keys("")) == ["a4.jpg", "ab/3.jpg"]


def test_a_file_that_is_larger_than_a_part_arrives_whole(store: Store) -> None:
    data = bytes(range(251)) * 50_000  # 12.5 MB: three parts
    store.put("large.mp4", file_of(data), "video/mp4")
    assert b"".join(store.stream("large.mp4")) == data


@pytest.mark.parametrize("key", EVIL)
def test_no_key_leads_out_of_its_folder(store: Store, key: str) -> None:
    for use in (
        lambda: store.put(key, file_of(b"x"), "image/jpeg"),
        lambda: store.stat(key),
        lambda: list(store.stream(key)),
        lambda: store.delete(key),
        lambda: store.download_url(key, ttl=60),
        lambda: store.upload_ticket(key, content_type="image/jpeg", least=1, most=1, ttl=60),
        lambda: store.delete_tree(key) if key else store.stat(key),
    ):
        with pytest.raises(Invalid):
            use()


def test_plugins_and_tenants_do_not_see_each_others_files(
    store: Store, tenant: Context, new_tenant: Callable[..., Context]
) -> None:
    store.put("a.txt", file_of(b"mine"), "text/plain")
    other, same = new_tenant("other", plugins=("storage",)), tenants.settings_with_secrets(tenant, "storage")
    tenants.save_settings(other, "storage", same)
    other = other.services.system(tenants.by_id(other.tenant.id), "test")
    for neighbour in (store_of(tenant.for_plugin("diary")), store_of(other.for_plugin("album"))):
        assert neighbour.backend == store.backend
        assert neighbour.stat("a.txt") is None
        assert neighbour.delete_tree("") == 0
    assert b"".join(store.stream("a.txt")) == b"mine"


def test_an_address_gives_the_object_and_nothing_else(store: Store, api: Api) -> None:
    store.put("a/one.jpg", file_of(b"one"), "image/jpeg")
    store.put("a/two.jpg", file_of(b"two"), "image/jpeg")
    url = store.download_url("a/one.jpg", ttl=3600)
    assert fetched(api, url) == (200, b"one")
    assert store.download_url("a/one.jpg", ttl=3600) == url  # so that it is downloaded once
    assert fetched(api, url.replace("one.jpg", "two.jpg"))[0] in (403, 404)
    assert fetched(api, _tampered(url))[0] in (403, 404)
    assert fetched(api, store.download_url("a/none.jpg", ttl=3600))[0] == 404


def _tampered(url: str) -> str:
    """Change one character in the middle of the signature."""
    found = re.search(r"(?:Signature|token)=([^&]+)", url)
    assert found is not None
    place = found.end() - 10
    return url[:place] + ("0" if url[place] != "0" else "1") + url[place + 1 :]


def test_a_ticket_takes_one_file_of_its_size_at_its_place(store: Store, api: Api) -> None:
    ticket = store.upload_ticket("in/1/upload", content_type="image/png", least=5, most=5, ttl=60)
    assert [
        uploaded(api, ticket, b"1234"),
        uploaded(api, ticket, b"123456"),
        uploaded(api, ticket, b"x" * 500_000),
    ] == ([422] * 3 if store.backend == "disk" else [400] * 3)
    assert list(store.keys("")) == []
    assert uploaded(api, ticket, b"12345") in (200, 204)
    assert b"".join(store.stream("in/1/upload")) == b"12345"
    bad = Ticket(_tampered(ticket.url), ticket.fields, ticket.expires_at) if store.backend == "disk" else ticket
    fields = {} if store.backend == "disk" else {"key": ticket.fields["key"] + "2"}
    assert uploaded(api, bad, b"54321", **fields) in (403, 422)
    assert b"".join(store.stream("in/1/upload")) == b"12345"


def test_tickets_and_addresses_end(store: Store, api: Api, later: Callable[[int], None]) -> None:
    store.put("a.txt", file_of(b"words"), "text/plain")
    ticket = store.upload_ticket("in/1/upload", content_type="image/png", least=5, most=5, ttl=60)
    url = store.download_url("a.txt", ttl=60)
    assert fetched(api, url)[0] == 200
    later(121)
    assert uploaded(api, ticket, b"12345") in (403, 422)
    assert fetched(api, url)[0] in (403, 404)
    assert list(store.keys("")) == ["a.txt"]


def test_what_is_not_a_picture_or_video_is_saved_not_shown(store: Store, api: Api) -> None:
    store.put("a.txt", file_of(b"<script>alert(1)</script>"), "text/plain")
    url = store.download_url("a.txt", ttl=60)
    headers: Any = (
        api.client.simulate_get(url.partition("127.0.0.1:8000")[2]).headers
        if store.backend == "disk"
        else requests.get(url, timeout=5).headers
    )
    assert headers["content-disposition"].startswith("attachment")
    assert headers["content-type"].startswith("text/plain")
    if store.backend == "disk":
        assert headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in headers["content-security-policy"]


# --- S3 ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def bucket(s3: Running[S3Fake], tenant: Context, enable_plugin: Callable[..., None]) -> Store:
    """Return a store in the fake's bucket."""
    enable_plugin("storage", **s3_settings(s3.url, prefix="live/eu"))
    return store_of(tenant.for_plugin("album"))


@pytest.mark.engines("sqlite")  # nothing of it is in the database
def test_deleting_leaves_no_version_behind(bucket: Store, s3: Running[S3Fake]) -> None:
    bucket.put("a/1.jpg", file_of(b"old"), "image/jpeg")
    bucket.put("a/1.jpg", file_of(b"new"), "image/jpeg")
    bucket.put("a/1.jpgs.jpg".replace(".jpgs", "s"), file_of(b"neighbour"), "image/jpeg")
    assert [key.partition("/t")[0] for key in s3.fake.all_keys()] == ["live/eu", "live/eu"]
    bucket.delete("a/1.jpg")
    assert [key.rpartition("/")[2] for key in s3.fake.all_keys()] == ["1s.jpg"]
    bucket.delete_tree("a")
    assert s3.fake.all_keys() == []


@pytest.mark.engines("sqlite")
def test_an_object_that_does_not_go_away_is_an_error(bucket: Store, s3: Running[S3Fake]) -> None:
    bucket.put("a/1.jpg", file_of(b"x"), "image/jpeg")
    s3.fake.fail(
        Failure(api="post_bucket", status=300, body='<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>')
    )
    with pytest.raises((StorageUnavailable, StorageRefused)):
        bucket.delete_tree("a")
    assert bucket.delete_tree("a") == 1


@pytest.mark.engines("sqlite")
def test_a_storage_that_stumbles_is_asked_again_and_one_that_is_down_is_unavailable(
    bucket: Store, s3: Running[S3Fake]
) -> None:
    s3.fake.fail(Failure(api="put_object", status=503, after=True))  # it did it, and the answer was lost
    bucket.put("a.jpg", file_of(b"x"), "image/jpeg")
    assert list(bucket.keys("")) == ["a.jpg"]
    s3.fake.fail(Failure(api="get_object", status=503, times=10))
    with pytest.raises(StorageUnavailable):
        list(bucket.stream("a.jpg"))


@pytest.mark.engines("sqlite")
def test_a_request_asks_a_storage_that_hangs_once_and_a_job_again(
    tenant: Context, enable_plugin: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integrations.storage.s3.READ_SECONDS", 0.2)
    with silence() as server:
        enable_plugin("storage", **s3_settings(server.url, request_seconds=1))
        with pytest.raises(StorageUnavailable) as caught:
            store_of(replace(tenant, request_id="one")).stat("a.jpg")
        assert (caught.value.status, caught.value.retry_after, len(server.callers)) == (503, 5, 1)
        with pytest.raises(StorageUnavailable):
            store_of(tenant).stat("a.jpg")
        assert len(server.callers) == 1 + 3


@pytest.mark.engines("sqlite")
def test_a_request_asks_a_storage_that_is_busy_again(
    s3: Running[S3Fake], tenant: Context, enable_plugin: Callable[..., None]
) -> None:
    enable_plugin("storage", **s3_settings(s3.url))
    s3.fake.fail(Failure(api="head_object", status=503, times=2))
    assert store_of(replace(tenant, request_id="one")).stat("a.jpg") is None


@pytest.mark.engines("sqlite")
def test_wrong_keys_or_a_wrong_bucket_say_what_to_mend(
    s3: Running[S3Fake], tenant: Context, enable_plugin: Callable[..., None], api: Api
) -> None:
    token = api.as_staff("storage.check")
    enable_plugin("storage", **s3_settings(s3.url))
    assert api.post("/admin/v1/storage/check", token=token).json == {"backend": "s3", "works": True, "detail": ""}
    assert s3.fake.all_keys() == []
    for wrong, word in (({"secret_key": "x"}, "SignatureDoesNotMatch"), ({"bucket": "nothere"}, "NoSuchBucket")):
        enable_plugin("storage", **{**s3_settings(s3.url), **wrong})
        said = api.post("/admin/v1/storage/check", token=token).json
        assert said["works"] is False
        assert word in said["detail"]
        assert "fake-secret-key" not in said["detail"]
        with pytest.raises(StorageRefused):
            list(store_of(tenant).keys(""))
    enable_plugin("storage", backend="s3")
    with pytest.raises(StorageRefused, match="not set up"):
        store_of(tenant)
    assert api.post("/admin/v1/storage/check", token=token).json["works"] is False


@pytest.mark.engines("sqlite")
def test_addresses_carry_the_host_that_members_reach(
    s3: Running[S3Fake], tenant: Context, enable_plugin: Callable[..., None]
) -> None:
    enable_plugin("storage", **s3_settings(s3.url, public_endpoint="https://files.example.com", path_style=False))
    found = store_of(tenant)
    assert found.download_url("a.jpg", ttl=60).startswith(f"https://{BUCKET}.files.example.com/t")
    ticket = found.upload_ticket("a.jpg", content_type="image/jpeg", least=1, most=2, ttl=60)
    assert ticket.url == f"https://{BUCKET}.files.example.com/"


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize(
    "endpoint",
    ["http://169.254.169.254", "http://127.0.0.2:9000", "http://10.0.0.1", "http://[::1]:9000"],
)
def test_the_address_of_a_storage_does_not_lead_into_our_own_network(
    tenant: Context, enable_plugin: Callable[..., None], endpoint: str
) -> None:
    enable_plugin("storage", **s3_settings(endpoint))
    found = store_of(tenant)
    for call in (lambda: found.stat("a.jpg"), lambda: list(found.stream("a.jpg")), lambda: found.delete_tree("a")):
        with pytest.raises(StorageRefused, match="may not be reached"):
            call()
