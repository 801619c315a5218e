"""The access token of each app, and who is fetching the next one."""

from peewee import AutoField, BlobField, CharField, UUIDField

from roost import TenantModel, TimeField


class WechatToken(TenantModel):
    """One app's token. While `lease_until` lies ahead, `lease_owner` alone asks WeChat for the next."""

    id = AutoField()
    appid = CharField(max_length=40)
    value = BlobField(null=True)  # sealed
    expires_at = TimeField(null=True)
    lease_owner = UUIDField(null=True)
    lease_until = TimeField(null=True)

    class Meta:
        indexes = ((("tenant", "appid"), True),)

    @classmethod
    def label(cls) -> str:
        """Return what an error calls a row."""
        return "access token"
