"""HTTP to addresses that others name, which must not lead into our own network. It stands alone: nothing of Roost.

An address is refused unless it is http or https, on a port of the policy's, without credentials. The name is looked up
once for each connection; each address found is checked, and the socket is opened to exactly one of these, so that a
name which answers differently the second time leads nowhere else. The certificate, SNI and the Host header are still
the name's. Proxies and `.netrc` of the environment are not used.

- what may be reached, and which errors are raised: Policy, is_public, look_up
- call: Session, and of requests: client, kept, Adapter; of urllib3: pool_manager
"""

from egress.addresses import Failed, Policy, Refused, is_public
from egress.clients import AddressRefused, client, kept
from egress.connections import Adapter, look_up, pool_manager
from egress.session import Reply, Session

__all__ = [
    "Adapter",
    "AddressRefused",
    "Failed",
    "Policy",
    "Refused",
    "Reply",
    "Session",
    "client",
    "is_public",
    "kept",
    "look_up",
    "pool_manager",
]
