"""The SaaS of the venues: leads go there; memberships, orders, bookings and gate scans come from there.

Facts: `membership_changed`, `booking_recorded`, `booking_cancelled`, `booking_attended`, `saas_member_linked`,
`coach_relation_told`. For a brand without an API its people come by `roost import saas-members`.

The face of the plugin. Who is whom in the SaaS: `member_of`, `numbers_of`, `staff_of`. And for integrations whose
server speaks the same open protocol, all they need to speak it: `ServerSettings`, `ProtocolClient` and `connect` to
call; `admit` and `received` at the door for pushes; `Following` to read lists; the circuit breaker `pause` and `note`;
`HmacSigner`, `verify` and `Scheme` for signatures.
"""

from integrations.qinniao.answers import MAX_PAGE, Code, PullPage, QinniaoError, QinniaoUnavailable
from integrations.qinniao.circuit import note, pause
from integrations.qinniao.connection import ServerSettings, connect, require
from integrations.qinniao.door import admit, received
from integrations.qinniao.following import Following, Prepared, backoff
from integrations.qinniao.hookspecs import CoachRelationTold, SaasMemberLinked
from integrations.qinniao.people import SaasPerson, member_of, numbers_of, staff_of
from integrations.qinniao.protocol import ProtocolClient, Signed, list_params
from integrations.qinniao.schemas import PullJob
from integrations.qinniao.signing import (
    NONCE_SECONDS,
    BadSignature,
    HmacSigner,
    Reason,
    Scheme,
    Signer,
    Verified,
    verify,
)
from integrations.qinniao.wire import Instant, Key, PushedEvent, SaasItem, Words, wrong_fields

__all__ = [
    "MAX_PAGE",
    "NONCE_SECONDS",
    "BadSignature",
    "Code",
    "CoachRelationTold",
    "Following",
    "HmacSigner",
    "Instant",
    "Key",
    "Prepared",
    "ProtocolClient",
    "PullJob",
    "PullPage",
    "PushedEvent",
    "QinniaoError",
    "QinniaoUnavailable",
    "Reason",
    "SaasItem",
    "SaasMemberLinked",
    "SaasPerson",
    "Scheme",
    "ServerSettings",
    "Signed",
    "Signer",
    "Verified",
    "Words",
    "admit",
    "backoff",
    "connect",
    "list_params",
    "member_of",
    "note",
    "numbers_of",
    "pause",
    "received",
    "require",
    "staff_of",
    "verify",
    "wrong_fields",
]
