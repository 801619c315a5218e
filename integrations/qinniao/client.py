"""Call the SaaS that holds leads, memberships, cards and gate scans, through an open adapter protocol.

The vendor publishes no API, so the protocol is ours: a vendor, or a brand's own middleware, implements it. How a call
is made and answered stands in `integrations.qinniao.protocol`; these are the calls:

- ``GET /v1/{kind}`` is the list of a kind of `Kind`. ``GET /v1/members?phone=`` is the same list, of those with that
  phone.
- ``POST /v1/leads {external_id, phone, name?, store_id?, source, referrer?}`` answers ``{lead_id, created,
  member_id?}``. It is idempotent by ``external_id``: the first content stands. ``member_id`` is there when
  the phone is already a member's.
- What a push carries in ``data`` is an item of the list of its kind, so that one model reads both.
"""

from datetime import datetime

from integrations.qinniao.answers import (
    MAX_PAGE,
    Code,
    PullPage,
    QinniaoError,
    QinniaoUnavailable,
    RejectedItem,
    SessionExpired,
)
from integrations.qinniao.protocol import ProtocolClient, Signed, list_params
from integrations.qinniao.wire import ITEM_MODELS, KINDS, Kind, LeadAccepted, SaasItem, SaasMember
from roost import Invalid, normalise_phone

__all__ = [
    "MAX_PAGE",
    "Code",
    "PullPage",
    "QinniaoClient",
    "QinniaoError",
    "QinniaoUnavailable",
    "RejectedItem",
    "SessionExpired",
    "Signed",
]


class QinniaoClient(ProtocolClient):
    """Call the SaaS of one brand."""

    def find_member(self, phone: str) -> SaasMember | None:
        """Return the member with this phone, None when the SaaS knows none.

        When several share the phone: an active one before others, then the one that changed last.
        Raises `QinniaoError`, `QinniaoUnavailable`.
        """
        page = self.get_page("/v1/members", SaasMember, {"phone": phone})
        theirs = [item for item in page.items if same_phone(item.phone, phone)]
        if page.items and not theirs:
            # A server that does not know the filter would have somebody else's membership given to this person.
            raise QinniaoUnavailable(None, "the members answered have other phones than the one asked for")
        members = [item for item in theirs if not item.deleted]
        if page.rejected and not members:
            # "Unknown" would push a member to the SaaS as a new lead.
            raise QinniaoUnavailable(None, f"the member found cannot be read: {page.rejected[0].reason}")
        return max(members, key=lambda member: (member.status == "active", member.updated_at), default=None)

    def push_lead(
        self,
        external_id: str,
        phone: str,
        name: str | None = None,
        store_id: str | None = None,
        source: str = "roost",
        referrer: str | None = None,
    ) -> LeadAccepted:
        """Give the SaaS a lead; ``external_id`` is ours, and pushing it again changes nothing.

        ``source`` is the channel, ``referrer`` the ``external_id`` of who invited the person. Raises
        `QinniaoError`, `QinniaoUnavailable`.
        """
        optional = {"name": name, "store_id": store_id, "referrer": referrer}
        body = {"external_id": external_id, "phone": phone, "source": source}
        body |= {key: value for key, value in optional.items() if value is not None}
        return self.post("/v1/leads", LeadAccepted, body)

    def pull(
        self,
        kind: Kind,
        cursor: str | None = None,
        limit: int = MAX_PAGE,
        updated_since: datetime | None = None,
    ) -> PullPage[SaasItem]:
        """Return one page of a list, from ``cursor`` on, of at most ``limit`` items.

        ``updated_since`` (aware) leaves out what last changed earlier. Raises `ValueError` for a limit
        outside 1–200, a time without zone or an unknown kind; `QinniaoError`, `QinniaoUnavailable`.
        """
        if kind not in KINDS:
            raise ValueError(f"the SaaS has no list of {kind!r}, only of {', '.join(KINDS)}")
        return self.get_page(f"/v1/{kind}", ITEM_MODELS[kind], list_params(cursor, limit, updated_since))


def same_phone(one: str, other: str) -> bool:
    """Tell whether two written numbers are one; a number from abroad is compared by its digits."""
    return _number(one) == _number(other)


def _number(phone: str) -> str:
    try:
        return normalise_phone(phone)
    except Invalid:
        return "".join(c for c in phone if c.isdigit())
