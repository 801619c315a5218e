"""Every page of the Chinese console of a tenant that has rows of every kind: words, and nothing but words.

The tenant is filled by the requests that succeed for their owner (`tests/hosts/rest/working.py`), one for every
operation of every plugin, so a new table brings its pages here by itself.
"""

import html
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from core import boot, db, tenants
from core.clock import ManualClock
from core.config import Settings
from core.privacy import Keyring
from core.registry.registry import Registry
from core.runtime import Runtime
from hosts.server.app import make_app
from tests.hosts.console.browser import Browser
from tests.hosts.rest.working import Stage, maker_of, routes_by_slug

CODE = re.compile(r"<code>.*?</code>", re.DOTALL)
PEM = re.compile(r"-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----")
UUIDS = re.compile(r"\b[0-9a-f]{8}-?[0-9a-f]{4}-?7[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}\b")
JSON = re.compile(r"""[\[{]\s*["']?\w+["']?\s*[:,]\s*["'\d\[{]|\[\]|\{\}|\bNone\b|\bTrue\b|\bFalse\b|\bnull\b""")
CODES = re.compile(r"\b[a-z]+_[a-z_]+\b")
WORDS = re.compile(r"(?<![\w-])[A-Za-z][A-Za-z']+(?![\w-])")
IDS = re.compile(r"/[0-9a-f-]{32,36}(?=/|$)|/\d+(?=/|$)")


@pytest.fixture
def runtime(settings: Settings, registry: Registry, clock: ManualClock) -> Iterator[Runtime]:
    """Return a running Roost with every installed plugin."""
    db.open_database(settings.database_url)
    tenants.forget_cached()
    yield boot.assemble(settings, clock, registry, Keyring.from_settings(settings))
    db.close_database()


def fill(stage: Stage, runtime: Runtime) -> None:
    """Send every request that makes something; what one undoes another has made."""
    for routes in routes_by_slug(runtime).values():
        for route in routes:
            maker = maker_of(route)
            if maker is None or route.endpoint.method == "GET":
                continue
            stage.fresh()
            call = maker(stage)
            public = stage.near.tenant.slug if route.endpoint.audience == "public" else None
            stage.send(route, call, stage.owners_token(route), public)
    stage.fresh()


def pages(browser: Browser) -> Iterator[tuple[str, Any]]:
    """Yield each page that links lead to, one of each shape."""
    waiting, seen = ["/console"], {"/console"}
    while waiting:
        path = waiting.pop(0)
        reply = browser.get(path)
        yield path, reply
        for link in re.findall(r'(?:href|hx-get)="(/console[^"#]*)"', html.unescape(reply.text)):
            shape = IDS.sub("/*", link.split("?")[0])
            if shape not in seen and not re.search(r"/static/|/locale/|/export\.", link):
                seen.add(shape)
                waiting.append(link)


def read(page: str) -> str:
    """Return what a reader sees: texts, labels, placeholders, and what stands in fields."""
    body = page[page.find("<body") :]
    body = re.sub(r"<script.*?</script>|<style.*?</style>", " ", body, flags=re.DOTALL)
    seen = re.findall(r'\s(?:placeholder|aria-label|title|alt)="([^"]*)"', body)
    seen += re.findall(r'<input(?![^>]*type="(?:hidden|checkbox|password)")[^>]*\svalue="([^"]*)"', body)
    text = html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body)) + " " + " ".join(seen))
    return re.sub(r"\{\w+\}|\b[0-9A-Z]{8,}\b|\b[a-z]+-?\d[\w-]*", " ", text)  # placeholders, numbers of vouchers


# What is no word of ours: names, and standards that are read as they stand.
NAMES = frozenset(
    [
        "API",
        "CSV",
        "csv",
        "English",
        "Excel",
        "ID",
        "IP",
        "IVEP",
        "KEY",
        "MB",
        "OpenID",
        "Roost",
        "SF",
        "SKU",
        "SMS",
        "SaaS",
        "SecretId",
        "Token",
        "URL",
        "WeChat",
        "AppID",
        "https",
        "http",
        "com",
        "image",
        "jpeg",
    ]
)
# What the requests that fill the tenant write down themselves: people, goods, codes, and what was said.
WRITTEN = frozenset(
    [
        "All",
        "Anna",
        "Bicycle",
        "Big",
        "Birthday",
        "Booked",
        "Boss",
        "Daily",
        "Desk",
        "Every",
        "Han",
        "Lan",
        "Lei",
        "Li",
        "Main",
        "Meimei",
        "Near",
        "New",
        "Other",
        "Sale",
        "Spring",
        "Towel",
        "Zhou",
        "all",
        "autumn",
        "bank",
        "boss",
        "by",
        "card",
        "closes",
        "cold",
        "day",
        "desk",
        "discount",
        "example",
        "fraud",
        "gift",
        "good",
        "hand",
        "is",
        "lower",
        "main",
        "mall",
        "much",
        "name",
        "new",
        "openid",
        "org",
        "pages",
        "pasted",
        "points",
        "returned",
        "saas",
        "say",
        "shop",
        "shower",
        "sku",
        "so",
        "street",
        "test",
        "the",
        "they",
        "thing",
        "till",
        "too",
        "torn",
        "towel",
        "transfer",
        "venue",
        "was",
        "wrong",
        "login",
        "item",
    ]
)
FACTS = "/console/webhooks/facts"  # for developers too: beside the words, in <code>, the names that go over the wire
# What may stand on one page alone: names of other companies' systems, and what the tenant wrote for English readers.
BESIDE = {
    "/console/webhooks/": "dns hooks in",  # an address, and its failure
    "/console/core/plugins/sms": "change_phone AccessKey SecretKey Secret CODE TD aliyuncs dysmsapi",
    "/console/core/plugins/storage": "AccessKey",
    "/console/core/plugins/wechat_pay": "Appid",
    "/console/core/plugins/notify": "TLS",
    "/console/core/plugins/qinniao": "coach",  # the SaaS's own word
    "/console/core/plugins/referrals": "index",  # a page of the mini-program
    "/console/core/plugins/levels": "Bronze Silver Gold Platinum bronze silver gold platinum Earn First Growth An"
    " adviser of one's own sign up for member days birthday gifts and to in ordinary",
}


@pytest.mark.engines("sqlite")  # the pages are the same on both
def test_staff_meet_words_on_every_page(runtime: Runtime, clock: ManualClock) -> None:
    wrong: dict[str, set[str]] = defaultdict(set)
    count = 0
    with Stage(runtime, clock) as stage:
        fill(stage, runtime)
        browser = Browser(make_app(runtime), stage.ctx, stage.near.account.id, "boss")
        browser.hold(stage.near.staff_token())
        for path, reply in pages(browser):
            count += 1
            page = CODE.sub(" ", reply.text) if path == FACTS else reply.text
            text = PEM.sub(" ", read(page))
            if reply.status_code != 200:
                wrong[f"answered {reply.status_code}"].add(path)
            beside = {word for page, words in BESIDE.items() if path.startswith(page) for word in words.split()}
            for kind, pattern in {"UUID": UUIDS, "JSON": JSON, "code": CODES, "word": WORDS}.items():
                for found in set(pattern.findall(text)) - NAMES - WRITTEN - beside:
                    wrong[f"{kind} {found}"].add(path)
    assert count > 150
    assert not wrong, "\n".join(f"{what}: {', '.join(sorted(where)[:3])}" for what, where in sorted(wrong.items()))
