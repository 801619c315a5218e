"""What staff and members call things of feedback."""

from roost import Text

CATEGORIES = {
    "facility": Text("设施", "facility"),
    "hygiene": Text("卫生", "hygiene"),
    "coach": Text("教练", "coach"),
    "course": Text("课程", "course"),
    "fee": Text("费用", "fee"),
    "other": Text("其他", "other"),
}
