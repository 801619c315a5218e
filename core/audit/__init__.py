"""The audit trail: rows in the act's own transaction, sealed afterwards in hash-chained blocks."""

from core.audit.models import Audit, AuditBlock
from core.audit.record import AuditPage, AuditView, find, record
from core.audit.seal import Fault, Head, head, prune, seal, verify

__all__ = [
    "Audit",
    "AuditBlock",
    "AuditPage",
    "AuditView",
    "Fault",
    "Head",
    "find",
    "head",
    "prune",
    "record",
    "seal",
    "verify",
]
