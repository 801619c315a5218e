"""Designs, and who has which."""

from peewee import BooleanField, CharField, UUIDField

from roost import DELETE, MemberRows, TenantModel, TimeField, new_id


class StickersDesign(TenantModel):
    """A sticker that can be given."""

    id = UUIDField(primary_key=True, default=new_id)
    code = CharField(max_length=30)
    title = CharField(max_length=60)
    created_at = TimeField()

    class Meta:
        indexes = ((("tenant", "code"), True),)


class StickersOwned(TenantModel):
    """A sticker that a member has. `key` makes giving it happen once."""

    id = UUIDField(primary_key=True, default=new_id)
    member = UUIDField()
    design = CharField(max_length=30)
    worn = BooleanField(default=False)
    key = CharField(max_length=120)
    created_at = TimeField()

    member_rows = MemberRows(erase=DELETE, export=("design", "worn"), name="stickers")

    class Meta:
        indexes = ((("tenant", "key"), True), (("tenant", "member", "id"), False))
