"""Staff and coaches are of their class for as long as a list of another system names their phone, and no longer."""

import threading
from collections.abc import Callable

import pytest
from pydantic import SecretStr

from core import db, members
from core.audit.models import Audit
from core.contract.context import Context
from core.members import class_lists
from core.members.models import ClassListing
from core.privacy import Keyring, new_key
from core.runtime import Runtime
from core.words import said

PHONE, OTHER = "13800001111", "13800002222"


@pytest.fixture
def saas(tenant: Context) -> Context:
    return tenant.for_plugin("qinniao")


@pytest.fixture
def ivep(tenant: Context) -> Context:
    return tenant.for_plugin("ivep")


def listed(ctx: Context, number: str = "s-1", phone: str = PHONE, class_: str = "staff") -> bool:
    with ctx.transaction():
        return members.put_on_list(ctx, number, phone, class_)


def dropped(ctx: Context, number: str = "s-1") -> bool:
    with ctx.transaction():
        return members.take_off_list(ctx, number)


def registered(ctx: Context, phone: str | None = PHONE, **more: str) -> members.MemberView:
    with ctx.transaction():
        return members.register(ctx, channel="wechat", phone=phone, **more)[0]


def class_of(ctx: Context, member: members.MemberView) -> str:
    with ctx.transaction():
        return members.get(ctx, member.id).class_


def test_whoever_has_the_phone_is_of_the_class_and_is_not_when_the_list_drops_them(saas: Context) -> None:
    one = registered(saas)
    assert listed(saas)
    assert not listed(saas, phone="138 0000-1111")
    assert class_of(saas, one) == "staff"
    assert dropped(saas)
    assert not dropped(saas)
    assert class_of(saas, one) == "ordinary"
    reasons = [
        said(row.details["reason"], "en") for row in Audit.scoped(saas).select() if row.action == "member.class_set"
    ]
    assert reasons == ["by the list of qinniao"] * 2


def test_a_list_may_be_there_before_the_member(saas: Context) -> None:
    listed(saas, class_="coach")
    assert registered(saas).class_ == "coach"
    with saas.transaction():
        rows = [members.NewMember("file", str(n), phone=phone) for n, phone in enumerate(("13800003333", OTHER))]
        listed_many = members.put_on_list(saas, "s-2", OTHER, "staff")
        made = members.register_many(saas, rows)
        assert listed_many
        assert [members.get(saas, made[n]).class_ for n in ("0", "1")] == ["ordinary", "staff"]


def test_the_class_goes_with_the_phone(saas: Context) -> None:
    listed(saas)
    one, two = registered(saas), registered(saas, OTHER)
    with saas.transaction():
        members.change_phone(saas, one.id, "13800009999")
    assert class_of(saas, one) == "ordinary"
    with saas.transaction():
        members.change_phone(saas, two.id, PHONE)
    assert class_of(saas, two) == "staff"
    listed(saas, phone="13800009999")
    assert (class_of(saas, one), class_of(saas, two)) == ("staff", "ordinary")


def test_a_merge_brings_the_class_with_the_phone_and_its_undoing_takes_it_back(saas: Context) -> None:
    listed(saas)
    without, one = registered(saas, None, external_id="open-1"), registered(saas)
    with saas.transaction():
        members.merge(saas, without.id, one.id, "the same person")
    assert class_of(saas, without) == "staff"
    with saas.transaction():
        members.unmerge(saas, one.id, "they are not")
    assert (class_of(saas, without), class_of(saas, one)) == ("ordinary", "staff")


@pytest.mark.parametrize("before", ["vip", "staff"])
def test_what_staff_set_by_hand_before_comes_back(saas: Context, before: str) -> None:
    one = registered(saas)
    with saas.transaction():
        members.set_class(saas, one.id, before, "by hand")
    listed(saas)
    assert class_of(saas, one) == "staff"
    dropped(saas)
    assert class_of(saas, one) == before


@pytest.mark.parametrize("chosen", ["vip", "staff"])
def test_what_staff_set_by_hand_since_stays(saas: Context, ivep: Context, chosen: str) -> None:
    one = registered(saas)
    listed(saas)
    listed(ivep)
    with saas.transaction():
        members.set_class(saas, one.id, chosen, "by hand")
    dropped(ivep)
    assert class_of(saas, one) == chosen
    dropped(saas)
    assert class_of(saas, one) == chosen


def test_of_two_lists_the_coaches_counts_and_each_takes_away_its_own(saas: Context, ivep: Context) -> None:
    one = registered(saas)
    listed(saas)
    listed(ivep, class_="coach")
    assert class_of(saas, one) == "coach"
    dropped(ivep)
    assert class_of(saas, one) == "staff"
    dropped(saas)
    assert class_of(saas, one) == "ordinary"


def test_a_phone_that_nobody_can_have_is_on_the_list_without_effect(saas: Context) -> None:
    assert listed(saas, phone="021-5555 0000")
    assert not listed(saas, phone="")
    assert listed(saas)  # and is put right later
    assert registered(saas).class_ == "staff"


def test_erasing_a_member_forgets_the_lists_phone(saas: Context) -> None:
    one = registered(saas)
    listed(saas)
    assert PHONE.encode() not in bytes(ClassListing.scoped(saas).get().list_phone)
    with saas.transaction():
        members.erase(saas, one.id, "asked for it")
    row = ClassListing.scoped(saas).get()
    assert (row.list_phone, row.phone_blind) == (None, None)
    assert registered(saas).class_ == "ordinary"


def test_the_lists_outlive_the_keys_they_were_sealed_with(
    saas: Context, runtime: Runtime, drain: Callable[[], int]
) -> None:
    listed(saas)
    values = runtime.settings.model_dump()
    for name in ("encryption_keys", "index_keys"):
        values[name] = SecretStr(f"2:{new_key()},{values[name].get_secret_value()}")
    runtime.keyring = ring = Keyring.from_settings(type(runtime.settings)(_env_file=None, **values))
    with saas.transaction():
        members.start_rotation(saas)
    drain()
    ring._index = ring._index[:1]  # the old keys are taken out of the settings
    ring._encryption.pop(1)
    assert not listed(saas), "its phone can be read"
    assert registered(saas).class_ == "staff"


def race(ctx: Context) -> str:
    """Register a phone, and put it on a list before that is committed; return the class that comes of it."""
    seen, over = threading.Event(), threading.Event()

    def list_it() -> None:
        with db.connection():
            seen.wait(timeout=30)
            listed(ctx)
            over.set()

    other = threading.Thread(target=list_it)
    other.start()
    with ctx.transaction():
        one, _ = members.register(ctx, channel="wechat", phone=PHONE)
        seen.set()
        over.wait(timeout=1)  # the list waits for us; without its lock it is done by now
    other.join(timeout=30)
    return class_of(ctx, one)


@pytest.mark.engines("postgresql")
def test_a_registration_and_a_list_at_the_same_time_find_each_other(saas: Context) -> None:
    assert race(saas) == "staff"


@pytest.mark.engines("postgresql")
def test_without_their_lock_they_would_miss_each_other(saas: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control."""
    monkeypatch.setattr(class_lists, "alone", lambda ctx: None)
    assert race(saas) == "ordinary"
