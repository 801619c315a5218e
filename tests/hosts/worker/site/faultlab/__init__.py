"""A plugin for tests of the worker: its effects are not idempotent, so that one that happens twice shows."""
