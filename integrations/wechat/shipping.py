"""Tell WeChat how what was paid for reached its payer: managed accounts are not settled before that.

An order's parcels are gathered until nothing is left to hand over, and told once for each payment of WeChat's that paid
it. What changes afterwards (another tracking number) may be told once more; WeChat takes no third version.
A repeat of the same content is harmless: WeChat answers that nothing is new.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from integrations.wechat import connection, people
from integrations.wechat.client import TokenRejected, TooOften, WechatClient, WechatError
from integrations.wechat.models import WechatPayment, WechatShipment
from integrations.wechat.schemas import Correction, RowJob, WechatSettings
from roost import (
    Conflict,
    Context,
    Fact,
    Invalid,
    Listener,
    Next,
    Remote,
    Settlement,
    Text,
    Words,
    delete_some,
    kept,
    local_time,
    seal,
    unseal,
)

log = structlog.get_logger("roost.wechat")
FACT, METHOD = "order_fulfilled", "wechat_pay"
KEPT = timedelta(days=400)  # how long a payment may wait for its order to go out
SETTLE = timedelta(minutes=2)  # facts come in any order, and staff correct themselves at once or not at all
FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(hours=6)
MOST_TRIES = 20
NOTE_LENGTH, DESCRIPTION = 300, 120
MOST_PARCELS = 10
MOST_TOLD = 2  # once, and once more

EXPRESS, VIRTUAL, PICKUP = 1, 3, 4
UNIFIED, SPLIT = 1, 2
TYPES = {"ship": EXPRESS, "pickup": PICKUP, "none": VIRTUAL}

CARRIERS: Mapping[str, str] = {
    "顺丰": "SF", "圆通": "YTO", "中通": "ZTO", "申通": "STO", "韵达": "YD", "极兔": "JTSD", "京东": "JD",
    "邮政": "YZPY", "EMS": "EMS", "德邦": "DBL", "百世": "HTKY", "宅急送": "ZJS", "菜鸟": "DNWL",
}  # fmt: skip
CONTACT_NEEDED = "SF"

DONE = 10060002  # the payment is shipped already
USED_UP = 10060003
SAME = 10060023
LATE = frozenset((10060001, 10060012))  # the payment is not there yet; WeChat's own trouble
MEANING: Mapping[int, Text] = {
    10060001: Text("支付单不存在", "WeChat does not know the payment (yet)"),
    DONE: Text("支付单已完成发货，无法继续发货", "the payment is marked as shipped and takes no more"),
    USED_UP: Text("已使用重新发货机会", "the one change that WeChat allows was made"),
    10060004: Text("支付单处于不可发货的状态", "the payment cannot be shipped: refunded, perhaps"),
    10060005: Text("物流类型有误", "the kind of shipping is wrong"),
    10060006: Text("非快递发货不允许分拆", "only parcels may go out in parts"),
    10060007: Text("缺少 is_all_delivered", "it was not said whether all parts went out"),
    10060008: Text("商品描述为空", "the goods are not described"),
    10060009: Text("商品描述太长", "the description is too long"),
    10060012: Text("微信系统错误", "WeChat's own trouble"),
    10060014: Text("参数错误", "WeChat refuses the data"),
    10060019: Text("is_all_delivered 不能为 true", "not all parts can have gone out"),
    10060020: Text("商品描述为空", "the goods are not described"),
    10060021: Text("商品描述太长", "the description is too long"),
    SAME: Text("发货信息未更新", "nothing is new"),
    10060024: Text("物流信息列表太长", "too many parcels"),
    10060025: Text("物流公司编码太长", "the carrier's code is too long"),
    10060026: Text("物流单号太长", "the tracking number is too long"),
    10060031: Text("支付单不属于该用户", "the payment is not this person's"),
}


# --- what is heard ---------------------------------------------------------------------------------------------------


def wants(ctx: Context) -> tuple[str, ...]:
    """Hear of orders that go out where the brand tells WeChat."""
    return (FACT,) if ctx.settings(WechatSettings).shipping else ()


def settled(ctx: Context, settlement: Settlement) -> None:
    """Remember under which number of WeChat's a charge was paid."""
    if settlement.method != METHOD or settlement.kind != "paid" or not settlement.transaction:
        return
    WechatPayment.scoped(ctx).insert(
        charge=settlement.charge, transaction=settlement.transaction, paid_at=settlement.at or ctx.now()
    ).on_conflict_ignore().execute()


def fulfilled(ctx: Context, fact: Fact) -> None:
    """Gather what went out; when nothing is left, tell WeChat of each of its payments."""
    told = fact.model_dump(mode="json")
    charges = [str(number) for number in told.get("charges") or ()]
    if not charges:
        return
    for payment in list(WechatPayment.scoped(ctx).select().where(WechatPayment.charge.in_(charges))):
        _gather(ctx, str(payment.transaction), told)


def _gather(ctx: Context, transaction: str, told: Mapping[str, Any]) -> None:
    ctx, rows = ctx.for_plugin("wechat"), WechatShipment.scoped(ctx)
    now = ctx.now()
    rows.insert(
        order=UUID(told["order"]), transaction=transaction, member=UUID(told["member"]), digest="", created_at=now,
        changed_at=now,
    ).on_conflict_ignore().execute()  # fmt: skip
    row = rows.lock(WechatShipment.transaction == transaction)
    held: dict[str, Any] = {"parcels": {}, "whole": False}
    if row.body is not None:
        held = json.loads(unseal(ctx, "shipment", row.body))
    parcel = {name: str(told.get(name) or "") for name in ("kind", "carrier", "tracking", "title")}
    held["parcels"].setdefault(str(told["handover"]), parcel)
    held["whole"] = held["whole"] or bool(told.get("whole"))
    _hold(ctx, row, held)


def _hold(ctx: Context, row: Any, held: Mapping[str, Any]) -> None:
    """Keep what is to be told, and have it told once nothing is left to go out. Nothing happens without a change."""
    said = json.dumps(held, ensure_ascii=False, sort_keys=True)
    digest = hashlib.sha256(said.encode()).hexdigest()
    if digest == row.digest:
        return
    _set(ctx, row.id, body=seal(ctx, "shipment", said), digest=digest, state="pending", tries=0, code="", error="")
    if held["whole"]:
        ctx.enqueue("wechat.shipping", RowJob(id=row.id), run_at=ctx.now() + SETTLE)


def _set(ctx: Context, row_id: UUID, **values: object) -> None:
    WechatShipment.scoped(ctx).update(**values, changed_at=ctx.now()).where(WechatShipment.id == row_id).execute()


listener = Listener(wants, fulfilled)


# --- what is told ----------------------------------------------------------------------------------------------------


def carrier_code(carrier: str) -> str:
    """Return WeChat's code of a shipping company; one that is a code already, or not known, stays as it is."""
    return next((code for name, code in CARRIERS.items() if name in carrier), carrier.strip())[:128]


def describe(row: Any, held: Mapping[str, Any], openid: str, contact: str, zone: str) -> dict[str, Any]:
    """Return the body that WeChat is told; the same for the same parcels, so that a repeat is known as one."""
    parcels = list(held["parcels"].values())
    kinds = {p["kind"] for p in parcels}
    kind = "ship" if "ship" in kinds else "pickup" if "pickup" in kinds else "none"
    shown = [_item(p, contact) for p in parcels if p["kind"] == kind]
    if kind != "ship":
        shown = shown[:1]
    body: dict[str, Any] = {
        "order_key": {"order_number_type": 2, "transaction_id": row.transaction},
        "logistics_type": TYPES[kind],
        "delivery_mode": UNIFIED if len(shown) == 1 else SPLIT,
        "shipping_list": shown[:MOST_PARCELS],
        "upload_time": local_time(row.changed_at, zone).isoformat(timespec="milliseconds"),
        "payer": {"openid": openid},
    }
    if len(shown) > 1:
        body["is_all_delivered"] = True
    return body


def _item(parcel: Mapping[str, str], contact: str) -> dict[str, Any]:
    item: dict[str, Any] = {"item_desc": (parcel["title"] or "商品")[:DESCRIPTION]}
    if parcel["kind"] == "ship":
        code = carrier_code(parcel["carrier"])
        item |= {"tracking_no": parcel["tracking"], "express_company": code}
        if code == CONTACT_NEEDED and contact:
            item["contact"] = {"consignor_contact": contact}
    return item


@dataclass(frozen=True, slots=True)
class Prepared:
    """A shipment ready to be told."""

    job: RowJob
    digest: str
    body: Mapping[str, Any] = field(repr=False)
    client: WechatClient = field(repr=False)


class TellShipping(Remote):
    """The job `wechat.shipping`."""

    def prepare(self, ctx: Context, payload: RowJob) -> Prepared | None:  # type: ignore[override]  # the payload
        """Lay out what is to be told; None when there is nothing (more) to tell."""
        row = WechatShipment.scoped(ctx).first(WechatShipment.id == payload.id)
        if row is None or row.state != "pending" or row.body is None:
            return None
        if row.digest == row.told_digest:
            _set(ctx, row.id, state="told", code="", error="")
            return None
        if row.told >= MOST_TOLD:
            _fail(ctx, row, USED_UP, MEANING[USED_UP])
            return None
        openid = people.openid_of(ctx, row.member) if row.member is not None else None
        if openid is None or not connection.is_ready(ctx):
            why = (
                Text("付款人未绑定微信", "the payer's open id is not known")
                if openid is None
                else Text("微信未配置", "WeChat is not set up")
            )
            _fail(ctx, row, None, why)
            return None
        held = json.loads(unseal(ctx, "shipment", row.body))
        contact = ctx.settings(WechatSettings).merchant_shipping_contact
        body = describe(row, held, openid, contact, ctx.tenant.zone)
        return Prepared(payload, row.digest, body, connection.client_of(ctx))

    def call(self, prepared: Prepared | None) -> WechatError | None:
        if prepared is None:
            return None
        try:
            prepared.client.upload_shipping(prepared.body)
        except WechatError as ex:
            return ex
        return None

    def complete(self, ctx: Context, prepared: Prepared | None, answer: WechatError | None) -> Next | None:
        """Keep what came of it; come back for what may pass."""
        if prepared is None:
            return None
        row = WechatShipment.scoped(ctx).lock(WechatShipment.id == prepared.job.id)
        code = answer.code if answer is not None else None
        if answer is None or code == SAME or (code == DONE and row.told == 0):
            # What was gathered meanwhile has a job of its own.
            state = "told" if row.digest == prepared.digest else "pending"
            note = "" if code != DONE else kept(MEANING[DONE])
            WechatShipment.scoped(ctx).update(
                state=state, told=row.told + 1, told_digest=prepared.digest, code="", error=note
            ).where(WechatShipment.id == row.id).execute()
            return None
        tries = row.tries + 1
        passing = code in LATE or answer.retryable or answer.unknown or isinstance(answer, TokenRejected | TooOften)
        if not passing or tries >= MOST_TRIES:
            _fail(ctx, row, code, MEANING.get(code or 0, str(answer)), tries)
            return None
        # `changed_at` stays: it is the time that is told, and a repeat must tell the same.
        WechatShipment.scoped(ctx).update(tries=tries, code=str(code or ""), error=str(answer)[:NOTE_LENGTH]).where(
            WechatShipment.id == row.id
        ).execute()
        return Next(prepared.job, after=min(FIRST_RETRY * (1 << min(tries - 1, 20)), LONGEST_RETRY))


def _fail(ctx: Context, row: Any, code: int | None, why: Words, tries: int | None = None) -> None:
    log.warning("wechat_shipping_failed", errcode=code, shipment=str(row.id))
    WechatShipment.scoped(ctx).update(
        state="failed", tries=row.tries if tries is None else tries, code=str(code or ""), error=kept(why, NOTE_LENGTH)
    ).where(WechatShipment.id == row.id).execute()


def retry(ctx: Context, row_id: UUID, body: None = None) -> None:
    """Tell a shipment that failed again, for staff. Raises Conflict for one that did not."""
    row = WechatShipment.scoped(ctx).lock(WechatShipment.id == row_id)
    if row.state != "failed" or row.body is None:
        raise Conflict(f"this shipment is {row.state}: there is nothing to do", "无需重试")
    if row.told >= MOST_TOLD:
        raise Conflict("WeChat takes no third version of a shipment", "已使用重新发货机会", code="shipping_used_up")
    WechatShipment.scoped(ctx).update(state="pending", tries=0, error="").where(WechatShipment.id == row.id).execute()
    ctx.enqueue("wechat.shipping", RowJob(id=row.id))


def correct(ctx: Context, row_id: UUID, body: Correction) -> None:
    """Mend a parcel's carrier and number, for staff; WeChat takes one change.

    Raises Conflict when that was made, Invalid (`which_parcel`) when it is not plain which parcel is meant.
    """
    ctx = ctx.for_plugin("wechat")
    row = WechatShipment.scoped(ctx).lock(WechatShipment.id == row_id)
    if row.told >= MOST_TOLD or row.body is None:
        raise Conflict("WeChat takes no third version of a shipment", "已使用重新发货机会", code="shipping_used_up")
    held = json.loads(unseal(ctx, "shipment", row.body))
    meant = [
        parcel
        for parcel in held["parcels"].values()
        if parcel["kind"] == "ship" and body.instead_of in ("", parcel["tracking"])
    ]
    if len(meant) != 1:
        raise Invalid(
            f"{len(meant)} parcels could be meant: name the number that is wrong", "请填写需要更正的运单号",
            code="which_parcel", fields=[{"path": "body.instead_of", "message": "the number that is wrong"}],
        )  # fmt: skip
    meant[0].update(carrier=body.carrier, tracking=body.tracking)
    _hold(ctx, row, held)


def clean(ctx: Context) -> bool:
    """Forget some payments whose order would have gone out long ago; tell whether more may be left."""
    return delete_some(ctx, WechatPayment, WechatPayment.paid_at < ctx.now() - KEPT)
