"""Tables of anything scarce. Written only by this package.

The stock of an item is spread over buckets, rows of their own, so that many buyers at once do not queue for one row.
"""

from peewee import BigIntegerField, CharField, Check, CompositeKey, SmallIntegerField, UUIDField

from core.fields import JsonField, TimeField
from core.ids import new_id
from core.tables import TenantModel


class InventoryItem(TenantModel):
    """Something scarce of one plugin. Its row never changes while units are taken."""

    id = UUIDField(primary_key=True, default=new_id)
    plugin = CharField(max_length=40)
    item = CharField(max_length=120)
    total = BigIntegerField(constraints=[Check("total >= 0")])
    buckets = SmallIntegerField()
    created_at = TimeField()

    class Meta:
        indexes = ((("tenant", "plugin", "item"), True),)


class InventoryBucket(TenantModel):
    """A part of an item's stock. The check is the last wall: no more goes out than there is."""

    item = UUIDField()
    number = SmallIntegerField()
    available = BigIntegerField(constraints=[Check("available >= 0")])

    class Meta:
        primary_key = CompositeKey("tenant", "item", "number")


class InventoryReservation(TenantModel):
    """Units taken from buckets; `parts` says which: [[bucket, units], …]. `deadline` only wakes the sweep."""

    id = UUIDField(primary_key=True, default=new_id)
    item = UUIDField()
    plugin = CharField(max_length=40)
    key = CharField(max_length=200)
    quantity = BigIntegerField(constraints=[Check("quantity > 0")])
    member = UUIDField(null=True)
    state = CharField(max_length=9, default="open")  # open, confirmed, released
    deadline = TimeField(null=True)
    parts = JsonField()
    limits = JsonField()  # names of the member's limits that count it
    created_at = TimeField()

    class Meta:
        indexes = ((("tenant", "plugin", "key"), True), (("tenant", "item", "state"), False))


InventoryReservation.add_index(
    InventoryReservation.tenant,
    InventoryReservation.plugin,
    InventoryReservation.deadline,
    where=InventoryReservation.state == "open",
    name="inventory_reservation_due",
)


class InventoryLimit(TenantModel):
    """How many units a member has taken under a limit's name."""

    plugin = CharField(max_length=40)
    name = CharField(max_length=120)
    member = UUIDField()
    used = BigIntegerField(constraints=[Check("used >= 0")])

    class Meta:
        primary_key = CompositeKey("tenant", "plugin", "name", "member")


class InventoryRestock(TenantModel):
    """Units added, once for a key."""

    item = UUIDField()
    plugin = CharField(max_length=40)
    key = CharField(max_length=200)
    quantity = BigIntegerField(constraints=[Check("quantity > 0")])
    created_at = TimeField()

    class Meta:
        indexes = ((("tenant", "plugin", "key"), True),)
