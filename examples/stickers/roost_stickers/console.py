"""What staff work with. Each table is declared once: list, forms, actions, export, REST and audit follow from it."""

from uuid import UUID

from roost import Action, Column, Context, Form, Resource, Text, new_id
from roost_stickers import service
from roost_stickers.models import StickersDesign, StickersOwned
from roost_stickers.schemas import DesignForm, DesignOut, Give, OwnedOut


def _give(ctx: Context, design: UUID, body: Give) -> None:
    code = StickersDesign.scoped(ctx).get(StickersDesign.id == design).code
    service.give(ctx, body.member, code, f"staff:{new_id()}")


designs = Resource(
    name="designs",
    title=Text(zh="贴纸", en="Stickers"),
    model=StickersDesign,
    reply=DesignOut,
    permission="stickers.view",
    edit_permission="stickers.edit",
    venue_free=True,
    member=None,
    create=Form(DesignForm, service.create_design),
    actions=(Action("give", Text(zh="发放", en="Give"), _give, "stickers.edit", form=Give),),
    columns=(
        Column("code", Text(zh="编号", en="Code"), filter=True),
        Column("title", Text(zh="名称", en="Title")),
        Column("created_at", Text(zh="时间", en="At"), "time"),
    ),
)

owned = Resource(
    name="owned",
    title=Text(zh="已发贴纸", en="Given"),
    model=StickersOwned,
    reply=OwnedOut,
    permission="stickers.view",
    venue_free=True,
    columns=(
        Column("member", Text(zh="会员", en="Member"), "member", filter=True),
        Column("design", Text(zh="贴纸", en="Sticker"), filter=True),
        Column("worn", Text(zh="佩戴", en="Worn"), "bool"),
        Column("created_at", Text(zh="时间", en="At"), "time"),
    ),
)
