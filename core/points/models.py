"""Tables of the ledger. Written only by this package, and only through its doors.

`entry`, `operation` and `allocation` are append-only. An operation, the entry it is about, and the lot or the hold that
this entry made carry one id: so the result of an operation is never stored twice, and a repeated key finds it there.
"""

from uuid import UUID

from peewee import BigIntegerField, CharField, Check, CompositeKey, DateField, IntegerField, UUIDField

from core.fields import JsonField, TimeField
from core.ids import new_id
from core.tables import TenantModel


class Account(TenantModel):
    """One member's count of one asset. `balance` is what can be spent; `held` is promised and out of it."""

    id = UUIDField(primary_key=True, default=new_id)
    member = UUIDField()
    asset = CharField(max_length=16)
    balance = BigIntegerField(default=0, constraints=[Check("balance >= 0")])
    held = BigIntegerField(default=0, constraints=[Check("held >= 0")])
    debt = BigIntegerField(default=0, constraints=[Check("debt >= 0")])  # shortfall; above 0 only while balance is 0
    next_expiry = TimeField(null=True)  # no lot dies before it; it may name one that is spent already
    version = IntegerField(default=0)  # entries written so far: the last entry's seq
    created_at = TimeField()

    class Meta:
        indexes = ((("tenant", "member", "asset"), True),)


Account.add_index(
    Account.tenant, Account.next_expiry, where=Account.next_expiry.is_null(False), name="account_next_expiry"
)


class Operation(TenantModel):
    """What was asked of a door, once for a plugin and key. `digest` is of the content: who, what, how much, why."""

    id = UUIDField(primary_key=True, default=new_id)
    plugin = CharField(max_length=40)
    key = CharField(max_length=200)
    door = CharField(max_length=12)
    digest = CharField(max_length=32)
    recorded_at = TimeField()

    class Meta:
        indexes = ((("tenant", "plugin", "key"), True),)


class Entry(TenantModel):
    """One movement of one account. `seq` counts from 1 without a gap, `balance_after` chains it to the one before."""

    id = UUIDField(primary_key=True, default=new_id)
    operation = UUIDField()
    account = UUIDField()
    seq = IntegerField()
    kind = CharField(max_length=12)
    amount = BigIntegerField()  # signed: what it does to the balance
    balance_after = BigIntegerField()
    owed = BigIntegerField(default=0)  # signed: what it does to the debt
    reverses = UUIDField(null=True)  # the entry that this one takes back …
    reversed = BigIntegerField(default=0)  # … and how much of it, counted as that entry counted
    reason = CharField(max_length=200)
    venue = UUIDField(null=True)
    cause = CharField(max_length=100)
    rule = CharField(max_length=60, null=True)
    rule_version = IntegerField(null=True)
    occurred_at = TimeField()
    recorded_at = TimeField()

    class Meta:
        indexes = ((("tenant", "account", "seq"), True),)


Entry.add_index(Entry.tenant, Entry.reverses, where=Entry.reverses.is_null(False), name="entry_reverses")


class Lot(TenantModel):
    """What an entry brought in, and when it dies. It carries the id of that entry: an entry makes one lot at most."""

    id = UUIDField(primary_key=True)
    account = UUIDField()
    amount = BigIntegerField()
    remaining = BigIntegerField()
    expires_at = TimeField(null=True)

    class Meta:
        constraints = [Check("remaining >= 0 AND remaining <= amount")]


Lot.add_index(Lot.tenant, Lot.account, Lot.expires_at, Lot.id, where=Lot.remaining > 0, name="lot_live")


class Allocation(TenantModel):
    """What an entry did to a lot that was there before: below 0 taken out, above 0 given back."""

    entry = UUIDField()
    lot = UUIDField()
    amount = BigIntegerField()

    class Meta:
        primary_key = CompositeKey("tenant", "entry", "lot")
        indexes = ((("tenant", "lot"), False),)


class Hold(TenantModel):
    """Points promised. Its entry, with the same id, says from which lots. `deadline` only wakes the sweep."""

    id = UUIDField(primary_key=True, default=new_id)
    account = UUIDField()
    amount = BigIntegerField(constraints=[Check("amount > 0")])
    deadline = TimeField()
    state = CharField(max_length=8, default="open")  # open, captured, released

    class Meta:
        indexes = ((("tenant", "account", "state"), False),)


Hold.add_index(Hold.tenant, Hold.deadline, where=Hold.state == "open", name="hold_deadline")


class LedgerCheck(TenantModel):
    """One night's proof of the ledger: how far it came and, when it is finished, what it found."""

    id = UUIDField(primary_key=True, default=new_id)
    day = DateField()  # the tenant's
    stage = CharField(max_length=8, default="accounts")
    after = UUIDField(default=UUID(int=0))
    accounts = BigIntegerField(default=0)  # looked at so far
    faults = BigIntegerField(default=0)
    sample = JsonField(default=list)  # the first faults: [{table, id, message}]
    started_at = TimeField()
    finished_at = TimeField(null=True)

    class Meta:
        indexes = ((("tenant", "day"), True),)
