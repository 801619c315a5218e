"""Tells a tenant's own systems what happened: signed, tried again, visible, to be replayed."""
