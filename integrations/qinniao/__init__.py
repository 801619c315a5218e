"""The SaaS of the venues: leads go there; memberships, orders, bookings and gate scans come from there.

Facts: `membership_changed`, `booking_recorded`, `booking_cancelled`, `booking_attended`, `saas_member_linked`,
`saas_member_known`, `coach_relation_told`. For a brand without an API its people come by `roost import saas-members`.

The face of the plugin. Who is whom in the SaaS: `member_of`, `numbers_of`, `staff_of`. And for integrations whose
server speaks the same open protocol, all they need to speak it: `ServerSettings`, `ProtocolClient` and `connect` to
call; `admit`, `check_same` and `received` at the door for pushes; `Following` to read lists; `PushedTable`,
`ListTable`, `columns_of_pushes` and `columns_of_lists` to keep and show both; the circuit breaker `pause` and `note`;
`HmacSigner`, `verify` and `Scheme` for signatures.

Its names come when they are asked for: the fake beside it, a program of its own, does without them and without core.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from integrations.qinniao.answers import MAX_PAGE as MAX_PAGE
    from integrations.qinniao.answers import Code as Code
    from integrations.qinniao.answers import PullPage as PullPage
    from integrations.qinniao.answers import QinniaoError as QinniaoError
    from integrations.qinniao.answers import QinniaoUnavailable as QinniaoUnavailable
    from integrations.qinniao.circuit import note as note
    from integrations.qinniao.circuit import pause as pause
    from integrations.qinniao.columns import columns_of_lists as columns_of_lists
    from integrations.qinniao.columns import columns_of_pushes as columns_of_pushes
    from integrations.qinniao.connection import ServerSettings as ServerSettings
    from integrations.qinniao.connection import connect as connect
    from integrations.qinniao.connection import require as require
    from integrations.qinniao.door import admit as admit
    from integrations.qinniao.door import check_same as check_same
    from integrations.qinniao.door import received as received
    from integrations.qinniao.following import Following as Following
    from integrations.qinniao.following import Prepared as Prepared
    from integrations.qinniao.following import backoff as backoff
    from integrations.qinniao.hookspecs import CoachRelationTold as CoachRelationTold
    from integrations.qinniao.hookspecs import SaasMemberKnown as SaasMemberKnown
    from integrations.qinniao.hookspecs import SaasMemberLinked as SaasMemberLinked
    from integrations.qinniao.people import SaasPerson as SaasPerson
    from integrations.qinniao.people import member_of as member_of
    from integrations.qinniao.people import numbers_of as numbers_of
    from integrations.qinniao.people import staff_of as staff_of
    from integrations.qinniao.protocol import ProtocolClient as ProtocolClient
    from integrations.qinniao.protocol import Signed as Signed
    from integrations.qinniao.protocol import list_params as list_params
    from integrations.qinniao.schemas import PullJob as PullJob
    from integrations.qinniao.signing import NONCE_SECONDS as NONCE_SECONDS
    from integrations.qinniao.signing import BadSignature as BadSignature
    from integrations.qinniao.signing import HmacSigner as HmacSigner
    from integrations.qinniao.signing import Reason as Reason
    from integrations.qinniao.signing import Scheme as Scheme
    from integrations.qinniao.signing import Signer as Signer
    from integrations.qinniao.signing import Verified as Verified
    from integrations.qinniao.signing import verify as verify
    from integrations.qinniao.tables import ListTable as ListTable
    from integrations.qinniao.tables import PushedTable as PushedTable
    from integrations.qinniao.wire import Instant as Instant
    from integrations.qinniao.wire import Key as Key
    from integrations.qinniao.wire import PushedEvent as PushedEvent
    from integrations.qinniao.wire import SaasItem as SaasItem
    from integrations.qinniao.wire import Words as Words
    from integrations.qinniao.wire import wrong_fields as wrong_fields

_HOMES = {
    "answers": ("MAX_PAGE", "Code", "PullPage", "QinniaoError", "QinniaoUnavailable"),
    "circuit": ("note", "pause"),
    "columns": ("columns_of_lists", "columns_of_pushes"),
    "connection": ("ServerSettings", "connect", "require"),
    "door": ("admit", "check_same", "received"),
    "following": ("Following", "Prepared", "backoff"),
    "hookspecs": ("CoachRelationTold", "SaasMemberKnown", "SaasMemberLinked"),
    "people": ("SaasPerson", "member_of", "numbers_of", "staff_of"),
    "protocol": ("ProtocolClient", "Signed", "list_params"),
    "schemas": ("PullJob",),
    "signing": ("NONCE_SECONDS", "BadSignature", "HmacSigner", "Reason", "Scheme", "Signer", "Verified", "verify"),
    "tables": ("ListTable", "PushedTable"),
    "wire": ("Instant", "Key", "PushedEvent", "SaasItem", "Words", "wrong_fields"),
}


def __getattr__(name: str) -> Any:
    """Return a name of the face from the module that it lives in."""
    for module, names in _HOMES.items():
        if name in names:
            found = globals()[name] = getattr(import_module(f"{__name__}.{module}"), name)
            return found
    raise AttributeError(f"the face of {__name__} has no {name!r}")
