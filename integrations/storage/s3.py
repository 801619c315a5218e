"""Files in a bucket of a storage that speaks S3, through the library `minio`. Imported only where a brand has one."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import BinaryIO
from urllib.parse import urlsplit

import certifi
import urllib3
from minio import Minio
from minio.datatypes import PostPolicy
from minio.deleteobjects import DeleteObject
from minio.error import MinioException, S3Error
from urllib3.util import Retry, Timeout

from integrations.storage.schemas import StorageSettings
from integrations.storage.values import (
    CHUNK,
    Backend,
    ObjectMissing,
    StorageRefused,
    StorageUnavailable,
    aligned,
    check_key,
    check_prefix,
    is_shown,
    type_of,
)
from roost import Stat, Ticket, egress

CONNECT_SECONDS, READ_SECONDS = 3, 30  # of a job; a request waits as long as the settings say, and once
RETRY_AFTER = 5  # seconds that whoever was refused waits
PART = 5 * 1024 * 1024  # what of a file is in memory at a time: the least that S3 allows
LONGEST_TTL = 7 * 24 * 3600  # seconds: what a signature of version 4 lives at most
_ABSENT = frozenset(("NoSuchKey", "NoSuchVersion", "ResourceNotFound"))
_NO_VERSIONS = frozenset(("NotImplemented", "MethodNotAllowed", "InvalidArgument", "AccessDenied"))
_BUSY = frozenset(("SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "OperationAborted"))


@dataclass(frozen=True, slots=True)
class Account:
    """How one storage is reached: what its clients are kept by."""

    endpoint: str
    region: str
    access_key: str
    secret_key: str = field(repr=False)
    path_style: bool
    policy: egress.Policy  # staff of a brand write the address: it must not lead into our own network
    request_seconds: int = 0  # that a request waits for an answer; 0: a job, which waits longer, and asks again


@lru_cache(maxsize=64)
def _client(account: Account) -> Minio:
    """Return a client whose connections are kept open between calls."""
    url, hasty = urlsplit(account.endpoint), account.request_seconds
    again = None if not hasty else 0  # whoever hangs is asked once only: a thread of the REST host waits
    pool = egress.pool_manager(
        account.policy,
        maxsize=8,
        timeout=Timeout(connect=min(CONNECT_SECONDS, hasty or CONNECT_SECONDS), read=hasty or READ_SECONDS),
        retries=Retry(
            total=2, connect=again, read=again, backoff_factor=0.2, status_forcelist=(500, 502, 503, 504), redirect=0
        ),
        cert_reqs="CERT_REQUIRED",
        ca_certs=certifi.where(),
    )
    client = Minio(
        url.netloc,
        access_key=account.access_key,
        secret_key=account.secret_key,
        secure=url.scheme == "https",
        region=account.region,
        http_client=pool,
    )
    if account.path_style:
        client.disable_virtual_style_endpoint()  # type: ignore[no-untyped-call]  # the library's
    else:
        client.enable_virtual_style_endpoint()  # type: ignore[no-untyped-call]  # the library's
    return client


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Turn what the library raises into our errors; none of them quotes what it was asked with."""
    try:
        yield
    except egress.Refused as ex:
        raise StorageRefused(f"the storage's address may not be reached: {ex.message}", ex.message_zh) from ex
    except S3Error as ex:
        if ex.code in _BUSY:
            raise StorageUnavailable(
                f"the storage is busy ({ex.code}): {what}", "存储服务繁忙，请稍后再试", retry_after=RETRY_AFTER
            ) from ex
        raise StorageRefused(
            f"the storage refuses ({ex.code}): {what}; check endpoint, bucket, keys and permissions",
            f"存储服务拒绝访问（{ex.code}），请联系管理员检查配置",
        ) from ex
    except (MinioException, urllib3.exceptions.HTTPError, OSError) as ex:
        raise StorageUnavailable(
            f"the storage does not answer ({type(ex).__name__}): {what}",
            "存储服务暂不可用，请稍后再试",
            retry_after=RETRY_AFTER,
        ) from ex
    except ValueError as ex:  # a bucket or endpoint that the library holds to be impossible
        raise StorageRefused(f"the storage is set up wrongly: {ex}", "存储配置有误，请联系管理员") from ex


class S3Store:
    """The files of one plugin of one tenant below `prefix/t1/media/` of a bucket."""

    backend: Backend = "s3"

    def __init__(self, settings: StorageSettings, folder: str, policy: egress.Policy, request_seconds: int = 0) -> None:
        self._bucket = settings.bucket
        self._folder = f"{settings.prefix}/{folder}/".lstrip("/")
        secret = settings.secret_key.get_secret_value()
        account = (settings.region, settings.access_key, secret, settings.path_style, policy, request_seconds)
        with _told("its address"):
            self._client = _client(Account(settings.endpoint, *account))
            outside = settings.public_endpoint or settings.endpoint
            self._outside = _client(Account(outside, *account))  # only signs: addresses carry its host
        self._form = self._form_address(outside, path_style=settings.path_style)

    def _form_address(self, endpoint: str, *, path_style: bool) -> str:
        url = urlsplit(endpoint)
        if path_style:
            return f"{url.scheme}://{url.netloc}/{self._bucket}"
        return f"{url.scheme}://{self._bucket}.{url.netloc}/"

    def _name(self, key: str) -> str:
        return self._folder + check_key(key)

    # writing and reading

    def put(self, key: str, file: BinaryIO, content_type: str) -> int:
        """Store a file, in parts when it is large; one that is not whole does not appear."""
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        with _told(f"writing {key}"):
            self._client.put_object(
                self._bucket, self._name(key), file, size, content_type, part_size=PART, num_parallel_uploads=1
            )
        return size

    def stream(self, key: str) -> Iterator[bytes]:
        with _told(f"reading {key}"):
            try:
                reply = self._client.get_object(self._bucket, self._name(key))
            except S3Error as ex:
                if ex.code in _ABSENT:
                    raise ObjectMissing(key) from None
                raise
            try:
                yield from reply.stream(CHUNK)
            finally:
                reply.close()
                reply.release_conn()

    def stat(self, key: str) -> Stat | None:
        with _told(f"looking at {key}"):
            try:
                found = self._client.stat_object(self._bucket, self._name(key))
            except S3Error as ex:
                if ex.code in _ABSENT:
                    return None
                raise
        return Stat(
            key,
            found.size or 0,
            found.content_type or type_of(key),
            found.last_modified or datetime.fromtimestamp(0, UTC),
        )

    def keys(self, prefix: str) -> Iterator[str]:
        below = self._folder + (f"{check_prefix(prefix)}/" if prefix else "")
        with _told(f"listing {prefix}"):
            for found in self._client.list_objects(self._bucket, below, recursive=True):
                yield (found.object_name or "").removeprefix(self._folder)

    # deleting

    def delete(self, key: str) -> None:
        """Delete an object: where the bucket keeps versions, each of them."""
        name = self._name(key)
        self._erase(name, lambda found: found == name, key)

    def delete_tree(self, prefix: str) -> int:
        below = self._folder + (f"{check_prefix(prefix)}/" if prefix else "")
        return self._erase(below, lambda found: True, prefix)

    def _erase(self, below: str, wanted: Callable[[str], bool], what: str) -> int:
        with _told(f"deleting {what}"):
            found = [one for one in self._versions(below) if wanted(one[0])]
            failed = [
                error.code
                for error in self._client.remove_objects(
                    self._bucket, [DeleteObject(name, version) for name, version in found]
                )
            ]
            left = any(wanted(name) for name, _ in self._versions(below))
        if failed or left:
            said = f" ({failed[0]})" if failed else ""
            raise StorageUnavailable(f"something of {what} is still there{said}: try again", "文件尚未删净，请稍后重试")
        return len({name for name, _ in found})

    def _versions(self, below: str) -> list[tuple[str, str | None]]:
        """Return all versions below a prefix: deleting without one only hides an object in a bucket that keeps them."""
        try:
            found = list(self._client.list_objects(self._bucket, below, recursive=True, include_version=True))
        except S3Error as ex:
            if ex.code not in _NO_VERSIONS:
                raise
            found = list(self._client.list_objects(self._bucket, below, recursive=True))
        return [(one.object_name or "", one.version_id) for one in found]

    # addresses

    def upload_ticket(self, key: str, *, content_type: str, least: int, most: int, ttl: int) -> Ticket:
        """Sign a form whose policy holds the upload to one key, one type and a range of bytes."""
        until = datetime.now(UTC) + timedelta(seconds=ttl)  # the storage goes by its own clock, and so by the real one
        policy = PostPolicy(self._bucket, until)
        name = self._name(key)
        policy.add_equals_condition("key", name)
        policy.add_equals_condition("Content-Type", content_type)
        policy.add_content_length_range_condition(least, most)
        with _told("signing an upload"):
            signed = self._outside.presigned_post_policy(policy)
        return Ticket(self._form, {"key": name, "Content-Type": content_type, **signed}, until)

    def download_url(self, key: str, *, ttl: int) -> str:
        """Sign an address that gives the object; a type that is not shown in place is saved."""
        since = aligned(datetime.now(UTC), ttl)
        lives = timedelta(seconds=min(2 * ttl, LONGEST_TTL))
        kind = type_of(key)
        answered: dict[str, str | list[str] | tuple[str]] = {"response-content-type": kind}
        if not is_shown(kind):
            answered["response-content-disposition"] = "attachment"
        with _told("signing an address"):
            return self._outside.get_presigned_url(
                "GET", self._bucket, self._name(key), expires=lives, response_headers=answered, request_date=since
            )
