"""Charges: asked for, asked about, closed; each in three steps. The row is written before WeChat Pay is asked."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from integrations.wechat_pay import merchant, settling
from integrations.wechat_pay.client import WechatPayClient
from integrations.wechat_pay.errors import AlreadyPaid, NoSuchNumber, WechatPayError
from integrations.wechat_pay.models import WechatPayTrade
from integrations.wechat_pay.numbers import check_number, put_off
from integrations.wechat_pay.wire import Transaction
from roost import Charge, Conflict, Content, Context, Invalid, PaymentState, Text, members

PREPAY_LIFE = timedelta(hours=2)
PREPAY_MARGIN = timedelta(minutes=10)  # a prepay id this near its end is fetched anew
GRACE = timedelta(minutes=1)  # after its end a charge may still be on its way from the payer
TITLE_LENGTH = 127
CHARGE = Content("charge", Text("支付单", "charge"), ("member", "amount_fen", "title"))


# --- paying --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Paying:
    """A charge to be asked for. `prepay` is the id of an earlier time that is still good, or ""."""

    number: str
    appid: str
    title: str
    amount: int
    notify_url: str
    expires_at: datetime
    attach: str
    prepay: str
    openid: str = field(repr=False)
    client: WechatPayClient = field(repr=False)


@dataclass(frozen=True, slots=True)
class Prepaid:
    """A charge that can be paid, and what the mini-program needs for it."""

    prepay: str
    parameters: dict[str, str] = field(repr=False)


def prepare_pay(ctx: Context, charge: Charge) -> Paying:
    """Write the charge. The same one again is the same charge.

    Raises Invalid for a number or amount that WeChat Pay would not take, KeyReused for a known number with other
    content, Conflict for a charge that is paid, closed or over, and for a member without an open id.
    """
    ctx = ctx.for_plugin(merchant.SLUG)
    client, openid, appid = merchant.client_of(ctx), merchant.payer(ctx, charge.member), merchant.appid_of(ctx)
    check_number(charge.number)
    if charge.amount <= 0:
        raise Invalid("a charge is for 1 fen or more", "支付金额须大于 0")
    now, mchid = ctx.now(), client.credentials.mchid
    if charge.expires_at <= now:
        raise Conflict(
            "the time to pay is over: make a new charge", "支付已超时，请重新下单", code="wechat_pay_expired"
        )
    member = members.resolve(ctx, charge.member)
    trades = WechatPayTrade.scoped(ctx)
    trades.insert(
        number=charge.number, member=member, amount=charge.amount, title=charge.title[:TITLE_LENGTH], appid=appid,
        mchid=mchid, expires_at=charge.expires_at, created_at=now, changed_at=now, check_at=now,
    ).on_conflict_ignore().execute()  # fmt: skip
    row = trades.get(WechatPayTrade.number == charge.number)
    CHARGE.check(
        charge.number,
        {"member": members.resolve(ctx, row.member), "amount_fen": row.amount, "title": row.title},
        {"member": member, "amount_fen": charge.amount, "title": charge.title[:TITLE_LENGTH]},
    )
    if row.state in ("paid", "closed"):
        code = "wechat_pay_already_paid" if row.state == "paid" else "wechat_pay_closed"
        raise Conflict(f"this charge is {row.state}", "该支付单已支付或已关闭", code=code)
    if (row.appid, row.mchid) != (appid, mchid):
        raise Conflict(
            "the merchant was changed since: make a new charge", "商户已变更，请重新下单", code="wechat_pay_moved"
        )
    fresh = bool(row.prepay) and row.prepay_until - PREPAY_MARGIN > now
    return Paying(
        row.number, appid, row.title, row.amount, merchant.notify_url(ctx), row.expires_at, ctx.tenant.slug,
        row.prepay if fresh else "", openid, client,
    )  # fmt: skip


def call_pay(paying: Paying) -> Prepaid:
    """Ask for the prepay id, unless there is one. Raises RoostError: nobody can pay then."""
    try:
        prepay = paying.prepay or paying.client.prepay(
            appid=paying.appid,
            number=paying.number,
            description=paying.title,
            total=paying.amount,
            openid=paying.openid,
            notify_url=paying.notify_url,
            expires_at=paying.expires_at,
            attach=paying.attach,
        )
    except WechatPayError as ex:
        raise merchant.refusal(ex) from None
    return Prepaid(prepay, paying.client.client_parameters(paying.appid, prepay))


def complete_pay(ctx: Context, paying: Paying, prepaid: Prepaid) -> dict[str, str]:
    """Keep the prepay id; return the parameters of `wx.requestPayment`. Raises Conflict if it was closed meanwhile.

    The callback may have come before: a charge that is paid stays so.
    """
    ctx = ctx.for_plugin(merchant.SLUG)
    row = WechatPayTrade.scoped(ctx).lock(WechatPayTrade.number == paying.number)
    if row.state == "closed":
        raise Conflict("this charge was closed meanwhile", "该支付单已关闭", code="wechat_pay_closed")
    if not paying.prepay:
        WechatPayTrade.scoped(ctx).update(
            prepay=prepaid.prepay,
            prepay_until=ctx.now() + PREPAY_LIFE,
            state="open" if row.state == "asked" else row.state,
            changed_at=ctx.now(),
        ).where(WechatPayTrade.id == row.id).execute()
    return prepaid.parameters


# --- asking about a charge, and closing it -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asking:
    """A charge to ask about. Without a client there is nothing to ask: it is settled, or nobody's."""

    number: str
    client: WechatPayClient | None = field(default=None, repr=False)
    given: bool = False  # somebody holds a prepay id for it
    over: bool = False  # its time to pay has passed: whoever finds it unpaid closes it
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """What was answered about a charge. `gone`: it is closed, or was never made. `failure`: nobody can say."""

    transaction: Transaction | None = None
    gone: bool = False
    failure: str = ""


def prepare_charge(ctx: Context, number: str) -> Asking:
    """Read a charge that is to be asked about or closed."""
    ctx = ctx.for_plugin(merchant.SLUG)
    row = WechatPayTrade.scoped(ctx).first(WechatPayTrade.number == number)
    if row is None or row.state == "paid":
        return Asking(number)
    client = merchant.client_of(ctx)
    if client.credentials.mchid != row.mchid:
        return Asking(number, why_not=f"asked as merchant {row.mchid}: its keys are needed to ask about it")
    return Asking(number, client, given=bool(row.prepay), over=ctx.now() >= row.expires_at + GRACE)


def call_query(asking: Asking) -> Heard:
    """Ask how a charge stands; close one whose time is over."""
    if asking.client is None:
        return Heard(failure=asking.why_not)
    try:
        told = asking.client.query(asking.number)
    except NoSuchNumber:
        return Heard(gone=asking.over, failure="" if asking.over else "WeChat Pay does not know it (yet)")
    except WechatPayError as ex:
        return Heard(failure=merchant.explain(ex))
    if asking.over and told.trade_state in ("NOTPAY", "USERPAYING", "PAYERROR"):
        return call_close(asking)
    return Heard(told)


def call_close(asking: Asking) -> Heard:
    """Close a charge. One that is paid is not closed: then what is paid is heard."""
    if asking.client is None:
        return Heard(failure=asking.why_not)
    try:
        asking.client.close(asking.number)
    except NoSuchNumber as ex:
        if asking.given and not asking.over:  # it gave us a prepay id: this is another merchant's answer, or a lie
            return Heard(failure=merchant.explain(ex))
        return Heard(gone=True)  # nobody can pay it
    except AlreadyPaid:
        try:
            return Heard(asking.client.query(asking.number))
        except WechatPayError as ex:
            return Heard(failure=merchant.explain(ex))
    except WechatPayError as ex:
        return Heard(failure=merchant.explain(ex))
    return Heard(gone=True)


def complete_charge(ctx: Context, asking: Asking, heard: Heard) -> PaymentState:
    """Settle what was heard of a charge; return how it stands."""
    ctx = ctx.for_plugin(merchant.SLUG)
    note = heard.failure
    if heard.transaction is not None:
        note = settling.charge_told(ctx, heard.transaction, "query").note
    elif heard.gone:
        row = WechatPayTrade.scoped(ctx).lock(WechatPayTrade.number == asking.number)
        settling.closed(merchant.as_system(ctx), row, "query")
    if heard.failure:
        put_off(ctx, WechatPayTrade, asking.number, ("asked", "open"), heard.failure)
    elif asking.client is not None:
        _look_again(ctx, asking.number)
    return settling.charge_state(ctx, asking.number, detail=note, certain=not heard.failure)


def _look_again(ctx: Context, number: str) -> None:
    WechatPayTrade.scoped(ctx).update(check_at=ctx.now(), tries=0).where(
        WechatPayTrade.number == number, WechatPayTrade.state.in_(("asked", "open"))
    ).execute()
