"""HTTP to addresses that tenants and members name, which must not lead into our own network.

`session(ctx).post(url, …)` is the door. An address is refused unless it is http or https, on a port of the
deployment's, without credentials. The name is looked up once for each connection; each address found is checked, and
the socket is opened to exactly one of these, so that a name which answers differently the second time leads nowhere
else. The certificate, SNI and the Host header are still the name's. Proxies and `.netrc` of the environment are not
used. A client of one server that a tenant's settings name keeps connections: `kept(ctx)` gives its `requests.Session`.

What may be reached beside the public internet says `ROOST_EGRESS_ALLOW` (networks, none by default), on which ports
elsewhere `ROOST_EGRESS_PORTS`.

- call: session, kept, client, pool_manager
- ask first: check, is_public, look_up
"""

from core.egress.addresses import Failed, Policy, Refused, is_public
from core.egress.clients import AddressRefused, client, kept
from core.egress.connections import Adapter, look_up, pool_manager
from core.egress.session import Reply, Session, check, session

__all__ = [
    "Adapter",
    "AddressRefused",
    "Failed",
    "Policy",
    "Refused",
    "Reply",
    "Session",
    "check",
    "client",
    "is_public",
    "kept",
    "look_up",
    "pool_manager",
    "session",
]
