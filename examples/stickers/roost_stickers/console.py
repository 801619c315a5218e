"""What staff work with. Each table is declared once: list, forms, actions, export, REST and audit follow from it."""

from uuid import UUID

from roost import Action, Column, Context, Form, Resource, Text, new_id
from roost_stickers import service
from roost_stickers.models import StickersDesign, StickersOwned
from roost_stickers.schemas import DesignForm, Give


def _give(ctx: Context, design: UUID, body: Give) -> None:
    code = StickersDesign.scoped(ctx).get(StickersDesign.id == design).code
    service.give(ctx, body.member, code, f"staff:{new_id()}")


designs = Resource(
    name="designs",
    title=Text("贴纸", "Stickers"),
    model=StickersDesign,
    permission="stickers.view",
    edit_permission="stickers.edit",
    venue_free=True,
    create=Form(DesignForm, service.create_design),
    actions=(Action("give", Text("发放", "Give"), _give, form=Give),),
    columns=(
        Column("code", Text("编号", "Code"), filter=True),
        Column("title", Text("名称", "Title")),
        Column("created_at", Text("时间", "At"), "time"),
    ),
)

owned = Resource(
    name="owned",
    title=Text("已发贴纸", "Given"),
    model=StickersOwned,
    permission="stickers.view",
    venue_free=True,
    columns=(
        Column("member", Text("会员", "Member"), "member", filter=True),
        Column("design", Text("贴纸", "Sticker"), filter=True),
        Column("worn", Text("佩戴", "Worn"), "bool"),
        Column("created_at", Text("时间", "At"), "time"),
    ),
)
