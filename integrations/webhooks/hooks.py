"""What webhooks hears and declares."""

from collections.abc import Sequence

from integrations.webhooks import api, console, deliveries, jobs
from integrations.webhooks.schemas import WebhooksSettings
from roost import Context, Endpoints, Job, Listener, Page, Panel, Resource, Schedule, hookimpl


@hookimpl
def register_settings() -> type[WebhooksSettings]:
    """Declare the settings."""
    return WebhooksSettings


@hookimpl
def register_routes() -> Sequence[Endpoints]:
    """Declare the staff API."""
    return (api.staff,)


@hookimpl
def register_resources() -> Sequence[Resource]:
    """Declare the tables of the console."""
    return (console.addresses, console.sent, console.attempts)


@hookimpl
def register_pages() -> Sequence[Page]:
    """Declare the list of facts."""
    return (console.facts_page,)


@hookimpl
def register_panels() -> Sequence[Panel]:
    """Declare the figures."""
    return (console.status,)


@hookimpl
def register_jobs() -> Sequence[Job]:
    """Declare the jobs."""
    return jobs.JOBS


@hookimpl
def register_schedules() -> Sequence[Schedule]:
    """Declare what runs by the clock."""
    return jobs.SCHEDULES


@hookimpl
def register_listener() -> Listener:
    """Declare that it hears whatever an address subscribes to."""
    return Listener(deliveries.wanted, deliveries.hear)


@hookimpl
def purge_tenant(ctx: Context) -> None:
    """Delete everything of the tenant."""
    deliveries.purge(ctx)
