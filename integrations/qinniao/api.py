"""What staff and operators call beside the console's resources."""

from integrations.qinniao import reconcile
from roost import Context, Endpoints

staff = Endpoints("staff")


@staff.post("/reconciliation", permission="qinniao.retry", status=204, rate="6/hour")
def start_reconciliation(ctx: Context) -> None:
    """Start fetching what pushes missed, now; a run that is at work is taken over."""
    reconcile.Pull.start(ctx)
