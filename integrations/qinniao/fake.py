"""Speak the protocol of the SaaS on this machine: for tests, for the demo, and without an account.

Run it with ``python -m integrations.qinniao.fake --port 9102 --callback URL``, or in a test
``with serve() as saas: saas.url``.

It checks signatures and nonces, takes leads, matches members by phone and gives out lists by cursor, as
`integrations.qinniao.client` says. Beside the protocol:

- ``POST /_fake/push``, ``/_fake/callback``, ``/_fake/items`` play the SaaS's own side (`qinniao.fake_protocol`).
  A push is delivered as often as it is told to; the repetitions of a real SaaS, from 15 s to 6 h, are for the caller.
- ``GET /_fake/leads`` shows what was taken.
- And what every fake has (`integrations.fake_server`): an API is a kind of list, or ``leads``.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from integrations.fake_server import Failure as Failure
from integrations.fake_server import Refusal, Route, Running
from integrations.fake_server import create_app as create_app
from integrations.qinniao.answers import Code
from integrations.qinniao.fake_protocol import APP_ID as APP_ID
from integrations.qinniao.fake_protocol import Item, ProtocolFake, envelope, fill, protocol_line
from integrations.qinniao.fake_protocol import Push as Push
from integrations.qinniao.wire import KINDS, ObjectKind

SECRET = "fake-qinniao-secret"

KIND_OF_EVENT: Mapping[str, ObjectKind] = {
    "lead": "leads",
    "member": "members",
    "card": "cards",
    "booking": "bookings",
    "checkin": "checkins",
    "order": "orders",
    "coach": "coaches",
}
"""Where the data of an event stand, by the first word of its type."""

DEMO_ITEMS: Mapping[str, tuple[Item, ...]] = {
    "stores": (
        {"id": "001", "store_id": "001", "name": "江湾店"},
        {"id": "002", "store_id": "002", "name": "苏河店"},
        {"id": "003", "store_id": "003", "name": "云栖店"},
    ),
    "staff": (
        {"id": "s-101", "store_id": "001", "name": "周岚", "role": "coach", "phone": "13900000101"},
        {"id": "s-201", "store_id": "002", "name": "陆远", "role": "sales", "phone": "13900000201"},
    ),
    "members": (
        {"id": "m-1", "store_id": "001", "phone": "13900000001", "name": "沈知夏", "status": "active"},
        {"id": "m-2", "store_id": "002", "phone": "13900000002", "name": "何砚", "status": "expired"},
    ),
}
"""What the command line starts with: three stores, two of staff, a member and a lapsed one."""


class Lead(BaseModel):
    """Read a lead that is pushed to us."""

    model_config = ConfigDict(extra="ignore")

    external_id: str = Field(min_length=1)
    phone: str = Field(pattern=r"^\+?[0-9]{5,20}$")
    name: str | None = None
    store_id: str | None = None
    source: str = Field(min_length=1)
    referrer: str | None = None


class QinniaoFake(ProtocolFake):
    """Be one brand's SaaS, in memory. Safe to use from several threads; ``clock`` gives UTC."""

    kinds = KINDS
    pushed = ("leads", "coaches")

    def __init__(
        self,
        app_id: str = APP_ID,
        secret: str = SECRET,
        *,
        callback_url: str | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        super().__init__(app_id, secret, callback_url=callback_url, clock=clock)

    def routes(self) -> Iterator[Route]:
        """Yield the calls of the protocol, and those that play the SaaS's own side."""
        yield from super().routes()
        yield Route("POST", "/v1/leads", lambda call: envelope(Code.OK, "ok", self.take_lead(call.body)), "leads")
        yield Route("GET", "/_fake/leads", lambda call: {"leads": [*self.leads]})

    def forget(self) -> None:
        super().forget()
        self._leads: dict[str, Item] = {}

    def kind_of(self, event_type: str) -> ObjectKind | None:
        """Return which list the data of an event belong to; a refund has its own."""
        return "refunds" if event_type == "order.refunded" else KIND_OF_EVENT.get(event_type.partition(".")[0])

    def fits(self, kind: str, item: Item, query: Mapping[str, str]) -> bool:
        """Narrow the members by ``phone``."""
        return "phone" not in query or (kind == "members" and _has_phone(item, query["phone"]))

    # What a test or a story asks for

    @property
    def leads(self) -> list[Item]:
        """Return the leads that were taken, oldest first."""
        with self.lock:
            return [dict(lead) for lead in self._leads.values()]

    # The protocol

    def take_lead(self, body: bytes) -> Item:
        """Answer a pushed lead: the first of its ``external_id`` stands."""
        try:
            lead = Lead.model_validate_json(body)
        except ValidationError as ex:
            raise Refusal(Code.INVALID, "; ".join(str(error["loc"]) for error in ex.errors())) from ex
        with self.lock:
            taken = self._leads.get(lead.external_id)
            created = taken is None
            if taken is None:
                member = next((item for item in self.items("members") if _has_phone(item, lead.phone)), None)
                taken = {
                    **lead.model_dump(),
                    "lead_id": f"lead-{len(self._leads) + 1}",
                    "member_id": None if member is None else member["id"],
                }
                self._leads[lead.external_id] = taken
            return {"lead_id": taken["lead_id"], "created": created, "member_id": taken["member_id"]}


def _has_phone(item: Item, phone: str) -> bool:
    return str(item.get("phone")).removeprefix("+86") == phone.removeprefix("+86")


def serve(port: int = 0, *, fake: QinniaoFake | None = None) -> Running[QinniaoFake]:
    """Serve ``fake``, or a new one, on 127.0.0.1 in threads of this process; port 0 takes any free one."""
    return Running(fake or QinniaoFake(), port)


def main(argv: list[str] | None = None) -> None:
    parser = protocol_line(
        "integrations.qinniao.fake",
        "A SaaS of our own.",
        port=9102,
        secret=SECRET,
        start="the stores, staff and members of the demo",
    )
    options = parser.parse_args(argv)
    fake = QinniaoFake(options.app_id, options.secret, callback_url=options.callback)
    if not options.empty:
        fill(fake, DEMO_ITEMS)
    with serve(options.port, fake=fake) as running:
        running.stay(f"SaaS fake at {running.url}, app id {fake.app_id}")


if __name__ == "__main__":
    main()
