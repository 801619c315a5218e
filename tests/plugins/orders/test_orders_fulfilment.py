"""How things leave: parcels, files of tracking numbers, pick-ups by code, in part, and taken back."""

import base64
import io
import zipfile
from datetime import date

import pytest
from openpyxl import Workbook

from core import tenants
from core.audit.models import Audit
from plugins import orders
from plugins.orders.fulfilment import picking
from plugins.orders.models import OrdersHandover, OrdersImport, OrdersOrder
from plugins.orders.paying.settling import working_day

SHIP = {"carrier": "顺丰", "tracking": "SF1234567"}


@pytest.fixture
def staff(api):
    return api.as_staff(
        "orders.view", "orders.ship", "orders.handover", "orders.labels", "orders.refund", "orders.export"
    )


@pytest.fixture
def bought(rich, place, paid):
    """Return a function that buys something to be delivered; return (member, order)."""

    def make(fulfilment="ship", **more):
        view = rich()
        order = place(view, fulfilment=fulfilment, **more)
        paid(view, order)
        return view, order

    return make


@pytest.fixture
def row(ctx):
    return lambda order: OrdersOrder.scoped(ctx).get(OrdersOrder.id == order.id)


def test_a_parcel_goes_out_is_told_and_counts_as_received_after_some_days(
    bought, api, staff, row, state, clock, tick, facts
):
    view, order = bought()
    assert (state(order), row(order).ship_by.isoformat()) == ("fulfilling", "2026-12-01")
    path = f"/admin/v1/orders/orders/{order.id}/ship"
    assert api.post(path, token=staff, key="s", json=SHIP).status_code == 200
    assert state(order) == "shipped"
    shown = api.get(f"/v1/orders/{order.id}", token=api.as_member(view)).json
    assert [(p["carrier"], p["tracking"]) for p in shown["parcels"]] == [("顺丰", "SF1234567")]
    assert shown["address"]["phone"] == "13800000001"
    assert len(facts("order_fulfilled")) == 1
    clock.advance(days=14, hours=23)
    tick()
    assert state(order) == "shipped"
    clock.advance(hours=2)
    tick()
    assert state(order) == "completed"


def test_the_member_may_say_that_it_arrived(bought, api, staff, state):
    view, order = bought()
    token = api.as_member(view)
    assert api.post(f"/v1/orders/{order.id}/receive", token=token, key="a").status_code == 409
    api.post(f"/admin/v1/orders/orders/{order.id}/ship", token=staff, key="s", json=SHIP)
    assert api.post(f"/v1/orders/{order.id}/receive", token=token, key="b").json["state"] == "completed"
    assert api.post(f"/v1/orders/{order.id}/receive", token=token, key="c").json["state"] == "completed"


def test_an_order_goes_out_in_parts(bought, api, staff, state, row, facts):
    _, order = bought(quantity=3)
    line = str(order.lines[0].id)
    path = f"/admin/v1/orders/orders/{order.id}/ship"
    part = {**SHIP, "lines": [{"line": line, "quantity": 2}]}
    assert api.post(path, token=staff, key="a", json=part).status_code == 200
    assert (state(order), row(order).to_ship) == ("fulfilling", 1)
    assert api.post(path, token=staff, key="b", json=part).json["code"] == "bad_units"
    assert api.post(path, token=staff, key="c", json={**SHIP, "tracking": "SF7654321"}).status_code == 200
    assert (state(order), row(order).to_ship) == ("shipped", 0)
    assert [('"whole":true' in event.body) for event in facts("order_fulfilled")] == [False, True]


def test_after_a_part_was_refunded_the_rest_goes_out(bought, api, staff, shop, state, drain, row):
    _, order = bought(quantity=3)
    with shop.transaction():
        orders.refund(shop, order.id, key="r", reason="one too many", lines={order.lines[0].id: 1})
    path = f"/admin/v1/orders/orders/{order.id}/ship"
    assert api.post(path, token=staff, key="a", json=SHIP).status_code == 409  # while money is on its way
    drain()
    assert (state(order), row(order).to_ship) == ("part_refunded", 2)
    assert api.post(path, token=staff, key="b", json=SHIP).status_code == 200
    assert state(order) == "shipped"


# --- pick-up ---------------------------------------------------------------------------------------------------------


def test_a_code_hands_over_once_in_its_venue_and_can_be_undone_for_ten_minutes(
    bought, api, staff, venue, row, state, clock, tick, shop
):
    view, order = bought("pickup", venue=venue)
    code = api.get(f"/v1/orders/{order.id}", token=api.as_member(view)).json["pickup_code"]
    with shop.transaction():
        elsewhere = tenants.add_venue(shop, "002", "徐汇").id
    body = {"code": code.lower(), "venue": str(venue)}
    wrong = api.post("/admin/v1/orders/pickup", token=staff, key="w", json={**body, "venue": str(elsewhere)})
    assert wrong.json["code"] == "other_venue"
    assert api.get(f"/admin/v1/orders/pickup?code={code}", token=staff).json["lines"][0]["left"] == 1
    done = api.post("/admin/v1/orders/pickup", token=staff, key="a", json=body)
    assert (done.status_code, state(order)) == (200, "picked_up")
    assert api.post("/admin/v1/orders/pickup", token=staff, key="b", json=body).json["code"] == "order_state"
    undo = f"/admin/v1/orders/pickup/{done.json['handover']}/undo"
    clock.advance(minutes=9)
    assert api.post(undo, token=staff, key="u").status_code == 200
    assert (state(order), row(order).to_hand) == ("ready", 1)
    assert api.post(undo, token=staff, key="u2").json["code"] == "not_undoable"
    again = api.post("/admin/v1/orders/pickup", token=staff, key="c", json=body)
    clock.advance(minutes=10, seconds=1)
    late = api.post(f"/admin/v1/orders/pickup/{again.json['handover']}/undo", token=staff, key="u3")
    assert late.json["code"] == "too_late"
    tick()
    assert state(order) == "completed"


def test_staff_of_another_venue_do_not_find_the_code(bought, api, venue, row, shop):
    _, order = bought("pickup", venue=venue)
    with shop.transaction():
        elsewhere = tenants.add_venue(shop, "002", "徐汇").id
    token = api.as_staff("orders.view", "orders.handover", venues=(elsewhere,))
    code = row(order).pickup_code
    assert api.get(f"/admin/v1/orders/pickup?code={code}", token=token).status_code == 404
    body = {"code": code, "venue": str(elsewhere)}
    assert api.post("/admin/v1/orders/pickup", token=token, key="a", json=body).status_code == 404
    assert api.get("/admin/v1/orders/orders", token=token).json["items"] == []


def test_after_its_days_a_code_needs_more_days(bought, api, venue, row, clock):
    _, order = bought("pickup", venue=venue)
    clock.advance(days=15)
    staff = api.as_staff("orders.view", "orders.handover")
    body = {"code": row(order).pickup_code, "venue": str(venue)}
    assert api.post("/admin/v1/orders/pickup", token=staff, key="a", json=body).json["code"] == "pickup_over"
    assert api.post(f"/admin/v1/orders/orders/{order.id}/extend", token=staff, json={"days": 3}).status_code == 200
    assert api.post("/admin/v1/orders/pickup", token=staff, key="b", json=body).status_code == 200


def test_an_order_of_everything_is_done_when_the_last_unit_went(rich, place, paid, api, staff, venue, row, state):
    view = rich()
    lines = (
        orders.Line("ship", "A", 1, 100, fulfilment="ship"),
        orders.Line("pick", "B", 2, 100, fulfilment="pickup"),
        orders.Line("none", "C", 1, 100),
    )
    order = place(view, lines=lines, address=AT_HOME, venue=venue)
    paid(view, order)
    assert (state(order), row(order).to_ship, row(order).to_hand) == ("fulfilling", 1, 2)
    body = {"code": row(order).pickup_code, "venue": str(venue)}
    one = {**body, "lines": [{"line": str(order.lines[1].id), "quantity": 1}]}
    assert api.post("/admin/v1/orders/pickup", token=staff, key="a", json=one).status_code == 200
    assert state(order) == "fulfilling"
    path = f"/admin/v1/orders/orders/{order.id}/ship"
    assert api.post(path, token=staff, key="b", json=SHIP).status_code == 200
    assert state(order) == "ready"
    done = api.post("/admin/v1/orders/pickup", token=staff, key="c", json=body)
    assert state(order) == "shipped"
    undo = f"/admin/v1/orders/pickup/{done.json['handover']}/undo"
    assert api.post(undo, token=staff, key="u").status_code == 200
    assert (state(order), row(order).to_hand) == ("ready", 1)


AT_HOME = orders.AddressIn(name="韩梅梅", phone="13900000002", province="江苏省", city="南京市", detail="中山路2号")

# --- files of tracking numbers ---------------------------------------------------------------------------------------


def as_file(name, data):
    return {"name": name, "content": base64.b64encode(data).decode()}


def excel(rows):
    book = Workbook()
    for one in rows:
        book.active.append(one)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_file_ships_its_good_rows_and_tells_why_the_others_are_rejected(
    bought, rich, place, api, staff, state, row, ctx
):
    (_, good), (_, done) = bought(), bought()
    unpaid = place(rich(), fulfilment="ship")
    numbers = {name: row(order).number for name, order in (("good", good), ("done", done), ("unpaid", unpaid))}
    api.post(f"/admin/v1/orders/orders/{done.id}/ship", token=staff, key="s", json={**SHIP, "tracking": "SF9999999"})
    text = "\n".join(
        [
            "订单号,快递公司,运单号",
            f"{numbers['good']},中通,ZT0000001",
            f"{numbers['done']},顺丰,SF9999999",  # known
            f"{numbers['done']},顺丰,SF8888888",  # sent already
            f"{numbers['unpaid']},顺丰,SF7777777",
            "20261122000000000000,顺丰,SF6666666",
            "20261122,顺丰,SF6666666",
            f"{numbers['good']},顺丰,不是运单号",
            f"{numbers['good']},,SF5555555",
            "",
        ]
    )
    reply = api.post(
        "/admin/v1/orders/tracking-file", token=staff, key="f", json=as_file("a.csv", text.encode("gb18030"))
    )
    assert reply.status_code == 200, reply.text
    assert (reply.json["shipped"], reply.json["known"], reply.json["rejected"]) == (1, 1, 6)
    assert [one["line"] for one in reply.json["rejections"]] == [4, 5, 6, 7, 8, 9]
    assert all(one["reason"] for one in reply.json["rejections"])
    assert (state(good), state(done), state(unpaid)) == ("shipped", "shipped", "placed")
    again = api.post(
        "/admin/v1/orders/tracking-file", token=staff, key="g", json=as_file("a.csv", text.encode("utf-8-sig"))
    )
    assert (again.json["shipped"], again.json["known"]) == (0, 2)
    assert OrdersImport.scoped(ctx).select().count() == 2


def test_an_excel_file_is_read_too_also_when_it_took_the_numbers_for_quantities(bought, api, staff, row, ctx):
    _, order = bought()
    rows = [["订单号", "快递公司", "运单号"], [row(order).number, "圆通", 801234567890]]
    body = as_file("a.xlsx", excel(rows))
    reply = api.post("/admin/v1/orders/tracking-file", token=staff, key="f", json=body)
    assert (reply.json["shipped"], reply.json["rejected"]) == (1, 0), reply.text
    assert OrdersHandover.scoped(ctx).get(OrdersHandover.kind == "ship").tracking == "801234567890"


def bomb():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"\0" * 40_000_000)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "data"),
    [("a.xlsx", b"no zip"), ("a.xlsx", bomb()), ("a.csv", b"\xff\xfe\x00\xff"), ("a.csv", b"\n\n"), ("a.xlsx", b"PK")],
)
def test_a_file_that_cannot_be_read_changes_nothing(api, staff, ctx, name, data):
    reply = api.post("/admin/v1/orders/tracking-file", token=staff, key="f", json=as_file(name, data))
    assert (reply.status_code, reply.json["code"]) == (422, "unreadable_file")
    assert OrdersImport.scoped(ctx).select().count() == 0


def test_numbers_can_be_pasted_in_the_console(bought, api, staff, row, state):
    _, order = bought()
    body = {"text": f"{row(order).number}，顺丰，SF1234567"}
    reply = api.post("/admin/v1/orders/tracking", token=staff, json=body)
    assert (reply.status_code, reply.json["shipped"], state(order)) == (201, 1, "shipped")


# --- paper -----------------------------------------------------------------------------------------------------------


def test_the_pick_list_adds_up_what_to_take_and_shows_no_address(bought, ctx):
    for _ in range(2):
        bought(lines=(orders.Line("towel", "毛巾", 2, 100, fulfilment="ship"),), address=AT_HOME)
    page = picking.pick_page(ctx, {})
    assert page["goods"] == [("毛巾", "towel", 4)]
    assert [len(one["lines"]) for one in page["orders"]] == [1, 1]
    assert "中山路" not in repr(page)


def test_labels_show_addresses_to_whoever_made_the_batch_and_why_is_kept(bought, api, staff, tenant, ctx):
    bought(address=AT_HOME)
    made = api.post("/admin/v1/orders/labels", token=staff, json={"reason": "morning parcels"})
    assert (made.status_code, made.json["count"]) == (201, 1)
    batch = {"batch": made.json["id"]}
    assert picking.label_page(ctx, batch)["labels"] is None  # somebody else
    audit = [row.action for row in Audit.scoped(tenant).select()]
    assert "orders.addresses_revealed" in audit


def test_staff_see_receivers_masked_and_read_one_for_a_reason(bought, api, staff, tenant):
    _, order = bought(address=AT_HOME)
    shown = api.get(f"/admin/v1/orders/orders/{order.id}", token=staff).json
    assert shown["receiver"] == "韩** 139****0002 江苏省南京市"
    assert "中山路" not in str(shown)
    path = f"/admin/v1/orders/orders/{order.id}/address"
    assert api.post(path, token=staff, json={"reason": "the label is torn"}).json["detail"] == "中山路2号"
    assert "orders.address_revealed" in [row.action for row in Audit.scoped(tenant).select()]


def test_working_days_pass_over_the_weekend():
    friday = date(2026, 11, 20)
    assert working_day(friday, 1).isoformat() == "2026-11-23"
    assert working_day(friday, 7).isoformat() == "2026-12-01"


def test_a_row_that_was_not_taken_in_keeps_nobodys_address(api, shop):
    body = {"text": "no-number,顺丰,SF1234567,李雷,13800000001,南京西路1号"}
    token = api.as_staff("orders.view", "orders.ship")
    reply = api.post("/admin/v1/orders/tracking", token=token, json=body)
    assert reply.json["rejections"][0]["text"] == "no-number,顺丰,SF1234567"
