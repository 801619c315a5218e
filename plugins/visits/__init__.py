"""Visits: who came, where and when; who has stayed away, and who came back.

The face of the plugin: integrations that hear of a gate scan call `record`, in their own transaction.
"""

from plugins.visits.schemas import VisitView
from plugins.visits.service import find, record

__all__ = ["VisitView", "find", "record"]
