"""The fake storage, proved by a client that others wrote."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3  # type: ignore[import-untyped]  # it has none
import pytest
import requests
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from integrations.fake_server import Running
from integrations.storage.fake import ACCESS_KEY, BUCKET, REGION, SECRET_KEY, S3Fake
from integrations.storage.sigv4 import Asked, Keys, NotSigned, verify

FIVE_MEGABYTES = 5 * 1024 * 1024


def boto(url: str, **more: Any) -> Any:
    """Return a client of boto3."""
    settings = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY, "region_name": REGION, **more}
    once = Config(s3={"addressing_style": "path"}, signature_version="s3v4", retries={"max_attempts": 1})
    return boto3.client("s3", endpoint_url=url, config=once, **settings)


@pytest.fixture
def client(s3: Running[S3Fake]) -> Any:
    """Return boto3's client of the fake."""
    return boto(s3.url)


def refused(call: Any, *args: Any, **values: Any) -> str:
    """Return the code with which a call is refused."""
    with pytest.raises(ClientError) as caught:
        call(*args, **values)
    return str(caught.value.response["Error"]["Code"])


def test_boto3_writes_reads_lists_and_deletes(client: Any, s3: Running[S3Fake]) -> None:
    for name in ("a/1.jpg", "a/2 &<é.jpg", "b/3.jpg"):
        client.put_object(Bucket=BUCKET, Key=name, Body=name.encode(), ContentType="image/jpeg")
    found = client.get_object(Bucket=BUCKET, Key="a/2 &<é.jpg")
    assert (found["Body"].read(), found["ContentType"]) == ("a/2 &<é.jpg".encode(), "image/jpeg")
    assert client.head_object(Bucket=BUCKET, Key="a/1.jpg")["ContentLength"] == 7
    pages = client.get_paginator("list_objects_v2").paginate(
        Bucket=BUCKET, Prefix="a/", PaginationConfig={"PageSize": 1}
    )
    assert [one["Key"] for page in pages for one in page["Contents"]] == ["a/1.jpg", "a/2 &<é.jpg"]
    client.delete_object(Bucket=BUCKET, Key="a/1.jpg")
    assert refused(client.head_object, Bucket=BUCKET, Key="a/1.jpg") == "404"
    assert refused(client.get_object, Bucket=BUCKET, Key="a/1.jpg") == "NoSuchKey"
    assert refused(client.get_object, Bucket="other", Key="a") == "NoSuchBucket"
    versioned = s3.fake.buckets[BUCKET].versioned
    assert ("a/1.jpg" in s3.fake.all_keys()) is versioned  # a bucket that keeps versions has only hidden it
    client.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "b/3.jpg"}]})
    assert refused(client.head_object, Bucket=BUCKET, Key="b/3.jpg") == "404"


def test_boto3_uploads_a_large_file_in_parts(client: Any, s3: Running[S3Fake]) -> None:
    data = bytes(range(256)) * (3 * FIVE_MEGABYTES // 512)
    settings = boto3.s3.transfer.TransferConfig(
        multipart_threshold=FIVE_MEGABYTES, multipart_chunksize=FIVE_MEGABYTES, use_threads=False
    )
    client.upload_fileobj(io.BytesIO(data), BUCKET, "large.mp4", Config=settings)
    assert client.get_object(Bucket=BUCKET, Key="large.mp4")["Body"].read() == data
    assert len(s3.fake.calls("put_object")) == 2


def test_boto3s_addresses_and_forms_are_good_until_they_expire(client: Any, s3: Running[S3Fake]) -> None:
    client.put_object(Bucket=BUCKET, Key="a.txt", Body=b"words")
    url = client.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "a.txt"}, ExpiresIn=60)
    assert requests.get(url, timeout=5).content == b"words"
    form = client.generate_presigned_post(
        BUCKET,
        "b.txt",
        {"Content-Type": "text/plain"},
        [["content-length-range", 2, 4], {"Content-Type": "text/plain"}],
    )

    def send(data: bytes, **fields: str) -> int:
        sent = {**form["fields"], **fields}
        return requests.post(form["url"], data=sent, files={"file": data}, timeout=5).status_code

    assert [send(b"abc"), send(b"a"), send(b"abcde")] == [204, 400, 400]
    assert [send(b"abc", key="c.txt"), send(b"abc", **{"Content-Type": "text/html"}), send(b"abc", acl="public")] == [
        403
    ] * 3
    s3.fake.now = lambda: datetime.now(UTC) + timedelta(hours=2)
    assert requests.get(url, timeout=5).status_code == 403
    assert send(b"abc") == 403


def test_a_wrong_secret_another_region_and_a_wrong_clock_are_refused(s3: Running[S3Fake]) -> None:
    assert refused(boto(s3.url, aws_secret_access_key="x").list_objects_v2, Bucket=BUCKET) == "SignatureDoesNotMatch"
    assert refused(boto(s3.url, aws_access_key_id="x").list_objects_v2, Bucket=BUCKET) == "InvalidAccessKeyId"
    assert refused(boto(s3.url, region_name="mars").list_objects_v2, Bucket=BUCKET) == "AuthorizationHeaderMalformed"
    assert requests.get(f"{s3.url}/{BUCKET}", timeout=5).status_code == 403
    s3.fake.now = lambda: datetime.now(UTC) + timedelta(minutes=16)
    assert refused(boto(s3.url).list_objects_v2, Bucket=BUCKET) == "RequestTimeTooSkewed"


def test_the_documented_example_of_a_presigned_address_is_good_and_no_other() -> None:
    keys = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1")
    at = datetime(2013, 5, 24, tzinfo=UTC)
    signature = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    target = (
        "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3"
        f"%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature={signature}"
    )
    host = {"HOST": "examplebucket.s3.amazonaws.com"}
    verify(keys, Asked("GET", target, host, b""), at)
    for wrong in (
        Asked("PUT", target, host, b""),
        Asked("GET", target.replace("test", "best"), host, b""),
        Asked("GET", target.replace("86400", "86401"), host, b""),
        Asked("GET", target, {"HOST": "other.s3.amazonaws.com"}, b""),
    ):
        with pytest.raises(NotSigned) as caught:
            verify(keys, wrong, at)
        assert caught.value.code == "SignatureDoesNotMatch"
    with pytest.raises(NotSigned, match="expired"):
        verify(keys, Asked("GET", target, host, b""), at + timedelta(days=1, seconds=1))
