"""What IVEP says: coaches, and who has which."""

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from integrations.qinniao import Instant, Key, SaasItem, Words

_PICTURE = re.compile(r"https://[^\s\"'<>\x00-\x1f]{1,480}")


def _picture(given: object) -> object:
    # A member's phone loads it: what is no plain address is left out, and the coach is shown without.
    return given if isinstance(given, str) and _PICTURE.fullmatch(given) else None


class IvepCoach(SaasItem):
    """Read a coach; `deleted` is one who has left. The member who has the `phone` is of the class `coach`."""

    name: Words = ""
    title: Words = ""
    picture: Annotated[str | None, BeforeValidator(_picture)] = None
    phone: str = Field("", max_length=64, repr=False)


class IvepRelation(SaasItem):
    """Read who coaches whom. `member_id` is the SaaS's number of the member."""

    member_id: Key
    coach_id: Key
    status: Literal["assigned", "released"] = "assigned"
    since: Instant | None = None

    @property
    def assigned(self) -> bool:
        """Tell whether the relation holds."""
        return self.status == "assigned" and not self.deleted


Kind = Literal["coaches", "relations"]
KIND_OF_EVENT: dict[str, Kind] = {
    "coach.assigned": "relations",
    "coach.released": "relations",
    "coach.updated": "coaches",
}
STATUS_OF_EVENT = {"coach.assigned": "assigned", "coach.released": "released"}
LISTS: tuple[Kind, ...] = ("coaches", "relations")
