"""What bulk grants hear and contribute."""

from plugins.bulk_grants import api, console, service
from roost import Context, Contribution, Job, Veto, hookimpl


@hookimpl
def contribute() -> Contribution:
    return Contribution(
        endpoints=[api.staff],
        resources=[console.BATCHES, console.RECIPIENTS],
        jobs=[Job("run", service.Step, service.run), Job("recall", service.Step, service.run_recall)],
    )


@hookimpl
def may_switch_off(ctx: Context) -> Veto | None:
    """Refuse while a batch is given or taken back."""
    return service.may_switch_off(ctx)
