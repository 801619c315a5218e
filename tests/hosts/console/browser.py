"""A browser for tests: it keeps cookies, sends the form token, and follows nothing."""

import html
import re
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import falcon.testing

from core.contract.context import Context
from hosts.console import sessions
from hosts.testkit.plugin import PASSWORD

ALL = ("stalls.view", "stalls.edit", "stalls.close", "stalls.refund", "stalls.export")
STALLS = "/console/stalls/stalls"
_FORM = "application/x-www-form-urlencoded"


class Browser:
    """Somebody at the console."""

    def __init__(self, app: Any, tenant: Context, staff: UUID, username: str) -> None:
        self.client = falcon.testing.TestClient(app)
        self.tenant, self.staff, self.username = tenant, staff, username
        self.cookies: dict[str, str] = {}
        self.token = ""

    def get(self, path: str, *, htmx: bool = False, **more: Any) -> Any:
        """Open a page, or a part of one as htmx does."""
        return self._send("GET", path, htmx, **more)

    def post(
        self, path: str, form: dict[str, Any] | None = None, *, htmx: bool = False, token: str | None = None
    ) -> Any:
        """Send a form with the token of the session, or another one."""
        return self.send_form(path, {"csrf": self.token if token is None else token, **(form or {})}, htmx=htmx)

    def send_form(
        self, path: str, form: dict[str, Any], *, htmx: bool = False, headers: dict[str, str] | None = None
    ) -> Any:
        """Send a form as it is."""
        sent = {"Content-Type": _FORM, **(headers or {})}
        return self._send("POST", path, htmx, body=urlencode(form, doseq=True), headers=sent)

    def act(self, path: str, form: dict[str, Any] | None = None, *, htmx: bool = False) -> Any:
        """Open an action's form and send it."""
        return self.post(path, {"once": self.once_of(self.get(path)), **(form or {})}, htmx=htmx)

    def sign_in(self, password: str = PASSWORD) -> Any:
        """Go through the sign-in page."""
        self.token = self.token_of(self.get("/console/sign-in"))
        slug = self.tenant.tenant.slug
        form = {"tenant": slug, "username": self.username, "password": password}
        done = self.post("/console/sign-in", form)
        if done.status_code == 303:
            self.token = self.token_of(self.get("/console/password"))
        return done

    def hold(self, session: str) -> None:
        """Be signed in with a session that was opened elsewhere."""
        self.cookies[sessions.SESSION] = session
        self.token = sessions.form_token(session)

    @staticmethod
    def token_of(page: Any) -> str:
        """Return the form token that a page carries."""
        found = re.search(r'name="csrf" (?:content|value)="(\w+)"', page.text)
        assert found, "the page carries no form token"
        return found[1]

    @staticmethod
    def once_of(page: Any) -> str:
        """Return what makes an action's form act once."""
        found = re.search(r'name="once" value="(\w+)"', page.text)
        assert found, f"no form of an action: {page.status_code} {words(page.text)[-300:]}"
        return found[1]

    @staticmethod
    def find_all(pattern: str, text: str) -> list[str]:
        """Return what a pattern finds, each once, in order."""
        return list(dict.fromkeys(re.findall(pattern, text)))

    def _send(self, method: str, path: str, htmx: bool, **more: Any) -> Any:
        headers = {**(more.pop("headers", None) or {}), **({"HX-Request": "true"} if htmx else {})}
        reply = self.client.simulate_request(method, path, headers=headers, cookies=self.cookies, **more)
        for name, cookie in reply.cookies.items():
            if cookie.max_age == 0 or not cookie.value:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = cookie.value
        return reply


def words(text: str) -> str:
    """Return a page as a reader sees it: no tags, entities read."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text)))
