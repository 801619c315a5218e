"""The audit trail: append-only rows in the act's own transaction, sealed afterwards in hash-chained blocks."""

from core.audit.models import Audit, AuditBlock
from core.audit.record import AuditPage, AuditView, find, record
from core.audit.seal import CORE_JOBS, Fault, Head, SealPayload, head, prune, seal, verify

__all__ = [
    "CORE_JOBS",
    "Audit",
    "AuditBlock",
    "AuditPage",
    "AuditView",
    "Fault",
    "Head",
    "SealPayload",
    "find",
    "head",
    "prune",
    "record",
    "seal",
    "verify",
]
