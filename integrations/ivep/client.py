"""Call IVEP. Nothing public says what its interface is, so it is the open protocol of `integrations.qinniao`:

- ``GET /v1/coaches`` is the list of coaches, ``GET /v1/relations`` of who has which, both by cursor.
- ``GET /v1/relations?member=NUMBER`` is the same list for one member, by the SaaS's number of them.
- Pushes carry an item of these lists: ``coach.assigned``, ``coach.released`` (a relation), ``coach.updated``.

Calls are signed, answered and paged as those of the SaaS are; the settings may name another way to sign.
"""

from datetime import datetime

from integrations.ivep.wire import IvepCoach, IvepRelation
from integrations.qinniao import MAX_PAGE, ProtocolClient, PullPage, QinniaoUnavailable, list_params

MOST_PAGES = 5  # of one member's relations


class IvepClient(ProtocolClient):
    """Call the IVEP of one brand. Its methods raise `QinniaoError`, `QinniaoUnavailable`."""

    def coaches(
        self, cursor: str | None = None, limit: int = MAX_PAGE, updated_since: datetime | None = None
    ) -> PullPage[IvepCoach]:
        return self.get_page("/v1/coaches", IvepCoach, list_params(cursor, limit, updated_since))

    def relations(
        self, cursor: str | None = None, limit: int = MAX_PAGE, updated_since: datetime | None = None
    ) -> PullPage[IvepRelation]:
        return self.get_page("/v1/relations", IvepRelation, list_params(cursor, limit, updated_since))

    def relations_of(self, member: str) -> list[IvepRelation]:
        """Return the relations of one member, by the SaaS's number of them.

        Those of others, which a server that does not know the filter answers, are left out.
        """
        found: list[IvepRelation] = []
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            params = {"member": member, **list_params(cursor, MAX_PAGE, None)}
            page = self.get_page("/v1/relations", IvepRelation, params)
            found += [relation for relation in page.items if relation.member_id == member]
            if page.rejected and not page.items:
                raise QinniaoUnavailable(None, f"no relation can be read: {page.rejected[0].reason}")
            if not page.has_more:
                break
            cursor = page.next_cursor
        return found
