"""The SaaS of the venues: leads go there; memberships, orders and gate scans come from there.

Fact: `membership_changed`. For a brand without an API its people come by `roost import saas-members`.
"""
