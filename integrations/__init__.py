"""Plugins whose subject is an outside system: one folder each, with a client, and a fake upon `fake_server`."""
