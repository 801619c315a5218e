"""Speak IVEP's side of the open protocol on this machine: for tests, for a demo, and without an account.

Run it with ``python -m integrations.ivep.fake --port 9104 --callback URL``, or in a test
``with serve() as ivep: ivep.url``.

It checks signatures and nonces and gives out coaches and relations, as `integrations.ivep.client` says. Beside the
protocol:

- ``POST /_fake/push``, ``/_fake/callback``, ``/_fake/items`` play IVEP's own side (`qinniao.fake_protocol`).
- And what every fake has (`integrations.fake_server`): an API is ``coaches`` or ``relations``.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Literal

from integrations.fake_server import Failure as Failure
from integrations.fake_server import Running
from integrations.qinniao.fake_protocol import APP_ID as APP_ID
from integrations.qinniao.fake_protocol import Item, ProtocolFake, fill, protocol_line
from integrations.qinniao.fake_protocol import Push as Push

SECRET = "fake-ivep-secret"

Kind = Literal["coaches", "relations"]
KINDS: tuple[Kind, ...] = ("coaches", "relations")

DEMO_ITEMS: Mapping[str, tuple[Item, ...]] = {
    "coaches": (
        {
            "id": "s-101",
            "store_id": "001",
            "name": "周岚",
            "title": "力量教练",
            "picture": "https://cdn.example/101.jpg",
            "phone": "13900000101",
        },
        {"id": "s-102", "store_id": "002", "name": "许川", "title": "瑜伽教练", "phone": "13900000102"},
    ),
    "relations": ({"id": "r-1", "member_id": "m-1", "coach_id": "s-101", "status": "assigned", "store_id": "001"},),
}
"""What the command line starts with: two coaches, and the member m-1 of the SaaS's demo with one of them."""


class IvepFake(ProtocolFake):
    """Be one brand's IVEP, in memory. Safe to use from several threads; ``clock`` gives UTC."""

    kinds = KINDS

    def __init__(
        self,
        app_id: str = APP_ID,
        secret: str = SECRET,
        *,
        callback_url: str | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        super().__init__(app_id, secret, callback_url=callback_url, clock=clock)

    def kind_of(self, event_type: str) -> Kind:
        """Return which list the data of an event belong to."""
        return "coaches" if event_type == "coach.updated" else "relations"

    def fits(self, kind: str, item: Item, query: Mapping[str, str]) -> bool:
        """Narrow the relations by ``member``."""
        return "member" not in query or item.get("member_id") == query["member"]

    def push(self, push: Push) -> Item:
        """Push an event; a relation's status is the one that the event names."""
        if push.event_type in ("coach.assigned", "coach.released"):
            status = push.event_type.partition(".")[2]
            push = push.model_copy(update={"data": {"status": status, **push.data}})
        return super().push(push)


def serve(port: int = 0, *, fake: IvepFake | None = None) -> Running[IvepFake]:
    """Serve ``fake``, or a new one, on 127.0.0.1 in threads of this process; port 0 takes any free one."""
    return Running(fake or IvepFake(), port)


def main(argv: list[str] | None = None) -> None:
    parser = protocol_line(
        "integrations.ivep.fake",
        "An IVEP of our own.",
        port=9104,
        secret=SECRET,
        start="the coaches of the demo",
    )
    options = parser.parse_args(argv)
    fake = IvepFake(options.app_id, options.secret, callback_url=options.callback)
    if not options.empty:
        fill(fake, DEMO_ITEMS)
    with serve(options.port, fake=fake) as running:
        running.stay(f"IVEP fake at {running.url}, app id {fake.app_id}")


if __name__ == "__main__":
    main()
