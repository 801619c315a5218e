"""Surveys: who is asked, what is kept of an answer, and that nobody is asked too often."""

import threading

import pytest

from core import db, tenants
from core.members import erase, export, merge
from plugins.feedback import figures, rounds, service, surveys
from plugins.feedback.models import FeedbackAsked, FeedbackRound, FeedbackSurvey
from plugins.feedback.schemas import NewCase, NewRound, Said, SurveyAnswer

SCORES = [5, 4, 3]


@pytest.fixture
def venues(tenant, enable_plugin):
    enable_plugin("feedback")
    with tenant.transaction():
        return [tenants.add_venue(tenant, code, code).id for code in ("east", "west")]


@pytest.fixture
def act(tenant):
    """Return a function that does something in a transaction, on behalf of the plugin."""

    def do(what, *arguments, **more):
        with tenant.transaction():
            return what(tenant.for_plugin("feedback"), *arguments, **more)

    return do


@pytest.fixture
def solve(act, venues):
    """Return a function that opens and solves a case of a member."""

    def do(view, venue=0):
        case = act(service.open_case, view.id, NewCase(venue=venues[venue], category="fee", text="x"))
        act(service.solve, case.id, Said(text="done"))
        return case.id

    return do


@pytest.fixture
def ask_all(act, drain):
    """Return a function that opens a round and asks all its members."""

    def do(**values):
        row = act(rounds.open_round, NewRound(title="autumn", **values))
        drain()
        return act(lambda ctx: FeedbackRound.scoped(ctx).get(FeedbackRound.id == row.id))

    return do


def rows(tenant, *where):
    query = FeedbackSurvey.scoped(tenant).select()
    return list((query.where(*where) if where else query).order_by(FeedbackSurvey.id))


def survey_of(api, view):
    return api.get("/v1/feedback/survey", token=api.as_member(view)).json["survey"]


def send(api, view, what, body=None, survey=None):
    survey = survey or survey_of(api, view)["id"]
    return api.post(f"/v1/feedback/surveys/{survey}/{what}", token=api.as_member(view), json=body)


# --- after a case ----------------------------------------------------------------------------------------------------


def test_a_solved_case_brings_its_member_a_survey_that_they_answer(solve, member, api, venues):
    view = member()
    assert survey_of(api, view) is None
    case = solve(view)
    waiting = survey_of(api, view)
    assert (waiting["case"], waiting["questions"]) == (str(case), ["总体满意度", "工作人员态度", "处理速度"])
    done = send(api, view, "answer", {"scores": SCORES, "text": "谢谢"})
    assert (done.status_code, done.json["state"], done.json["scores"]) == (200, "answered", SCORES)
    assert survey_of(api, view) is None


def test_the_same_answer_again_changes_nothing_and_another_is_refused(solve, member, api, tenant, drain):
    view = member()
    solve(view)
    survey = survey_of(api, view)["id"]
    first = send(api, view, "answer", {"scores": SCORES, "text": "谢谢"}, survey)
    again = send(api, view, "answer", {"scores": SCORES, "text": "谢谢"}, survey)
    assert (again.status_code, again.json) == (200, first.json)
    for other in ({"scores": [1, 1, 1], "text": "谢谢"}, {"scores": SCORES}):
        refused = send(api, view, "answer", other, survey)
        assert (refused.status_code, refused.json["code"]) == (409, "answered")
    assert send(api, view, "decline", survey=survey).json["code"] == "survey_over"
    assert [a.score for a in surveys.scores(tenant, [rows(tenant)[0].id])[rows(tenant)[0].id]] == SCORES


@pytest.mark.parametrize(
    "body",
    [
        {"scores": [5, 4]},
        {"scores": [5, 4, 3, 2]},
        {"scores": [5, 4, 6]},
        {"scores": [5, 4, 0]},
        {"scores": SCORES, "text": "x" * 501},
        {"scores": []},
    ],
)
def test_a_wrong_answer_is_refused_and_the_survey_stays_open(solve, member, api, tenant, body):
    view = member()
    solve(view)
    refused = send(api, view, "answer", body)
    assert refused.status_code == 422
    assert refused.json["fields"]
    assert rows(tenant)[0].state == "open"


def test_a_member_may_decline_and_again(solve, member, api):
    view = member()
    solve(view)
    survey = survey_of(api, view)["id"]
    assert [send(api, view, "decline", survey=survey).json["state"] for _ in range(2)] == ["declined", "declined"]
    assert send(api, view, "answer", {"scores": SCORES}, survey).json["code"] == "survey_over"


def test_nobody_answers_the_survey_of_another(solve, member, api):
    view, stranger = member(), member()
    solve(view)
    survey = survey_of(api, view)["id"]
    assert send(api, stranger, "answer", {"scores": SCORES}, survey).status_code == 404
    assert send(api, stranger, "decline", survey=survey).status_code == 404


@pytest.mark.parametrize(("setting", "after_solving", "after_closing"), [("closed", 0, 1), ("never", 0, 0)])
def test_the_brand_says_when_a_case_brings_a_survey(
    enable_plugin, solve, member, tenant, clock, tick, setting, after_solving, after_closing
):
    enable_plugin("feedback", survey_after=setting)
    solve(member())
    assert len(rows(tenant)) == after_solving
    clock.advance(days=8)
    tick()
    assert len(rows(tenant)) == after_closing


def test_an_unanswered_survey_expires_with_its_days(solve, member, api, tenant, clock, tick):
    view = member()
    solve(view)
    survey = survey_of(api, view)["id"]
    clock.advance(days=14)
    assert survey_of(api, view) is None
    assert send(api, view, "answer", {"scores": SCORES}, survey).json["code"] == "survey_over"
    clock.advance(hours=1)
    tick()
    assert rows(tenant)[0].state == "expired"


def test_who_was_erased_is_asked_nothing(act, venues, member, tenant):
    view = member()
    case = act(service.open_case, view.id, NewCase(venue=venues[0], category="fee", text="x"))
    with tenant.transaction():
        erase(tenant, view.id, "asked")
    act(service.solve, case.id, Said(text="done"))
    assert rows(tenant) == []


# --- at most once in so many days ------------------------------------------------------------------------------------


def test_one_survey_in_ninety_days_over_cases_and_rounds(solve, ask_all, member, tenant, clock):
    view = member(state="member")
    solve(view)
    solve(view)
    assert (ask_all().offered, len(rows(tenant))) == (0, 1)
    clock.advance(days=89)
    solve(view)
    assert len(rows(tenant)) == 1
    clock.advance(days=1)
    asked = ask_all()
    assert (asked.offered, asked.passed_over, len(rows(tenant))) == (1, 0, 2)
    solve(view)
    assert len(rows(tenant)) == 2


def test_the_days_between_surveys_are_a_setting(enable_plugin, solve, member, tenant, clock):
    enable_plugin("feedback", survey_days=10)
    view = member()
    solve(view)
    clock.advance(days=10)
    solve(view)
    assert len(rows(tenant)) == 2


def _read_then_write(barrier):
    """Return what `_may_ask` would be without its condition in the row's update."""

    def may_ask(ctx, member):
        held = FeedbackAsked.scoped(ctx).first(FeedbackAsked.member == member)
        due = (ctx.now() - held.asked_at).days >= 90
        barrier.wait(timeout=30)
        if due:
            FeedbackAsked.scoped(ctx).update(asked_at=ctx.now()).where(FeedbackAsked.member == member).execute()
        return due

    return may_ask


@pytest.mark.engines("postgresql")  # SQLite has one writer
@pytest.mark.parametrize("guarded", [True, False])
def test_two_who_ask_at_once_ask_once_and_twice_without_the_condition(
    solve, act, member, tenant, clock, monkeypatch, guarded
):
    view = member()
    solve(view)
    clock.advance(days=90)
    barrier, done = threading.Barrier(2), []
    if not guarded:
        monkeypatch.setattr(surveys, "_may_ask", _read_then_write(barrier))

    def ask():
        with db.connection():
            if guarded:
                barrier.wait(timeout=30)
            done.append(act(surveys.offer, view.id, ["a"], venue=None, expires_at=clock.now()))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([one for one in done if one is not None]) == (1 if guarded else 2)


# --- rounds ----------------------------------------------------------------------------------------------------------


def test_a_round_asks_the_members_of_its_states_and_venue(ask_all, member, venues, tenant):
    wanted = [member(state="member", venue=venues[0]), member(venue=venues[0])]
    member(state="member", venue=venues[1])
    asked = ask_all(states=["lead", "member"], venue=venues[0], questions=["环境"])
    assert (asked.state, asked.offered) == ("open", 2)
    assert {row.member for row in rows(tenant)} == {view.id for view in wanted}
    assert {row.venue for row in rows(tenant)} == {venues[0]}
    assert rows(tenant)[0].questions == ["环境"]


def test_a_round_asks_in_batches_and_each_member_once(ask_all, member, venues, tenant, monkeypatch):
    monkeypatch.setattr(rounds, "BATCH", 2)
    views = [member(state="member") for _ in range(5)] + [member()]
    asked = ask_all(states=["member", "lead"])
    assert asked.offered == 6
    assert sorted(row.member for row in rows(tenant)) == sorted(view.id for view in views)


def test_a_closed_round_asks_nobody_more_and_takes_no_answer(ask_all, act, venues, member, api, tenant, drain):
    view = member(state="member")
    asked = act(rounds.open_round, NewRound(title="autumn"))
    act(rounds.close, asked.id, None)
    drain()
    assert rows(tenant) == []
    second = ask_all()
    survey = survey_of(api, view)["id"]
    act(rounds.close, second.id, None)
    assert survey_of(api, view) is None
    assert send(api, view, "answer", {"scores": SCORES}, survey).json["code"] == "survey_over"


def test_a_round_closes_when_its_days_have_passed(ask_all, venues, member, tenant, clock, tick):
    member(state="member")
    ask_all(days=3)
    clock.advance(days=3, hours=1)
    tick()
    assert (FeedbackRound.scoped(tenant).first().state, rows(tenant)[0].state) == ("closed", "expired")


def test_staff_open_a_round_and_read_its_averages(member, api, venues, drain):
    views = [member(state="member", venue=venues[0]) for _ in range(3)]
    token = api.as_staff("feedback.view", "feedback.surveys")
    body = {"title": "autumn", "questions": ["环境", "教练"], "venue": str(venues[0])}
    made = api.post("/admin/v1/feedback/rounds", token=token, json=body)
    assert made.status_code == 201, made.text
    drain()
    for view, scores in zip(views, ([5, 4], [2, 4]), strict=False):
        assert send(api, view, "answer", {"scores": scores}).status_code == 200
    send(api, views[2], "decline")
    shown = api.get(f"/admin/v1/feedback/rounds/{made.json['id']}", token=token).json
    assert (shown["offered"], shown["answered"], shown["declined"], shown["average"]) == (3, 2, 1, 3.75)
    assert {r["question"]: (r["average"], r["counts"]) for r in shown["results"]} == {
        "教练": (4.0, [0, 0, 0, 2, 0]),
        "环境": (3.5, [0, 1, 0, 0, 1]),
    }
    lines = api.get("/admin/v1/feedback/surveys", token=token).json["items"]
    assert sorted(line["average"] or 0 for line in lines) == [0, 3.0, 4.5]


def test_without_the_permission_nobody_opens_a_round(api, venues):
    token = api.as_staff("feedback.view")
    assert api.post("/admin/v1/feedback/rounds", token=token, json={"title": "x"}).status_code == 403


def test_figures_are_of_a_period_and_a_venue(solve, member, act, venues, tenant, clock):
    for venue, scores in ((0, [5, 5, 5]), (1, [1, 2, 3])):
        view = member()
        solve(view, venue)
        act(surveys.answer, view.id, rows(tenant, FeedbackSurvey.member == view.id)[0].id, SurveyAnswer(scores=scores))
    shown = figures.page(tenant, {"days": "7", "venue": str(venues[1])})
    assert (shown["average"], shown["offered"], shown["answered"]) == (2.0, 1, 1)
    assert figures.page(tenant, {"days": "nonsense", "venue": "nonsense"})["average"] == 3.5
    clock.advance(days=7)
    assert figures.page(tenant, {"days": "7"})["average"] is None


# --- privacy ---------------------------------------------------------------------------------------------------------


def test_a_copy_of_a_members_data_has_their_surveys(solve, member, act, tenant):
    view = member()
    solve(view)
    act(surveys.answer, view.id, rows(tenant)[0].id, SurveyAnswer(scores=SCORES, text="谢谢"))
    with tenant.transaction():
        kept = export(tenant, view.id)["plugins"]["feedback"]["surveys"]
    assert (kept[0]["state"], kept[0]["text"], [s["score"] for s in kept[0]["scores"]]) == ("answered", "谢谢", SCORES)


def test_erasing_removes_their_words_and_ends_what_is_open_but_keeps_the_scores(solve, member, act, tenant, clock):
    view = member()
    solve(view)
    act(surveys.answer, view.id, rows(tenant)[0].id, SurveyAnswer(scores=SCORES, text="我叫李雷"))
    clock.advance(days=90)
    solve(view)
    with tenant.transaction():
        erase(tenant, view.id, "asked")
    first, second = rows(tenant)
    assert (first.text, second.state) == ("（已应会员要求删除）", "expired")
    assert [a.score for a in surveys.scores(tenant, [first.id])[first.id]] == SCORES
    assert FeedbackAsked.scoped(tenant).select().count() == 0


def test_merged_members_share_surveys_and_the_later_day_of_asking(solve, member, tenant, api, clock):
    view, other = member(), member()
    solve(view)
    clock.advance(days=60)
    solve(other)
    with tenant.transaction():
        merge(tenant, view.id, other.id, "one person")
    assert {row.member for row in rows(tenant)} == {view.id}
    clock.advance(days=40)  # 100 since the one, 40 since the other
    solve(view)
    assert len(rows(tenant)) == 2
    clock.advance(days=50)
    solve(view)
    assert len(rows(tenant)) == 3


def test_after_a_merge_one_survey_is_open(solve, member, tenant):
    view, other = member(), member()
    solve(view)
    solve(other)
    with tenant.transaction():
        merge(tenant, view.id, other.id, "one person")
    assert sorted((row.member, row.state) for row in rows(tenant)) == [(view.id, "expired"), (view.id, "open")]
