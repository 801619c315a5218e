"""Say of every picture what the test has told it to say."""

from typing import Any

from roost import ContentCheck, Context, Contribution, MediaAsked, RoostError, Steps, Text, Verdict, hookimpl

asked: list[MediaAsked] = []
verdicts: list[Verdict | RoostError] = []  # the next answers; then everything passes


def _prepare(ctx: Context, what: MediaAsked) -> MediaAsked:
    assert ctx.plugin == "judge"
    return what


def _call(what: MediaAsked) -> Verdict:
    asked.append(what)
    answer = verdicts.pop(0) if verdicts else Verdict("pass")
    if isinstance(answer, RoostError):
        raise answer
    return answer


def _complete(ctx: Context, what: MediaAsked, answer: Any) -> Verdict:
    assert isinstance(answer, Verdict)
    return answer


@hookimpl
def contribute() -> Contribution:
    """Return all that this plugin gives."""
    return Contribution(
        checks=(ContentCheck("judge", Text("判官", "Judge"), media=Steps(_prepare, _call, _complete)),),
    )
