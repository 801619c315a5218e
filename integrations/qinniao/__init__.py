"""The SaaS of the venues: leads go there; memberships, orders and gate scans come from there.

The face of the plugin: `import_csv` brings a brand's members in where there is no API. Facts:
`membership_changed`.
"""

from integrations.qinniao.csv_import import ImportReport, import_csv

__all__ = ["ImportReport", "import_csv"]
