"""Be a storage that speaks S3, in memory: objects, versions, uploads in parts, presigned addresses and forms.

Every request is held to its Signature Version 4. Path style only. Run ``python -m integrations.storage.fake``.
"""

import email.parser
import email.policy
import hashlib
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from urllib.parse import quote, unquote, urlsplit
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from defusedxml import ElementTree
from pydantic import JsonValue

from integrations.fake_server import Answer, Call, Fake, Refusal, Reply, Route, Running, command_line
from integrations.storage.sigv4 import Asked, Keys, NotSigned, verify, verify_form

ACCESS_KEY, SECRET_KEY, REGION, BUCKET = "fake-access-key", "fake-secret-key", "cn-north-1", "roost"
SPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_STATUS = {
    "NoSuchKey": 404,
    "NoSuchBucket": 404,
    "NoSuchUpload": 404,
    "InvalidPart": 400,
    "EntityTooLarge": 400,
    "EntityTooSmall": 400,
    "MalformedXML": 400,
    "BucketAlreadyOwnedByYou": 409,
    "NotImplemented": 501,
    "MethodNotAllowed": 405,
    "SlowDown": 503,
    "InternalError": 500,
}
_ANSWERED = {
    "response-content-type": "Content-Type",
    "response-content-disposition": "Content-Disposition",
    "response-cache-control": "Cache-Control",
}


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object; without data it marks a deletion."""

    id: str
    data: bytes | None
    content_type: str
    at: datetime

    @property
    def etag(self) -> str:
        """Return what tells versions apart."""
        return f'"{hashlib.md5(self.data or b"", usedforsecurity=False).hexdigest()}"'


@dataclass(slots=True)
class Bucket:
    """Objects by key; the newest version is the last."""

    versioned: bool = False
    objects: dict[str, list[Version]] = field(default_factory=dict)

    def newest(self, key: str) -> Version | None:
        """Return what a read finds."""
        versions = self.objects.get(key)
        return versions[-1] if versions and versions[-1].data is not None else None

    def add(self, key: str, version: Version) -> None:
        """Put a version over what was there, or beside it."""
        kept = self.objects.get(key, []) if self.versioned else []
        self.objects[key] = [*kept, version]

    def remove(self, key: str, version_id: str | None, at: datetime) -> None:
        """Delete one version for good; without one, all there is, or only hide it where versions are kept."""
        if version_id is None and self.versioned:
            self.add(key, Version(uuid.uuid4().hex, None, "", at))
            return
        left = [v for v in self.objects.get(key, []) if version_id not in (None, v.id)]
        if left:
            self.objects[key] = left
        else:
            self.objects.pop(key, None)


@dataclass(slots=True)
class Parts:
    """An upload in parts that is not complete."""

    bucket: str
    key: str
    content_type: str
    parts: dict[int, bytes] = field(default_factory=dict)


class S3Fake(Fake):
    """The storage. ``versioned`` makes its bucket keep versions, as many real ones do."""

    def __init__(
        self,
        keys: Keys | None = None,
        *,
        bucket: str = BUCKET,
        versioned: bool = False,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.keys = keys or Keys(ACCESS_KEY, SECRET_KEY, REGION)
        self._first = (bucket, versioned)
        super().__init__(clock)

    def routes(self) -> Iterator[Route]:
        """Yield the calls of S3 that Roost and common clients make."""
        yield Route("GET", "/", lambda call: self.list_buckets(), api="list_buckets")
        yield Route("GET", "/{bucket}", self.list_objects, api="list_objects")
        yield Route("HEAD", "/{bucket}", lambda call: self._empty(bool(self._bucket(call))), api="head_bucket")
        yield Route("PUT", "/{bucket}", self.put_bucket, api="put_bucket")
        yield Route("POST", "/{bucket}", self.post_bucket, api="post_bucket")
        yield Route("GET", "/{bucket}/{key:path}", self.get_object, api="get_object")
        yield Route("HEAD", "/{bucket}/{key:path}", self.get_object, api="head_object")
        yield Route("PUT", "/{bucket}/{key:path}", self.put_object, api="put_object")
        yield Route("POST", "/{bucket}/{key:path}", self.post_object, api="post_object")
        yield Route("DELETE", "/{bucket}/{key:path}", self.delete_object, api="delete_object")
        yield Route("GET", "/_fake/keys", lambda call: {"keys": [*self.all_keys()]})

    def forget(self) -> None:
        name, versioned = self._first
        self.buckets = {name: Bucket(versioned)}
        self._uploads: dict[str, Parts] = {}

    def all_keys(self, bucket: str | None = None) -> list[str]:
        """Return every key that anything is kept under, hidden versions included."""
        with self.lock:
            return sorted(self.buckets[bucket or self._first[0]].objects)

    def error(self, errcode: int | str, errmsg: str) -> Answer:
        code = str(errcode)
        return _xml("Error", f"<Code>{code}</Code><Message>{escape(errmsg)}</Message>", _STATUS.get(code, 403))

    def noted(self, call: Call) -> dict[str, JsonValue]:
        """Note how large a body is, not the body."""
        return {"method": call.method, "target": call.target, "query": dict(call.query), "body": len(call.body)}

    def check(self, call: Call) -> None:
        """Hold a request to its signature; a form carries its own."""
        if _is_form(call):
            return
        try:
            verify(self.keys, Asked(call.method, call.target, call.headers, call.body), self.now())
        except NotSigned as ex:
            _STATUS.setdefault(ex.code, ex.status)
            raise Refusal(ex.code, ex.message) from ex

    # buckets

    def _bucket(self, call: Call) -> Bucket:
        found = self.buckets.get(call.params["bucket"])
        if found is None:
            raise Refusal("NoSuchBucket", "The specified bucket does not exist")
        return found

    def list_buckets(self) -> Answer:
        rows = "".join(f"<Bucket><Name>{name}</Name></Bucket>" for name in self.buckets)
        return _xml("ListAllMyBucketsResult", f"<Buckets>{rows}</Buckets>")

    def put_bucket(self, call: Call) -> Answer:
        """Make a bucket, or switch its versions on."""
        if "versioning" in _query(call):
            self._bucket(call).versioned = _text(ElementTree.fromstring(call.body), "Status") == "Enabled"
            return self._empty()
        if self.buckets.setdefault(call.params["bucket"], bucket := Bucket()) is not bucket:
            raise Refusal("BucketAlreadyOwnedByYou", "this bucket is there")
        return self._empty()

    def list_objects(self, call: Call) -> Answer:
        """List objects, a page at a time, or all their versions."""
        query, bucket = _query(call), self._bucket(call)
        if "location" in query:
            return _xml("LocationConstraint", self.keys.region)
        prefix, most = query.get("prefix", ""), int(query.get("max-keys") or 1000)
        with self.lock:
            rows = [
                (key, version, version is versions[-1])
                for key, versions in sorted(bucket.objects.items())
                for version in reversed(versions)
                if key.startswith(prefix)
            ]
        shown: Callable[[str], str] = quote if query.get("encoding-type") == "url" else escape
        about = f"<Name>{call.params['bucket']}</Name><Prefix>{shown(prefix)}</Prefix><MaxKeys>{most}</MaxKeys>"
        if shown is quote:
            about += "<EncodingType>url</EncodingType>"
        if "versions" in query:
            every = "".join(_version_row(shown(key), version, newest) for key, version, newest in rows)
            return _xml("ListVersionsResult", about + _truncated(False) + every)
        after = query.get("continuation-token") or query.get("start-after") or ""
        rows = [row for row in rows if row[2] and row[1].data is not None and row[0] > after]
        page, more = rows[:most], len(rows) > most
        next_token = f"<NextContinuationToken>{escape(page[-1][0])}</NextContinuationToken>" if more else ""
        counted = f"<KeyCount>{len(page)}</KeyCount>{_truncated(more)}{next_token}"
        return _xml("ListBucketResult", about + counted + "".join(_object_row(shown(key), v) for key, v, _ in page))

    def post_bucket(self, call: Call) -> Answer:
        """Take a form, or delete many."""
        if _is_form(call):
            return self.take_form(call)
        bucket = self._bucket(call)
        if "delete" not in _query(call):
            raise Refusal("NotImplemented", "only ?delete and forms are offered here")
        gone = []
        with self.lock:
            for one in _children(ElementTree.fromstring(call.body), "Object"):
                key, version = _text(one, "Key"), _text(one, "VersionId") or None
                bucket.remove(key, version, self.now())
                gone.append(f"<Deleted><Key>{escape(key)}</Key></Deleted>")
        return _xml("DeleteResult", "".join(gone))

    def take_form(self, call: Call) -> Answer:
        """Store the file of a form that keeps to its policy."""
        fields, data = _form(call)
        try:
            verify_form(self.keys, call.params["bucket"], fields, len(data), self.now())
        except NotSigned as ex:
            _STATUS.setdefault(ex.code, ex.status)
            raise Refusal(ex.code, ex.message) from ex
        self._store(self._bucket(call), fields["key"], data, fields.get("content-type", "binary/octet-stream"))
        return self._empty(status=204)

    # objects

    def _store(self, bucket: Bucket, key: str, data: bytes, content_type: str) -> Version:
        with self.lock:
            version = Version(uuid.uuid4().hex if bucket.versioned else "null", data, content_type, self.now())
            bucket.add(key, version)
        return version

    def get_object(self, call: Call) -> Answer:
        """Give an object, or only its headers."""
        found = self._bucket(call).newest(_key(call))
        if found is None or found.data is None:
            if call.method == "HEAD":
                return self._empty(status=404)
            raise Refusal("NoSuchKey", "The specified key does not exist.")
        query = _query(call)
        headers = {
            "Content-Type": found.content_type,
            "ETag": found.etag,
            "Last-Modified": format_datetime(found.at, usegmt=True),
            "Accept-Ranges": "bytes",
            **{name: query[asked] for asked, name in _ANSWERED.items() if asked in query},
        }
        if call.method == "HEAD":
            return Reply(b"", 200, {**headers, "Content-Length": str(len(found.data))})
        return Reply(found.data, 200, headers)

    def put_object(self, call: Call) -> Answer:
        """Store an object, or a part of one."""
        query, bucket = _query(call), self._bucket(call)
        if "uploadId" in query:
            upload = self._upload(query["uploadId"])
            upload.parts[int(query["partNumber"])] = call.body
            return Reply(b"", 200, {"ETag": f'"{hashlib.md5(call.body, usedforsecurity=False).hexdigest()}"'})
        kind = call.headers.get("CONTENT-TYPE", "binary/octet-stream")
        return Reply(b"", 200, {"ETag": self._store(bucket, _key(call), call.body, kind).etag})

    def post_object(self, call: Call) -> Answer:
        """Begin or complete an upload in parts."""
        query, key = _query(call), _key(call)
        if "uploads" in query:
            number = uuid.uuid4().hex
            kind = call.headers.get("CONTENT-TYPE", "binary/octet-stream")
            self._uploads[number] = Parts(call.params["bucket"], key, kind)
            return _xml("InitiateMultipartUploadResult", f"<Key>{escape(key)}</Key><UploadId>{number}</UploadId>")
        upload = self._upload(query.get("uploadId", ""))
        numbers = [int(_text(p, "PartNumber")) for p in _children(ElementTree.fromstring(call.body), "Part")]
        if numbers != sorted(upload.parts) or not numbers:
            raise Refusal("InvalidPart", "the parts that are named are not those that came")
        data = b"".join(upload.parts[number] for number in numbers)
        version = self._store(self._bucket(call), key, data, upload.content_type)
        del self._uploads[query["uploadId"]]
        return _xml(
            "CompleteMultipartUploadResult",
            f"<Bucket>{call.params['bucket']}</Bucket><Key>{escape(key)}</Key><ETag>{escape(version.etag)}</ETag>",
        )

    def delete_object(self, call: Call) -> Answer:
        """Delete an object, or give an upload in parts up."""
        query = _query(call)
        with self.lock:
            if "uploadId" in query:
                self._uploads.pop(query["uploadId"], None)
            else:
                self._bucket(call).remove(_key(call), query.get("versionId"), self.now())
        return self._empty(status=204)

    def _upload(self, number: str) -> Parts:
        found = self._uploads.get(number)
        if found is None:
            raise Refusal("NoSuchUpload", "The specified upload does not exist.")
        return found

    def _empty(self, there: bool = True, *, status: int = 200) -> Answer:
        return Reply(b"", status, {"Content-Type": "application/xml"})


def _is_form(call: Call) -> bool:
    return call.method == "POST" and call.headers.get("CONTENT-TYPE", "").startswith("multipart/form-data")


def _form(call: Call) -> tuple[Mapping[str, str], bytes]:
    """Return a form's fields, with names in lower case, and its file."""
    head = f"Content-Type: {call.headers['CONTENT-TYPE']}\r\n\r\n".encode()
    parsed = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + call.body)
    fields: dict[str, str] = {}
    for part in parsed.iter_parts():
        name = str(part.get_param("name", header="content-disposition")).lower()
        data = part.get_payload(decode=True)
        assert isinstance(data, bytes)
        if name == "file":
            return fields, data
        fields[name] = data.decode()
    raise Refusal("InvalidArgument", "POST requires exactly one file upload per request.")


def _query(call: Call) -> dict[str, str]:
    return dict(Asked(call.method, call.target, {}, b"").query)


def _key(call: Call) -> str:
    return unquote(urlsplit(call.target).path).removeprefix(f"/{call.params['bucket']}/")


def _xml(root: str, inner: str, status: int = 200) -> Reply:
    space = "" if root == "Error" else f' xmlns="{SPACE}"'  # errors have none
    body = f'<?xml version="1.0" encoding="UTF-8"?><{root}{space}>{inner}</{root}>'
    return Reply(body.encode(), status, {"Content-Type": "application/xml"})


def _object_row(key: str, version: Version) -> str:
    return f"<Contents><Key>{key}</Key>{_facts(version)}</Contents>"


def _version_row(key: str, version: Version, newest: bool) -> str:
    kind = "DeleteMarker" if version.data is None else "Version"
    named = f"<Key>{key}</Key><VersionId>{version.id}</VersionId><IsLatest>{str(newest).lower()}</IsLatest>"
    return f"<{kind}>{named}{_facts(version)}</{kind}>"


def _facts(version: Version) -> str:
    at = version.at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return f"<LastModified>{at}</LastModified><ETag>{version.etag}</ETag><Size>{len(version.data or b'')}</Size>"


def _truncated(more: bool) -> str:
    return f"<IsTruncated>{str(more).lower()}</IsTruncated>"


def _children(element: Element, name: str) -> list[Element]:
    return [child for child in element.iter() if child.tag.rpartition("}")[2] == name]


def _text(element: Element, name: str) -> str:
    return next((child.text or "" for child in _children(element, name)), "")


def main(argv: list[str] | None = None) -> None:
    parser = command_line("integrations.storage.fake", "A storage that speaks S3.", port=9109)
    parser.add_argument("--versioned", action="store_true", help="keep versions of what is overwritten or deleted")
    options = parser.parse_args(argv)
    with Running(S3Fake(versioned=options.versioned), options.port) as running:
        running.stay(f"S3 fake at {running.url}, bucket {BUCKET}, region {REGION}, access key {ACCESS_KEY}")


if __name__ == "__main__":
    main()
