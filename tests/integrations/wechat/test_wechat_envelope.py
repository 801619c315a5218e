"""How a push is signed and encrypted, by WeChat's own worked examples."""

import base64
import json
from pathlib import Path
from typing import Any  # JSON

import pytest

from integrations.wechat.envelope import BadPush, Secrets, decrypt, encrypt, handshake, open_push, parse, signature
from integrations.wechat.fake import PushTarget, WechatFake

GIVEN: dict[str, Any] = json.loads((Path(__file__).parents[2] / "data" / "wechat_push.json").read_text("utf-8"))
TOKEN, KEY, APPID = GIVEN["token"], GIVEN["encoding_aes_key"], GIVEN["appid"]
SHARED = Secrets(TOKEN, KEY, APPID)
OTHER_KEY = "B" * 42 + "A"


def received(**changed: str) -> tuple[dict[str, str], bytes]:
    """Return the example of a push in safe mode, with something changed."""
    given = {**GIVEN["receive"], **changed}
    query = {name: given[name] for name in ("timestamp", "nonce", "msg_signature")} | {"encrypt_type": "aes"}
    return query, json.dumps({"ToUserName": "gh_97417a04a28d", "Encrypt": given["encrypt"]}).encode()


def refused(query: dict[str, str], body: bytes, shared: Secrets = SHARED) -> str:
    with pytest.raises(BadPush) as failed:
        open_push(query, body, shared)
    return failed.value.reason


def test_the_handshake_of_the_example_is_answered_its_echo() -> None:
    assert handshake({**GIVEN["handshake"], "echostr": "4375120948345356249"}, TOKEN) == "4375120948345356249"
    for wrong in ({"nonce": "1"}, {"timestamp": "1714036505"}, {"signature": "f" * 40}):
        with pytest.raises(BadPush, match="wrong_signature"):
            handshake({**GIVEN["handshake"], "echostr": "1", **wrong}, TOKEN)


def test_the_push_of_the_example_is_opened() -> None:
    content, proof = open_push(*received(), SHARED)
    assert (content["Event"], content["debug_str"]) == ("debug_demo", "hello world")
    assert proof == GIVEN["receive"]["msg_signature"]


def test_the_answer_of_the_example_is_sealed_to_the_letter_and_signed() -> None:
    given = GIVEN["reply"]
    sealed = encrypt(given["message"].encode(), KEY, APPID, random=given["random"].encode())
    assert sealed == given["encrypt"]
    assert signature(TOKEN, given["timestamp"], given["nonce"], sealed) == given["msg_signature"]
    assert decrypt(sealed, KEY, APPID).decode() == given["message"]


@pytest.mark.parametrize("length", range(40))
def test_every_length_is_padded_so_that_it_comes_back(length: int) -> None:
    assert decrypt(encrypt(b"x" * length, KEY, APPID), KEY, APPID) == b"x" * length
    assert len(base64.b64decode(encrypt(b"x" * length, KEY, APPID))) % 32 == 0


@pytest.mark.parametrize("changed", [{"nonce": "1"}, {"timestamp": "1714112446"}, {"msg_signature": "0" * 40}])
def test_what_is_not_as_it_was_signed_is_refused(changed: dict[str, str]) -> None:
    assert refused(*received(**changed)) == "wrong_signature"


def test_one_letter_of_the_text_changed_is_refused_before_it_is_opened() -> None:
    assert refused(*received(encrypt="A" + GIVEN["receive"]["encrypt"][1:])) == "wrong_signature"


def test_the_signature_in_the_query_that_does_not_cover_the_text_is_not_enough() -> None:
    query, body = received()
    query["signature"] = signature(TOKEN, query["timestamp"], query["nonce"])
    query["msg_signature"] = query["signature"]
    assert refused(query, body) == "wrong_signature"
    del query["msg_signature"]
    assert refused(query, body) == "not_encrypted"


def test_another_apps_push_is_refused() -> None:
    assert refused(*received(), Secrets(TOKEN, KEY, "wx-other")) == "wrong_app"


def test_another_key_opens_nothing() -> None:
    assert refused(*received(), Secrets(TOKEN, OTHER_KEY, APPID)) == "wrong_key"


@pytest.mark.parametrize("sealed", ["", "no base64!", "AAAA", base64.b64encode(b"x" * 33).decode()])
def test_a_text_that_is_cut_off_is_refused(sealed: str) -> None:
    with pytest.raises(BadPush):
        decrypt(sealed, KEY, APPID)


def test_padding_above_sixteen_is_good_and_above_thirty_two_is_not() -> None:
    """The example's own text ends in nineteen bytes of padding: blocks are of 32."""
    raw = base64.b64decode(GIVEN["receive"]["encrypt"])
    assert len(raw) % 32 == 0
    assert json.loads(decrypt(GIVEN["receive"]["encrypt"], KEY, APPID))["MsgType"] == "event"
    with pytest.raises(BadPush, match="wrong_key"):
        decrypt(base64.b64encode(raw[:-16]).decode(), KEY, APPID)


def test_a_plain_push_is_refused_where_there_is_a_key_and_a_sealed_one_where_there_is_none() -> None:
    fake = WechatFake(APPID)
    plain = fake.signed(fake.event("debug_demo", "o1"), PushTarget(token=TOKEN))
    assert refused(dict(plain.query), plain.body) == "not_encrypted"
    assert open_push(plain.query, plain.body, Secrets(TOKEN, "", APPID))[0]["Event"] == "debug_demo"
    sealed = fake.signed(fake.event("debug_demo", "o1"), PushTarget(token=TOKEN, aes_key=KEY))
    assert refused(dict(sealed.query), sealed.body, Secrets(TOKEN, "", APPID)) == "no_key"


@pytest.mark.parametrize("aes_key", ["", KEY])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_json_and_xml_say_the_same_of_one_item_and_of_several(aes_key: str, count: int) -> None:
    fake = WechatFake(APPID)
    items: list[Any] = [{"TemplateId": f"T{n}", "SubscribeStatusString": "accept"} for n in range(count)]
    event = fake.event("subscribe_msg_popup_event", "o1", List=items if count > 1 else items[0])
    shared = Secrets(TOKEN, aes_key, APPID)
    as_json = fake.signed(event, PushTarget(token=TOKEN, aes_key=aes_key))
    as_xml = fake.signed(event, PushTarget(token=TOKEN, aes_key=aes_key, form="xml"))
    from_json, from_xml = (open_push(p.query, p.body, shared)[0] for p in (as_json, as_xml))
    assert from_json["List"] == event["List"]
    assert from_xml["SubscribeMsgPopupEvent"] == {"List": event["List"]}
    assert from_xml["FromUserName"] == from_json["FromUserName"] == "o1"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'"text"',
        b"{",
        b"<xml>",
        b'<?xml version="1.0"?><!DOCTYPE xml [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><xml><T>&b;</T></xml>',
        b'<!DOCTYPE xml SYSTEM "http://127.0.0.1/x"><xml><T>1</T></xml>',
        b"<xml>" + b"<a>" * 50 + b"</a>" * 50 + b"</xml>",
        b"[" * 100_000,
    ],
)
def test_what_cannot_be_read_or_should_not_be_is_refused(body: bytes) -> None:
    with pytest.raises(BadPush, match="malformed"):
        parse(body)


def test_no_error_tells_what_was_said_and_no_repr_the_key() -> None:
    query, body = received(encrypt=encrypt(b"13800001111 is not JSON", KEY, APPID))
    sealed = json.loads(body)["Encrypt"]
    query["msg_signature"] = signature(TOKEN, query["timestamp"], query["nonce"], sealed)
    with pytest.raises(BadPush) as failed:
        open_push(query, body, SHARED)
    assert "13800001111" not in repr(failed.value)
    assert KEY not in repr(SHARED)
