"""What webhooks hears and declares."""

from integrations.webhooks import api, console, deliveries, jobs
from integrations.webhooks.schemas import WebhooksSettings
from roost import Contribution, Listener, hookimpl


@hookimpl
def contribute() -> Contribution:
    return Contribution(
        settings=WebhooksSettings,
        endpoints=(api.staff,),
        resources=(console.addresses, console.sent, console.attempts),
        pages=(console.facts_page,),
        panels=(console.status,),
        jobs=jobs.JOBS,
        schedules=jobs.SCHEDULES,
        listener=Listener(deliveries.wanted, deliveries.hear),
    )
