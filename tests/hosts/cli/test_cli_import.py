"""`roost import purchases` and `roost stats`: the figures come out, in whatever pieces the file comes."""

import csv
import gc
import os
import tracemalloc
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from core import points, tenants
from core.errors import Conflict, Invalid, NotFound
from core.events.models import Event, Job
from core.members.models import Member
from hosts.cli import import_
from hosts.cli.import_ import import_file, read_mapping
from hosts.cli.stats import figures
from plugins.purchases.models import PurchasesPurchase

SAMPLE = Path(__file__).parents[2] / "data" / "cdnow_sample.csv"
AS_OF = date(1998, 6, 30)
SAMPLE_FIGURES = {  # counted apart from any code here, by a few lines over the file
    "as_of": "1998-06-30",
    "members": 248,
    "purchases": 919,
    "fen": 3_364_320,
    "refunded_fen": 0,
    "buyers": 248,
    "silent": 208,
    "points": 33_014,
    "levels": {"bronze": 180, "silver": 54, "gold": 12, "platinum": 2},
}
REPEATED = 39


@pytest.fixture(autouse=True)
def on(enable_plugin):
    enable_plugin("levels", "purchases")


@pytest.fixture
def imported(tenant):
    return lambda file, mapping=None, **more: import_file(tenant, file, mapping or {}, **more)


def lines_of(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines()


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def test_the_sample_comes_out_with_every_figure(tenant, imported, tmp_path):
    report = imported(SAMPLE, rejected=tmp_path / "rejected.csv")
    assert (report.read, report.recorded, report.known, report.rejected) == (919, 919, 0, 0)
    assert figures(tenant, AS_OF) == SAMPLE_FIGURES
    assert report.unfinished == 0
    assert report.lag.count > 0
    with tenant.transaction():
        assert points.verify(tenant) == []
        told = Event.scoped(tenant).select().where(Event.name == "purchase_recorded", Event.origin == "import")
        assert told.count() == 919
    assert any("purchases/s" in line for line in report.lines())


def test_repeated_rows_are_purchases_of_their_own():
    rows = lines_of(SAMPLE)[1:]
    assert len(rows) - len(set(rows)) == REPEATED


def test_the_same_file_again_and_files_that_overlap_or_shift_change_nothing(tenant, imported, tmp_path, monkeypatch):
    monkeypatch.setattr(import_, "BATCH", 100)
    header, *rows = lines_of(SAMPLE)
    middle = write(tmp_path / "middle.csv", header, *rows[300:600])
    imported(middle)
    imported(SAMPLE, rejected=tmp_path / "r.csv")
    again = imported(SAMPLE, rejected=tmp_path / "r.csv")
    assert (again.recorded, again.known) == (0, 919)
    imported(write(tmp_path / "turned.csv", header, "", *reversed(rows)))
    assert figures(tenant, AS_OF) == SAMPLE_FIGURES


def test_nobody_gets_a_gift_or_a_message_for_a_purchase_of_the_past(tenant, imported, enable_plugin, tmp_path):
    enable_plugin("gifts", "referrals")
    imported(SAMPLE, rejected=tmp_path / "r.csv")
    with tenant.transaction():
        assert Event.scoped(tenant).select().where(Event.origin != "import").count() == 0
        assert Event.scoped(tenant).select().where(Event.name == "reward_granted").count() == 0
        hearers = {row.plugin for row in Job.scoped(tenant).select(Job.plugin).where(Job.kind.startswith("fact:"))}
    assert hearers == {"levels"}


def test_bad_rows_go_to_a_file_with_line_and_reason_and_all_others_go_in(tenant, imported, tmp_path):
    lines = [
        b"\xef\xbb\xbfcustomer_id,date,items,amount",
        b"1,1997-01-01,1,10.00",
        b"1,1997-13-01,1,10.00",
        b"2,1997-01-01,1,-1.00",
        b"3,1997-01-01,1,ten",
        b"\xff\xfe,1997-01-01,1,10.00",
        b"x" * 200 + b",1997-01-01,1,10.00",
        b'"4,1997-01-01,1,10.00',
        b"5,1997-01-01,1,20.00",
    ]
    file = tmp_path / "mixed.csv"
    file.write_bytes(b"\n".join(lines))
    report = imported(file)
    assert (report.recorded, report.rejected) == (2, 6)
    beside = tmp_path / "mixed.csv.rejected.csv"
    with beside.open(encoding="utf-8", newline="") as stream:
        found = list(csv.DictReader(stream))
    assert sum(count for _, count in report.reasons) == 6
    assert any(line.strip() == "1 × the amount … is negative: register a refund instead" for line in report.lines())
    assert [int(row["line"]) for row in found] == [3, 4, 5, 6, 7, 8]
    for row, why in zip(found, ("date", "negative", "number", "utf-8", "too long", "never closed"), strict=True):
        assert why in row["reason"]
    assert found[1]["row"] == "2,1997-01-01,1,-1.00"
    assert figures(tenant, AS_OF)["fen"] == 3000
    good = write(file, "customer_id,date,items,amount", "1,1997-01-01,1,10.00")
    assert imported(good).known == 1
    assert not beside.exists()


def test_an_id_of_its_own_names_a_row_and_contradictions_are_rejected(tenant, imported, tmp_path):
    mapping = read_mapping(["customer=no,amount=paid", "id = order"])
    first = write(tmp_path / "a.csv", "no,date,paid,order", "1,1997-01-01,10,S1", "1,1997-01-01,10,S2")
    second = write(tmp_path / "b.csv", "no,date,paid,order", "1,1997-01-01,10,S2", "1,1997-01-01,99,S1")
    assert imported(first, mapping).recorded == 2
    report = imported(second, mapping)
    assert (report.recorded, report.known, report.rejected) == (0, 1, 1)
    assert "1000 is kept, 9900 was sent" in (tmp_path / "b.csv.rejected.csv").read_text("utf-8")
    assert figures(tenant, AS_OF)["fen"] == 2000


def test_two_rows_of_one_number_that_contradict_each_other_are_shown_both(tenant, imported, tmp_path, monkeypatch):
    monkeypatch.setattr("plugins.purchases.rows.MOST_COUNTS", 2)  # what was read before is on the disk
    mapping = read_mapping(["customer=no,amount=paid,id=order"])
    rows = [
        "1,2026-01-05,10,S1",
        "2,2026-01-05,20,S2",
        "3,2026-01-05,20,S3",
        "1,2026-01-05,10,S1",
        "4,2026-01-05,99,S1",
    ]
    file = write(tmp_path / "a.csv", "no,date,paid,order", *rows)
    report = imported(file, mapping)
    assert (report.recorded, report.known, report.rejected) == (3, 1, 1)
    with (tmp_path / "a.csv.rejected.csv").open(encoding="utf-8", newline="") as stream:
        (found,) = csv.DictReader(stream)
    assert (found["line"], found["row"]) == ("6", "4,2026-01-05,99,S1")
    assert "1000 is kept, 9900 was sent" in found["reason"]
    assert "line 2: '1,2026-01-05,10,S1' and line 6: '4,2026-01-05,99,S1'" in found["reason"]
    assert "--lines" in found["reason"]


def test_a_number_of_another_venue_or_day_is_another_sale(tenant, imported, tmp_path):
    rows = ["1,2026-01-05,10,0001", "1,2026-01-06,20,0001"]
    file = write(tmp_path / "a.csv", "customer,date,amount,order", *rows)
    assert imported(file, {"id": "order"}).recorded == 2


def test_lines_of_one_sale_in_several_rows_are_joined_where_it_is_asked_for(tenant, imported, tmp_path):
    mapping = {"id": "order", "good": "sku"}
    head, *rows = (
        "customer,date,amount,order,sku,quantity",
        "1,2026-01-05,10,S1,cap,1", "1,2026-01-05,2.50,S1,tea,5",
        "2,2026-01-05,3,S2,tea,1", "2,2026-01-05,ten,S2,cap,1",
        "3,2026-01-05,7,S3,cap,1",
        "1,2026-01-05,1,S1,pen,1",
    )  # fmt: skip
    file = write(tmp_path / "a.csv", head, *rows)
    report = imported(file, mapping, join=True)
    assert (report.recorded, report.rejected) == (2, 3)
    with tenant.transaction():
        sales = {row.source_key: row for row in PurchasesPurchase.scoped(tenant).select()}
    assert {key: (row.amount_fen, row.items) for key, row in sales.items()} == {"S1": (1250, 6), "S3": (700, 1)}
    assert [(line["code"], line["quantity"], line["amount_fen"]) for line in sales["S1"].lines] == [
        ("cap", 1, 1000), ("tea", 5, 250),
    ]  # fmt: skip
    with (tmp_path / "a.csv.rejected.csv").open(encoding="utf-8", newline="") as stream:
        reasons = {int(row["line"]): row["reason"] for row in csv.DictReader(stream)}
    assert "another row of this sale" in reasons[4]
    assert "not a number" in reasons[5]
    assert "do not stand together" in reasons[7]
    assert "line 2: " in reasons[7]
    again = imported(file, mapping, join=True)
    assert (again.recorded, again.known, again.rejected) == (0, 2, 3)
    with pytest.raises(Invalid, match="--map good"):
        imported(write(tmp_path / "b.csv", "customer,date,amount", "1,2026-01-05,1"), join=True)


def test_customers_are_those_of_their_own_system_and_known_phones_are_known_people(tenant, imported, tmp_path, member):
    known = member(phone="13800000001")
    header = "customer_id,date,amount,phone,name"
    file = write(tmp_path / "a.csv", header, "1,1997-01-01,10,138 0000 0001,Li", "2,1997-01-02,10,,Wu")
    imported(file, source="till")
    assert figures(tenant, AS_OF)["members"] == 2
    with tenant.transaction():
        assert points.balance(tenant, known.id).available == 10
        fresh = Member.scoped(tenant).get(Member.id != known.id)
        assert fresh.registered_at == datetime(1997, 1, 1, 16, 0, tzinfo=UTC)
    imported(file, source="web")
    assert figures(tenant, AS_OF)["members"] == 3
    assert figures(tenant, AS_OF)["purchases"] == 4


def test_a_sale_to_nobody_known_counts_as_money_and_not_as_a_member(tenant, imported, tmp_path):
    imported(write(tmp_path / "a.csv", "customer_id,date,amount", ",1997-01-01,10", "1,1997-01-01,10"))
    found = figures(tenant, AS_OF)
    assert (found["members"], found["buyers"], found["purchases"], found["points"]) == (1, 1, 2, 10)


def test_what_cannot_be_imported_is_refused_with_words(tenant, imported, tmp_path):
    file = write(tmp_path / "a.csv", "who,date,amount", "1,1997-01-01,10")
    with pytest.raises(Invalid, match="no column for customer"):
        imported(file)
    with pytest.raises(Invalid, match="no column 'nobody'"):
        imported(file, {"customer": "nobody"})
    with pytest.raises(Invalid, match="write FIELD=COLUMN"):
        read_mapping(["customer"])
    with pytest.raises(Invalid, match="No such file"):
        imported(tmp_path / "absent.csv")
    with pytest.raises(NotFound, match="there is no file"):
        import_.import_purchases(tmp_path / "absent.csv", "acme")
    with pytest.raises(Invalid, match="--source"):
        import_.import_purchases(file, "acme", source="ä b")
    with pytest.raises(Invalid, match="--encoding"):
        import_.import_purchases(file, "acme", encoding="klingon")


def test_a_venue_that_is_not_there_stops_the_import_and_says_how_or_is_made_or_mapped(tenant, imported, tmp_path):
    file = write(tmp_path / "a.csv", "customer_id,date,amount,store", "1,1997-01-01,10,330", "2,1997-01-01,10,331")
    with pytest.raises(Invalid, match="no venue '330': say --venues create"):
        imported(file)
    assert figures(tenant, AS_OF)["purchases"] == 0
    report = imported(file, venues=import_.read_venues("reject"))
    assert (report.rejected, report.reasons) == (2, (("there is no venue …", 2),))
    assert imported(file, venues=import_.read_venues("create")).recorded == 2
    with tenant.transaction():
        assert [venue.code for venue in tenants.venues(tenant)] == ["330", "331"]
    again = write(tmp_path / "b.csv", "customer_id,date,amount,store", "3,1997-01-01,10,old")
    places = import_.read_venues(f"map={write(tmp_path / 'map.csv', 'old,331')}")
    assert imported(again, venues=places).recorded == 1
    for wrong in ("invent", "map", "map=", ""):
        with pytest.raises(Invalid, match="--venues"):
            import_.read_venues(wrong)


def test_a_brand_without_the_plugin_is_told_how_to_switch_it_on(new_tenant):
    with pytest.raises(Conflict, match="roost plugins enable purchases --tenant bare"):
        import_file(new_tenant("bare"), SAMPLE, {})


def test_silence_is_counted_as_of_a_day_and_later_purchases_do_not_count(tenant, imported, tmp_path):
    lines = ("1,1998-03-31,10", "2,1998-04-01,10", "3,1998-03-31,10", "3,1998-07-01,10")
    imported(write(tmp_path / "a.csv", "customer_id,date,amount", *lines))
    found = figures(tenant, AS_OF)
    assert (found["silent"], found["purchases"]) == (2, 3)  # 1 and, as of that day, 3
    assert figures(tenant, AS_OF, silent_days=91)["silent"] == 0
    assert figures(tenant, date(1998, 7, 1))["silent"] == 2  # 1 and 2 now
    assert figures(tenant, date(1997, 1, 1))["buyers"] == 0


def test_what_a_month_has_seen_before_counts_across_batches(tenant, imported, enable_plugin, tmp_path, monkeypatch):
    enable_plugin("purchases", frequency_from=3, frequency_percent=200)
    monkeypatch.setattr(import_, "BATCH", 50)
    rows = (f"c{n % 50},1997-01-{n // 50 + 1:02d},10.00" for n in range(400))
    imported(write(tmp_path / "p.csv", "customer_id,date,amount", *rows))
    assert figures(tenant, AS_OF)["points"] == 50 * (2 * 10 + 6 * 20)


@pytest.mark.engines("sqlite")  # what is measured is ours, not the database's
def test_memory_does_not_grow_with_the_file(tenant, imported, tmp_path, monkeypatch, request):
    taking = import_.take_in

    def take(*batch):
        gc.collect()  # what waits for the collector is no growth
        return taking(*batch)

    monkeypatch.setattr(import_, "BATCH", 50)
    monkeypatch.setattr(import_, "take_in", take)
    monkeypatch.setattr("plugins.purchases.rows.MOST_COUNTS", 100)  # beyond it the counts of rows are on the disk
    request.addfinalizer(gc.unfreeze)
    gc.freeze()  # a collection looks at what came since
    peaks = []
    for name, count in (("warm", 100), ("small", 200), ("large", 1_600)):
        rows = (f"{name}{n % 50},1997-01-{n % 28 + 1:02d},{n % 97}.{n % 89:02d}" for n in range(count))
        file = write(tmp_path / f"{name}.csv", "customer_id,date,amount", *rows)
        tracemalloc.start()
        imported(file, source=name)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < peaks[1] * 1.3


@pytest.mark.faults
@pytest.mark.skipif("ROOST_CDNOW" not in os.environ, reason="set ROOST_CDNOW to the whole CDNOW file")
def test_the_whole_file_comes_out_with_every_known_figure(tenant, imported, tmp_path):
    report = imported(Path(os.environ["ROOST_CDNOW"]), rejected=tmp_path / "r.csv")
    assert (report.recorded, report.rejected) == (69_659, 0)
    assert figures(tenant, AS_OF) == {
        "as_of": "1998-06-30",
        "members": 23_570,
        "purchases": 69_659,
        "fen": 250_031_563,
        "refunded_fen": 0,
        "buyers": 23_570,
        "silent": 20_253,
        "points": 2_453_159,
        "levels": {"bronze": 17_420, "silver": 5_430, "gold": 679, "platinum": 41},
    }
