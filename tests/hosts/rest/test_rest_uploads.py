"""Files in and out: raw or in a form, in pieces, held to their limit; the brand named in the path."""

import io
from collections.abc import Callable
from typing import Any

import pytest
import requests

from core.contract.context import Context
from core.contract.rest import Endpoints, Upload
from core.errors import ConfigurationError
from core.runtime import Runtime
from hosts.rest.shape import shape_of
from hosts.testkit.plugin import Api
from roost import Remote

pytestmark = pytest.mark.engines("sqlite")  # nothing of it is in the database
MOST = 300_000


@pytest.fixture(autouse=True)
def _on(enable_plugin: Callable[..., None]) -> None:
    enable_plugin("probe")


def put(api: Api, data: bytes, path: str = "/v1/probe/acme/files/x", **headers: str) -> Any:
    """Send bytes as they are, with no header that names the brand."""
    return api.client.simulate_put(path, body=data, headers={"Content-Type": "image/png", **headers})


def form(api: Api, parts: dict[str, Any]) -> Any:
    """Send a multipart form."""
    made = requests.Request("POST", "http://x/", files=parts).prepare()
    return api.client.simulate_post("/v1/probe/acme/files/x", body=made.body, headers=dict(made.headers))


def test_a_raw_body_comes_in_pieces(api: Api) -> None:
    reply = put(api, bytes(MOST))
    assert reply.status_code == 200, reply.text
    assert reply.json["what"]["tenant"] == "acme"
    assert reply.json["what"]["type"] == "image/png"
    pieces = reply.json["what"]["pieces"]
    assert sum(pieces) == MOST
    assert max(pieces) <= 65_536


def test_the_file_of_a_form_comes_in_pieces_and_its_other_fields_are_passed_over(api: Api) -> None:
    reply = form(api, {"key": (None, "x" * 1000), "file": ("a.png", io.BytesIO(bytes(MOST))), "more": (None, "y")})
    assert reply.status_code == 200, reply.text
    pieces = reply.json["what"]["pieces"]
    assert sum(pieces) == MOST
    assert max(pieces) <= 65_536


def test_what_is_too_large_is_413_before_it_is_read(api: Api) -> None:
    for reply in (
        put(api, bytes(MOST + 1)),
        form(api, {"file": ("a", bytes(MOST + 1))}),
        form(api, {"file": ("a", bytes(MOST * 2))}),
    ):
        assert (reply.status_code, reply.json["code"], reply.json["limit"]) == (413, "too_large", MOST)


def test_an_upload_says_how_long_it_is(api: Api) -> None:
    reply = api.client.simulate_put("/v1/probe/acme/files/x", headers={"Transfer-Encoding": "chunked"})
    assert (reply.status_code, reply.json["code"]) == (411, "length_required")


@pytest.mark.parametrize(
    "body",
    [
        b"no form at all",
        b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nwords that do not e',
        b'--b\r\nContent-Disposition: form-data; name="other"\r\n\r\nx\r\n--b--\r\n',
        b"--b--\r\n",
        b"",
    ],
)
def test_a_form_that_is_damaged_is_400(api: Api, body: bytes) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b", "Content-Length": str(len(body))}
    reply = api.client.simulate_post("/v1/probe/acme/files/x", body=body, headers=headers)
    assert (reply.status_code, reply.json["code"]) == (400, "broken_upload")


def test_an_upload_that_breaks_off_is_400(api: Api) -> None:
    reply = put(api, b"half", **{"Content-Length": "8"})
    assert (reply.status_code, reply.json["code"]) == (400, "broken_upload")


def test_who_may_not_upload_is_refused_before_anything_is_read(api: Api) -> None:
    assert put(api, b"x", "/v1/probe/acme/files/refused").status_code == 403


def test_the_path_names_the_brand(api: Api, tenant: Context, new_tenant: Callable[..., Context]) -> None:
    new_tenant("other", plugins=("probe",))
    new_tenant("without")
    assert put(api, b"x", "/v1/probe/other/files/x").json["what"]["tenant"] == "other"
    assert put(api, b"x", "/v1/probe/without/files/x").status_code == 404
    assert put(api, b"x", "/v1/probe/nobody/files/x").status_code == 404
    reply = put(api, b"x", **{"X-Roost-Tenant": "other"})
    assert (reply.status_code, reply.json["code"]) == (401, "tenant_mismatch")
    assert put(api, b"x", **{"X-Roost-Tenant": "acme"}).status_code == 200


def test_a_file_goes_out_whole_with_its_headers(api: Api, runtime: Runtime) -> None:
    data = bytes(range(256)) * 1000
    (runtime.settings.var / "one").write_bytes(data)
    reply = api.client.simulate_get("/v1/probe/acme/files/one")
    assert (reply.status_code, reply.content) == (200, data)
    assert reply.headers["content-type"] == "image/png"
    assert reply.headers["content-length"] == str(len(data))
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["cache-control"] == "private, max-age=60"
    assert api.client.simulate_get("/v1/probe/acme/files/none").status_code == 404


def test_the_description_says_what_is_taken(api: Api) -> None:
    operation = api.get("/openapi.json").json["paths"]["/v1/probe/{tenant}/files/{word}"]["post"]
    raw = operation["requestBody"]["content"]["application/octet-stream"]["schema"]
    assert raw == {"type": "string", "format": "binary", "maxLength": MOST}
    assert "multipart/form-data" in operation["requestBody"]["content"]
    assert {"411", "413"} <= set(operation["responses"])
    assert "Idempotency-Key" not in [one["name"] for one in operation["parameters"]]


def test_a_declaration_that_cannot_be_served_is_refused_at_start() -> None:
    class Takes(Remote):
        """Take data."""

        def prepare(self, ctx: Any, data: Upload) -> None:  # type: ignore[override]
            """Take it."""

    def plain(ctx: Any, data: Upload) -> None:
        """Take data in a transaction."""

    class Other(Remote):
        """Take something else."""

        def prepare(self, ctx: Any, data: bytes) -> None:  # type: ignore[override]
            """Take it."""

    for function, upload, word in ((Takes, 0, "upload=…"), (plain, 5, "remote"), (Other, 5, "annotated as Upload")):
        group = Endpoints("public")
        group.put("/x", upload=upload)(function)
        with pytest.raises(ConfigurationError, match=word):
            shape_of(group.items[0], "/x", "probe: PUT /x")
