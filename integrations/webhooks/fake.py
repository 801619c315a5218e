"""Be the system of a tenant that receives webhooks: it verifies each and keeps what is new.

Run it with ``python -m integrations.webhooks.fake --secret whsec_…``, or in a test ``with serve() as receiver:
receiver.fake.secrets = [secret]``. It answers 204 for a message that is signed, 401 for any other; one that it had
before is answered the same and kept once. ``GET /_fake/messages`` shows what it keeps; what goes wrong on demand is of
`integrations.fake_server`, the API's name is ``receive``.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from pydantic import JsonValue

from integrations.fake_server import Answer, Call, Fake, Refusal, Reply, Route, Running, command_line
from integrations.fake_server import Failure as Failure
from integrations.webhooks import signing

PATH = "/hook"


class ReceiverFake(Fake):
    """Be one receiver, in memory. ``secrets`` are the ones it knows, any of which may sign."""

    def __init__(self, *secrets: str, clock: Callable[[], datetime] | None = None) -> None:
        self.secrets = list(secrets)
        super().__init__(clock)

    def routes(self) -> Iterator[Route]:
        """Yield the one call there is, and what shows the messages."""
        yield Route("POST", PATH, self.receive, "receive")
        yield Route("GET", "/_fake/messages", lambda call: {"messages": [*self.messages.values()]})

    def forget(self) -> None:
        self.messages: dict[str, JsonValue] = {}

    def error(self, errcode: int | str, errmsg: str) -> Answer:
        return Reply({"error": errmsg}, int(errcode))

    def receive(self, call: Call) -> Answer:
        """Keep a message that is signed by a secret of ours, once."""
        given = {name.lower(): value for name, value in call.headers.items()}
        why = "no secret is known"
        for secret in self.secrets:
            try:
                message_id = signing.verify(secret, given, call.body, now=int(self.now().timestamp()))
            except (ValueError, KeyError) as ex:
                why = str(ex)
                continue
            with self.lock:
                self.messages.setdefault(message_id, call.json())
            return Reply(b"", 204)
        raise Refusal(401, why)


def serve(port: int = 0, *, fake: ReceiverFake | None = None) -> Running[ReceiverFake]:
    """Serve ``fake``, or a new one, on 127.0.0.1 in threads of this process; port 0 takes any free one."""
    return Running(fake or ReceiverFake(), port)


def main(argv: list[str] | None = None) -> None:
    parser = command_line("integrations.webhooks.fake", "A receiver of webhooks.", port=9108)
    parser.add_argument("--secret", action="append", default=[], help="whsec_…; more than one during a rotation")
    options = parser.parse_args(argv)
    with serve(options.port, fake=ReceiverFake(*options.secret)) as running:
        running.stay(f"receiver at {running.url}{PATH}; Roost needs ROOST_EGRESS_ALLOW=127.0.0.0/8 to reach it")


if __name__ == "__main__":
    main()
