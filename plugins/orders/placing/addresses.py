"""The members' address book. What a row holds is sealed; an order keeps a copy of its own."""

from uuid import UUID

from plugins.orders.models import OrdersAddress
from plugins.orders.schemas import AddressIn, AddressOut, NewAddress, OrdersSettings
from roost import Conflict, Context, NotFound, seal, unseal

BOOK = "address_book"


def book(ctx: Context, member: UUID) -> list[AddressOut]:
    """Return a member's addresses, the default first, then the newest."""
    rows = OrdersAddress.scoped(ctx).select().where(OrdersAddress.member == member)
    return [_out(ctx, row) for row in rows.order_by(OrdersAddress.is_default.desc(), OrdersAddress.id.desc())]


def add(ctx: Context, member: UUID, body: NewAddress) -> AddressOut:
    """Put an address into the book. Raises Conflict (`too_many_addresses`) when it is full."""
    held = OrdersAddress.scoped(ctx).select().where(OrdersAddress.member == member).count()
    most = ctx.settings(OrdersSettings).addresses_most
    if held >= most:
        raise Conflict(
            f"at most {most} addresses: delete one first", f"最多保存 {most} 个地址", code="too_many_addresses"
        )
    first = held == 0 or body.is_default
    row = OrdersAddress.scoped(ctx).create(
        member=member, content=_sealed(ctx, body), is_default=first, created_at=ctx.now()
    )
    if first:
        _only_default(ctx, member, row.id)
    return _out(ctx, row)


def change(ctx: Context, member: UUID, address: UUID, body: NewAddress) -> AddressOut:
    """Write an address anew. A default stays one until another is made it. Raises NotFound."""
    row = _own(ctx, member, address)
    is_default = row.is_default or body.is_default
    OrdersAddress.scoped(ctx).update(content=_sealed(ctx, body), is_default=is_default).where(
        OrdersAddress.id == row.id
    ).execute()
    if is_default:
        _only_default(ctx, member, row.id)
    return _out(ctx, _own(ctx, member, address))


def remove(ctx: Context, member: UUID, address: UUID) -> None:
    """Delete an address; the newest of the others becomes the default where it was it. Raises NotFound."""
    row = _own(ctx, member, address)
    OrdersAddress.scoped(ctx).delete().where(OrdersAddress.id == row.id).execute()
    rest = book(ctx, member) if row.is_default else []
    if rest:
        _only_default(ctx, member, rest[0].id)


def get(ctx: Context, member: UUID, address: UUID) -> AddressIn:
    """Return an address of a member's own book. Raises NotFound."""
    return _open(ctx, _own(ctx, member, address))


def _own(ctx: Context, member: UUID, address: UUID) -> OrdersAddress:
    row: OrdersAddress | None = OrdersAddress.scoped(ctx).first(
        OrdersAddress.id == address, OrdersAddress.member == member
    )
    if row is None:
        raise NotFound("there is no such address in the book", "找不到该地址")
    return row


def _only_default(ctx: Context, member: UUID, address: UUID) -> None:
    mine = OrdersAddress.scoped(ctx).update(is_default=OrdersAddress.id == address)
    mine.where(OrdersAddress.member == member).execute()


def _sealed(ctx: Context, body: AddressIn) -> bytes:
    return seal(
        ctx, BOOK, AddressIn.model_validate(body.model_dump(include=set(AddressIn.model_fields))).model_dump_json()
    )


def _open(ctx: Context, row: OrdersAddress) -> AddressIn:
    return AddressIn.model_validate_json(unseal(ctx, BOOK, row.content))


def _out(ctx: Context, row: OrdersAddress) -> AddressOut:
    return AddressOut(id=row.id, is_default=row.is_default, **_open(ctx, row).model_dump())
