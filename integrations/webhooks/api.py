"""What staff call beside the console's resources."""

from integrations.webhooks import catalogue
from integrations.webhooks.schemas import FactsOut
from roost import Context, Endpoints

staff = Endpoints("staff")


@staff.get("/facts", permission="webhooks.view")
def list_facts(ctx: Context) -> FactsOut:
    """List the facts that an address may subscribe to, with what each tells."""
    return FactsOut(items=catalogue.facts(ctx))
