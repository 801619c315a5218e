"""Erasure, merge, export, purge, and the questions rules may ask."""

from datetime import timedelta

import pytest

from core import tenants
from hosts.cli.purging import purge_plugin
from plugins import purchases
from plugins.purchases import NewPurchase, PurchaseLine, conditions, counter
from plugins.purchases.models import PurchasesPurchase, PurchasesRefund
from plugins.purchases.schemas import PurchaseSettings
from roost import members


@pytest.fixture(autouse=True)
def on(enable_plugin):
    enable_plugin("purchases")


def buy(ctx, buyer, amount_fen=100_00, key="A1", days=0, **more):
    new = NewPurchase("saas", key, amount_fen, ctx.now() - timedelta(days=days), buyer, scope="brand", **more)
    with ctx.transaction():
        return purchases.record(ctx, new)[0]


def test_erasure_keeps_the_money_and_forgets_the_person_also_when_told_again(tenant, member):
    buyer = member().id
    lines = (PurchaseLine(code="x", name="a shirt for Li Lei", amount_fen=100_00),)
    purchase = buy(tenant, buyer, lines=lines)
    with tenant.transaction():
        purchases.refund(tenant, purchase.id, 100, source_key="r", reason="Li Lei gave it back")
        members.erase(tenant, buyer, "asked for it")
        row = PurchasesPurchase.scoped(tenant).get(PurchasesPurchase.id == purchase.id)
        assert (row.member, row.lines, row.amount_fen) == (None, None, 100_00)
        kept = PurchasesRefund.scoped(tenant).get(PurchasesRefund.purchase == purchase.id)
        assert (kept.reason, kept.amount_fen) == ("", 100)
        again, created = purchases.record(tenant, NewPurchase("saas", "A1", 100_00, tenant.now()))
    assert (again.id, again.member, created) == (purchase.id, None, False)


def test_a_merge_moves_the_purchases(tenant, member):
    survivor, gone = member().id, member().id
    purchase = buy(tenant, gone)
    with tenant.transaction():
        members.merge(tenant, survivor, gone, "the same person")
        assert purchases.get(tenant, purchase.id).member == survivor


def test_the_export_tells_every_purchase_and_refund(tenant, member):
    buyer = member().id
    purchase = buy(tenant, buyer)
    with tenant.transaction():
        purchases.refund(tenant, purchase.id, 40_00, source_key="r", reason="too small")
        told = members.export(tenant, buyer)["plugins"]["purchases"]
        assert "purchases" not in members.export(tenant, member().id)["plugins"]
    assert told["purchases"][0]["amount_fen"] == 100_00
    assert told["purchases"][0]["refunds"][0]["reason"] == "too small"


def test_a_purge_leaves_nothing_of_this_tenant_and_all_of_another(tenant, member, new_tenant):
    other = new_tenant("other", plugins=("purchases",))
    buy(tenant, member().id)
    buy(other, member(ctx=other).id)
    tenants.disable_plugin(tenant, "purchases")
    purge_plugin(tenant.services.system(tenants.by_id(tenant.tenant.id), "test"), "purchases")
    with tenant.transaction():
        assert purchases.find(tenant, "saas", "A1") is None
    with other.transaction():
        assert purchases.find(other, "saas", "A1") is not None


def test_rules_may_ask_how_often_and_how_much_and_refunds_do_not_count(tenant, member):
    count, spent = conditions.KINDS
    buyer = member().id
    buy(tenant, buyer, 100_00, "old", days=60)
    gone = buy(tenant, buyer, 500_00, "gone")
    buy(tenant, buyer, 50_00, "new")
    with tenant.transaction():
        purchases.refund(tenant, gone.id, source_key="r")
        first = conditions.CountSpec(least=1, most=1)
        assert count.evaluate(tenant, buyer, first) == (False, 2)
        assert count.evaluate(tenant, buyer, conditions.CountSpec(least=1, most=1, days=30)) == (True, 1)
        assert spent.evaluate(tenant, buyer, conditions.SpentSpec(least_fen=150_00)) == (True, 150_00)
        assert spent.evaluate(tenant, buyer, conditions.SpentSpec(least_fen=51_00, days=30)) == (False, 50_00)
        assert count.evaluate(tenant, member().id, first) == (False, 0)
    assert count.explain(first, "en") == "1 purchases"
    assert spent.explain(conditions.SpentSpec(), "zh") == "消费满 至少 100 元"


def test_the_dashboard_adds_up_the_tenants_day(tenant, member):
    buy(tenant, member().id, 1_234_56)
    buy(tenant, None, 1, "yesterday", days=1)
    with tenant.transaction():
        assert dict(counter.figures_of_today(tenant)) == {
            "今日消费笔数": "1",
            "今日消费金额（元）": "1,234.56",
            "今日消费积分": "1,234",
        }


def test_every_setting_has_a_default_and_a_description():
    assert all(field.description for field in PurchaseSettings.model_fields.values())


def test_the_plugin_conforms(assert_plugin_conforms):
    assert_plugin_conforms("purchases")
