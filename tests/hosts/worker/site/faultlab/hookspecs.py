"""The fact of the laboratory."""

from roost import Context, Fact, Text, fact


class LabStruck(Fact):
    """Something to deliver. `rounds` is how much work the handler does before it ends."""

    label = Text("测试事件", "Lab struck")

    number: int
    rounds: int = 0
    echo: bool = False  # publish another fact from the handler


@fact(since="1.0")
def lab_struck(ctx: Context, fact: LabStruck) -> None:
    """Fires when a test says so."""
