"""What staff see of any server of the open protocol: its pushes, and how its lists are read."""

from collections.abc import Mapping, Sequence

from roost import Column, Text

EVENT_STATES = {
    "received": Text("待处理", "received"),
    "done": Text("已处理", "done"),
    "stale": Text("已过时", "superseded"),
    "waiting": Text("待匹配", "unmatched"),
    "stored": Text("仅存档", "stored only"),
    "ignored": Text("已忽略", "ignored"),
    "failed": Text("失败", "failed"),
}
LIST_STATES = {
    "idle": Text("空闲", "idle"),
    "running": Text("进行中", "running"),
    "failed": Text("失败", "failed"),
}


def columns_of_pushes(events: Mapping[str, Text]) -> Sequence[Column]:
    """Return the columns of a `PushedTable`, of which `events` are the types."""
    return (
        Column("received_at", Text("收到", "Received"), "time", filter=True),
        Column("event_type", Text("事件", "Event"), "choice", choices=events, filter=True),
        Column("member", Text("会员", "Member"), "member", filter=True),
        Column("venue", Text("门店", "Venue"), "venue", filter=True),
        Column("state", Text("状态", "State"), "choice", choices=EVENT_STATES, filter=True),
        Column("note", Text("说明", "Note")),
        Column("occurred_at", Text("发生", "Occurred"), "time"),
        Column("processed_at", Text("处理", "Processed"), "time", list=False),
        Column("event_id", Text("事件号", "Event id"), filter=True, list=False),
    )


def columns_of_lists(kinds: Mapping[str, Text]) -> Sequence[Column]:
    """Return the columns of a `ListTable`, of which `kinds` are the lists."""
    return (
        Column("kind", Text("列表", "List"), "choice", choices=kinds, filter=True),
        Column("state", Text("状态", "State"), "choice", choices=LIST_STATES, filter=True),
        Column("finished_at", Text("上次完成", "Last finished"), "time"),
        Column("items", Text("条数", "Items"), "int", says="of the last run"),
        Column("found", Text("补回", "Found"), "int", says="of those, news that no push had brought"),
        Column("rejected", Text("无法识别", "Unreadable"), "int"),
        Column("error", Text("说明", "Note")),
        Column("tries", Text("失败次数", "Failures"), "int", list=False),
        Column("started_on", Text("开始日期", "Started on"), "date", list=False),
    )
