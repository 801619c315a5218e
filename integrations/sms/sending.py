"""The job that sends a code: once. What certainly was not sent is tried again while the code is good."""

from datetime import timedelta

from integrations.sms import messages
from integrations.sms.messages import Ready
from integrations.sms.routing import Outcome
from integrations.sms.schemas import SendJob
from roost import Context, Next, Remote

MOST_TRIES = 4
FIRST_RETRY = timedelta(seconds=5)  # somebody is looking at their phone; doubles


class SendMessage(Remote):
    """The job `sms.send`. One that dies between the provider's answer and our commit leaves an `unknown` message."""

    def prepare(self, ctx: Context, payload: SendJob) -> tuple[SendJob, Ready]:  # type: ignore[override]  # the payload
        return payload, messages.begin(ctx, payload.message)

    def call(self, prepared: tuple[SendJob, Ready]) -> Outcome | None:
        return messages.send(prepared[1])

    def complete(self, ctx: Context, prepared: tuple[SendJob, Ready], answer: Outcome | None) -> Next | None:
        """Write how it went; come back for what may pass."""
        payload, ready = prepared
        tries = payload.tries + 1
        again = answer is not None and answer.state == "later" and tries < MOST_TRIES
        messages.end(ctx, ready, answer, again=again)
        if not again:
            return None
        return Next(SendJob(message=payload.message, tries=tries), after=FIRST_RETRY * (1 << (tries - 1)))
