"""What plugins do for each other without knowing each other: ways to reach a member, to be paid, to check content, to
tell who is a risk, to keep files.

A plugin that can do one of these gives a frozen declaration in its `Contribution` (channels, payments, checks, risks,
notices, listener; a `Storage` in provides); one that needs it asks `ctx.providers(Channel)`. Each outside call has the
three steps of a remote endpoint, so that no transaction is open while somebody else's server thinks.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO, Literal, Protocol
from uuid import UUID

from core.contract.context import Context
from core.contract.facts import Fact
from core.contract.remote import Steps
from core.words import Text

# --- messages --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to one person, as a channel gets it."""

    key: str  # ours, stable over retries, at most 64 characters: what a provider may deduplicate by
    member: UUID | None  # None: an address that was imported
    address: str = field(repr=False)  # a phone in E.164, an open id, an e-mail address
    template: str = ""  # the id under which the provider knows the template; "" where it needs none
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    title: str = ""
    text: str = field(default="", repr=False)
    link: str = ""  # a page of the mini-program, without a leading slash
    locale: str = "zh"
    marketing: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a message. `unknown`: it may have gone out, so it is never sent again by itself."""

    state: Literal["sent", "refused", "later", "unknown"]
    code: str = ""  # the provider's, or ours: no_quota, blocked, invalid_address, too_often, not_configured
    detail: str = ""  # for staff; never personal data
    receipt: str = ""  # by which a delivery receipt refers to it
    retry_after: int | None = None  # seconds, with `later`


@dataclass(frozen=True, slots=True)
class Channel:
    """A way to reach a member: `sms`, `wechat`, `email`.

    `address(ctx, member)` is where the member is reached, or None. `send.prepare` takes an `Outgoing`, `send.call`
    returns `Sent`, `send.complete(ctx, prepared, sent)` keeps what the channel wants to keep.
    """

    name: str
    title: Text
    address: Callable[[Context, UUID], str | None]
    send: Steps
    templates: bool = False  # the provider knows only templates registered with it beforehand


@dataclass(frozen=True, slots=True)
class Notice:
    """A fact of the plugin's own that a member is told of; staff may change its texts, or switch it off.

    `read(ctx, fact)` returns whom to tell and with which values, or None for nobody. The texts are `str.format`
    templates over those values. With `permission` it is staff who are told: `read` returns `StaffTold`, and the
    accounts that hold the permission, see the venue and asked for this notice get it.
    """

    fact: str  # the fact's name
    title: Text  # what staff and members call it: "Level reached"
    read: "Callable[[Context, Any], Told | StaffTold | None]"
    text: Text
    marketing: bool = False
    link: str = ""  # the page of the mini-program it opens, a template too
    permission: str = ""  # of the plugin's: staff who hold it are told, and no member


@dataclass(frozen=True, slots=True)
class Told:
    """Whom a notice tells, and with which values."""

    member: UUID
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StaffTold:
    """Of which venue a notice tells staff, and with which values: nothing personal, for it goes to private phones."""

    venue: UUID
    values: Mapping[str, str] = field(default_factory=dict)


# --- money -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Charge:
    """Money that a member is to pay from outside."""

    number: str  # ours: 6 to 32 of 0-9 A-Z a-z _ -; one for each attempt
    member: UUID
    amount: int  # fen, above 0
    title: str  # at most 40 characters: the payer reads it
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Refund:
    """Money that goes back. A retry carries the same number: a new one would pay twice."""

    number: str  # ours: 6 to 32 of 0-9 A-Z a-z _ -
    charge: str  # the number of the charge it belongs to
    amount: int  # fen, above 0
    total: int  # fen, of the charge
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PaymentState:
    """How a charge or a refund stands with the provider. `unknown`: nobody can say yet; ask again."""

    state: Literal["open", "paid", "closed", "refunding", "refunded", "failed", "absent", "unknown"]
    amount: int = 0  # fen
    transaction: str = ""  # the provider's id
    at: datetime | None = None
    detail: str = ""  # for staff


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a provider says has happened, told to every plugin once: see the hook `payment_settled`."""

    method: str
    kind: Literal["paid", "closed", "refunded", "refund_failed"]
    charge: str  # the charge's number
    refund: str = ""  # the refund's number
    amount: int = 0  # fen that moved
    transaction: str = ""  # the provider's id
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PaymentMethod:
    """A way to be paid from outside: `wechat_pay`.

    `pay` takes a `Charge` and completes to what the mini-program needs to show the payment (a dict of texts); `query`
    and `close` take a charge's number, `query_refund` a refund's, `refund` a `Refund`: all complete to a PaymentState,
    and what they learn is settled as if the provider had told it. `withdraw(ctx, number)` is called in the
    transaction that books a refund as paid another way: the provider is asked for it no more. It raises Conflict when
    the provider has it already.
    """

    name: str
    title: Text
    pay: Steps
    query: Steps
    close: Steps
    refund: Steps
    query_refund: Steps
    withdraw: Callable[[Context, str], None]
    ready: Callable[[Context], bool]  # whether the tenant has set it up


# --- content ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TextAsked:
    """A text of a member's to be judged; `scene` is what it is for."""

    member: UUID
    text: str = field(repr=False)
    scene: Literal["profile", "comment", "forum", "social"] = "comment"


@dataclass(frozen=True, slots=True)
class MediaAsked:
    """A picture or sound of a member's to be judged, where the judge can fetch it."""

    member: UUID
    url: str = field(repr=False)
    kind: Literal["image", "audio"] = "image"
    scene: Literal["profile", "comment", "forum", "social"] = "social"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A machine's opinion. `pending`: it comes later, under `trace`, by the hook `content_judged`. `unknown`: the
    machine could not look, so people must.
    """

    state: Literal["pass", "review", "risky", "pending", "unknown"]
    label: str = ""
    trace: str = ""


@dataclass(frozen=True, slots=True)
class ContentCheck:
    """A machine that judges what members write (`text` takes `TextAsked`) and upload (`media` takes `MediaAsked`);
    both complete to a Verdict.
    """

    name: str
    title: Text
    text: Steps | None = None
    media: Steps | None = None


# --- who claims ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RiskAsked:
    """Who claims a reward, and from which address they call."""

    member: UUID
    address: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RiskCheck:
    """Somebody who can tell that a member collects rewards as a trade. See `roost.risk`.

    `ask` takes a `RiskAsked` and completes to whether the member may claim, in an outage too: a setting of the check's
    own says that. `refused(ctx, member)` is the same from what was last said, without a call.
    """

    name: str
    title: Text
    ready: Callable[[Context], bool]  # whether the tenant has switched it on
    ask: Steps
    refused: Callable[[Context, UUID], bool]


# --- files -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stat:
    """What is known of an object without reading it."""

    key: str
    size: int  # bytes
    content_type: str
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class Ticket:
    """How to upload one object, without any other right: a multipart form, `fields` first and the file last.

    It is what a mini-program's `wx.uploadFile` sends and what S3 takes. An upload of another size or type than was
    asked for is refused by the store.
    """

    url: str
    fields: Mapping[str, str]
    expires_at: datetime
    method: str = "POST"
    file_field: str = "file"


class Store(Protocol):
    """The files of one plugin of one tenant. Keys are relative: `files/0190…/view.webp`.

    Calls raise Unavailable: try again, or somebody must mend the settings. None may be made
    while a transaction is open, but for `upload_ticket` and `download_url`: these sign and call nobody.
    """

    @property
    def backend(self) -> str:
        """Return where it is: what to ask for again, so that old files are found after a switch."""
        ...

    def put(self, key: str, file: BinaryIO, content_type: str) -> int:
        """Store a seekable file from its beginning, whole or not at all; return its bytes. Replaces what was there."""
        ...

    def stream(self, key: str) -> Iterator[bytes]:
        """Yield an object in pieces; raise NotFound at the first."""
        ...

    def stat(self, key: str) -> Stat | None:
        """Return what is known of an object, or None when there is none."""
        ...

    def delete(self, key: str) -> None:
        """Delete an object with all its versions, and make sure; nothing happens when there is none."""
        ...

    def delete_tree(self, prefix: str) -> int:
        """Delete every object below `prefix/` with all versions, and make sure; return how many there were.

        An empty prefix is all that the plugin keeps for the tenant.
        """
        ...

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys below `prefix/`."""
        ...

    def upload_ticket(self, key: str, *, content_type: str, least: int, most: int, ttl: int) -> Ticket:
        """Return a ticket to upload one object of `least` to `most` bytes within `ttl` seconds."""
        ...

    def download_url(self, key: str, *, ttl: int) -> str:
        """Return an address that anybody may read the object at for `ttl` seconds, and perhaps up to twice as long.

        The same address is given for a while, so that what has been downloaded is not downloaded again.
        """
        ...


@dataclass(frozen=True, slots=True)
class Storage:
    """A place for files. `store(ctx, backend)` returns what `ctx.plugin` keeps there for the tenant.

    `backend` is what a `Store` said that it is; "": what the settings say now. Raises Unavailable where it is not
    set up.
    """

    name: str
    store: Callable[[Context, str], Store]


# --- facts of anybody ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Listener:
    """Hear facts by name, of plugins that one does not require.

    `wants(ctx)` names them; it is asked again when the tenant's configuration version moves (`tenants.touch` moves it).
    `hear(ctx, fact)` is called as a hook would be. A hook of the same plugin for the same fact goes before.
    """

    wants: Callable[[Context], Collection[str]]
    hear: Callable[[Context, Fact], None]
