"""Rows of files: what is read from them, what is refused and why, and how a row is named."""

from datetime import UTC, datetime
from io import BytesIO

import pytest
from openpyxl import Workbook

from core import tenants
from plugins.purchases import FileRow, Lines, PurchaseFile, Rejected, Sheet, UnreadableFile, Venues, rows

HEADER = "customer_id,date,items,amount"


def read(ctx, text, mapping=None, encoding="utf-8", venues=None) -> list[FileRow | Rejected]:
    data = text if isinstance(text, bytes) else text.encode()
    file = PurchaseFile(ctx, Lines(BytesIO(data), encoding), mapping or {}, venues)
    try:
        return list(file)
    finally:
        file.close()


def good(ctx, *lines, header=HEADER, **more) -> list[FileRow]:
    rows = read(ctx, "\n".join((header, *lines)), **more)
    assert all(isinstance(row, FileRow) for row in rows), rows
    return rows


def reason(ctx, line, header=HEADER, **more) -> str:
    (row,) = read(ctx, f"{header}\n{line}\n", **more)
    assert isinstance(row, Rejected), row
    assert row.line == 2
    return row.reason


def test_a_row_is_read_with_money_in_fen_and_the_day_in_the_tenants_zone(tenant):
    (row,) = good(tenant, "00001,1997-01-01,1,11.77")
    assert (row.customer, row.amount_fen, row.items, row.line) == ("00001", 1177, 1, 2)
    assert row.occurred_at == datetime(1996, 12, 31, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("12", 1200),
        ("12.5", 1250),
        ("12.50", 1250),
        ("12.500", 1250),
        ("0", 0),
        ("￥8.8", 880),
        ("0.01", 1),
        ("¥ 12.50", 1250),
        ("12.50元", 1250),
        ("１２．５０", 1250),
        ("RMB 12", 1200),
    ],
)
def test_amounts_in_the_forms_people_export(tenant, text, fen):
    assert good(tenant, f"1,1997-01-01,1,{text}")[0].amount_fen == fen
    assert good(tenant, '1,1997-01-01,1,"1,234,567.80"')[0].amount_fen == 123456780


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("19970101", "1996-12-31T16:00:00+00:00"),
        ("1997/1/1", "1996-12-31T16:00:00+00:00"),
        ("1997-01-01 09:30:00", "1997-01-01T01:30:00+00:00"),
        ("1997/1/1 9:30", "1997-01-01T01:30:00+00:00"),
        ("1997年1月1日", "1996-12-31T16:00:00+00:00"),
        ("１９９７年１月１日 09:30", "1997-01-01T01:30:00+00:00"),
        ("\u200e1997-01-01\u200b", "1996-12-31T16:00:00+00:00"),
        ("1997-01-01T09:30", "1997-01-01T01:30:00+00:00"),
        ("1997-01-01T09:30:00Z", "1997-01-01T09:30:00+00:00"),
    ],
)
def test_dates_in_the_forms_people_export(tenant, text, instant):
    assert good(tenant, f"1,{text},1,5")[0].occurred_at.isoformat() == instant


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("1,1997-02-30,1,5.00", "not a date"),
        ("1,yesterday,1,5.00", "not a date"),
        ("1,,1,5.00", "not a date"),
        ("1,1997-W01-1,1,5.00", "not a date"),
        ("1,0001-01-01T00:00+14:00,1,5.00", "not a date"),
        ("1,1869-01-01,1,5.00", "before 1970"),
        ("1,2999-01-01,1,5.00", "in the future"),
        ("1,1997-01-01,1,-5.00", "negative"),
        ("1,1997-01-01,1,abc", "not a number"),
        ("1,1997-01-01,1,nan", "not a number"),
        ("1,1997-01-01,1,1e3", "not a number"),
        ("1,1997-01-01,1,", "empty"),
        ("1,1997-01-01,1,5.001", "decimals"),
        ("1,1997-01-01,1,100000000.01", "more than 100000000 yuan"),
        ("1,1997-01-01,-1,5.00", "items"),
        ("1,1997-01-01,two,5.00", "items"),
        ("1,1997-01-01,99999999,5.00", "items"),
        ("x" * 101 + ",1997-01-01,1,5.00", "customer is too long"),
        ("a\tb,1997-01-01,1,5.00", "cannot be printed"),
        ("a\x00b,1997-01-01,1,5.00", "cannot be printed"),
        ("1,1997-01-01,1", "has 3 cells"),
        ("1,1997-01-01,1,5.00,", "has 5 cells"),
        ('"1,1997-01-01,1,5.00', "never closed"),
        ("1,1997-01-01,1,5.00" + "0" * 70_000, "longer than"),
    ],
)
def test_a_row_that_cannot_be_is_rejected_with_the_reason(tenant, line, why):
    assert why in reason(tenant, line)


def test_broken_text_costs_its_own_line_only(tenant):
    data = (
        b"\xef\xbb\xbf" + HEADER.encode() + b"\r\n1,1997-01-01,1,5\r\n\xff\xfe,1997-01-01,1,5\r\n\r\n2,1997-01-01,1,5"
    )
    first, broken, last = read(tenant, data)
    assert (first.customer, first.line, last.customer, last.line) == ("1", 2, "2", 5)
    assert (broken.line, broken.reason) == (3, "byte 1 of the line is not utf-8")


def test_a_quoted_cell_may_run_over_lines_and_an_open_quote_swallows_nothing(tenant):
    header = "customer_id,date,items,amount,name"
    lines = [
        '1,1997-01-01,1,5,"Li',
        'Lei"',
        '"2,1997-01-01,1,5,x',
        "3,1997-01-01,1,5,y",
        '4,1997-01-01,1,5,5" z',
    ]
    found = read(tenant, "\n".join((header, *lines)))
    assert [(type(row).__name__, row.line) for row in found] == [
        ("Rejected", 2),  # a line break does not belong into a name
        ("Rejected", 4),
        ("FileRow", 5),
        ("FileRow", 6),
    ]
    assert "cannot be printed" in found[0].reason


def test_other_separators_and_encodings(tenant):
    assert good(tenant, "1;1997-01-01;5", header="customer;date;amount")[0].amount_fen == 500
    (row,) = read(tenant, "会员号,日期,金额\n甲,1997-01-01,5".encode("gb18030"), encoding="gb18030")
    assert row.customer == "甲"


def test_columns_are_mapped_and_unknown_ones_named(tenant):
    header = "no,when,paid,order"
    mapping = {"customer": "no", "date": "when", "amount": "paid", "id": "order"}
    (row,) = good(tenant, "7,1997-01-01,5,S-9", header=header, mapping=mapping)
    assert (row.customer, row.key) == ("7", "S-9")
    with pytest.raises(UnreadableFile, match=r"no column 'nr'; it has no, when, paid, order"):
        read(tenant, header, {**mapping, "customer": "nr"})
    with pytest.raises(UnreadableFile, match=r"no field 'sum'"):
        read(tenant, header, {**mapping, "sum": "paid"})
    with pytest.raises(UnreadableFile, match=r"no column for amount: say --map amount=COLUMN"):
        read(tenant, header, {"customer": "no", "date": "when"})
    assert "id is empty" in reason(tenant, "7,1997-01-01,5,", header=header, mapping=mapping)


def test_files_that_are_no_csv_are_named_for_what_they_are(tenant):
    for data, why in ((b"", "no header"), (b"\n1,2,3", "no header"), ("﻿a,b".encode("utf-16"), "UTF-16")):
        with pytest.raises(UnreadableFile, match=why):
            read(tenant, data)


def test_venues_and_phones_are_checked_and_a_bad_phone_is_never_repeated(tenant):
    with tenant.transaction():
        venue = tenants.add_venue(tenant, "001", "Riverside")
    header = HEADER + ",venue,phone"
    (row,) = good(tenant, "1,1997-01-01,1,5,001,+86 138-0000-0001", header=header)
    assert (row.venue, row.phone) == (venue.id, "+8613800000001")
    unknown = "1,1997-01-01,1,5,009,"
    assert "no venue '009'" in reason(tenant, unknown, header=header, venues=Venues("reject"))
    with pytest.raises(UnreadableFile, match="--venues create"):
        good(tenant, unknown, header=header)
    assert good(tenant, unknown, header=header, venues=Venues("skip"))[0].venue is None
    assert good(tenant, unknown, header=header, venues=Venues(mapping={"009": "001"}))[0].venue == venue.id
    made = good(tenant, unknown, header=header, venues=Venues("create"))[0].venue
    assert tenants.venue(tenant, "009").id == made
    assert "123456" not in reason(tenant, "1,1997-01-01,1,5,,123456", header=header)


def test_repeated_rows_have_names_of_their_own_that_do_not_hang_on_their_place(tenant):
    a, b = "1,1997-01-01,1,5.00", "2,1997-01-01,1,5.00"
    keys = [row.key for row in good(tenant, a, b, a, "1,1997/01/01,1,5")]
    assert len(set(keys)) == 4
    moved = [row.key for row in good(tenant, b, a, a)]
    assert sorted(moved) == sorted(keys[:3])


def test_counts_that_no_longer_fit_into_memory_go_on_from_the_disk(tenant, monkeypatch):
    lines = [f"{n % 7},1997-01-01,1,5.00" for n in range(50)]
    whole = [row.key for row in good(tenant, *lines)]
    for most in (1, 2, 7, 8):
        monkeypatch.setattr(rows, "MOST_COUNTS", most)
        assert [row.key for row in good(tenant, *lines)] == whole


def test_a_sale_without_a_customer_is_read(tenant):
    assert good(tenant, ",1997-01-01,1,5.00")[0].customer == ""


def test_a_workbook_is_read_directly_with_real_dates_and_numbers(tenant):
    book = Workbook()
    for row in (
        ["会员号", "日期", "金额", "件数", None],
        [1, datetime(2026, 1, 5, 14, 30), 12.5, 2],
        ["2", "2026/1/5", "¥ 1,234.50", None],
        [None, None, None, None],
        [3, datetime(2026, 1, 5), "many", 1],
    ):
        book.active.append(row)
    file = BytesIO()
    book.save(file)
    first, second, wrong = list(PurchaseFile(tenant, Sheet(file), {}))
    assert (first.customer, first.amount_fen, first.items, first.line) == ("1", 1250, 2, 2)
    assert first.occurred_at == datetime(2026, 1, 5, 6, 30, tzinfo=UTC)
    assert (second.amount_fen, second.occurred_at) == (123450, datetime(2026, 1, 4, 16, 0, tzinfo=UTC))
    assert (wrong.line, "not a number" in wrong.reason) == (5, True)
    with pytest.raises(UnreadableFile, match=r"\.xlsx"):
        Lines(BytesIO(file.getvalue()))
    with pytest.raises(UnreadableFile, match=r"no \.xlsx"):
        Sheet(BytesIO(b"a,b"))


def test_an_afternoon_in_words_is_refused_and_never_read_as_a_morning(tenant):
    assert "is not a date" in reason(tenant, "1,2026/1/5 下午3:30,1,5.00")


def test_a_file_in_gbk_is_told_the_encoding(tenant):
    with pytest.raises(UnreadableFile, match="--encoding gb18030"):
        read(tenant, "会员号,日期,金额".encode("gbk"))
