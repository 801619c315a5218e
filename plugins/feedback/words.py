"""What staff and members call things of feedback."""

from roost import Text

CATEGORIES = {
    "facility": Text(zh="设施", en="facility"),
    "hygiene": Text(zh="卫生", en="hygiene"),
    "coach": Text(zh="教练", en="coach"),
    "course": Text(zh="课程", en="course"),
    "fee": Text(zh="费用", en="fee"),
    "other": Text(zh="其他", en="other"),
}
