"""A plugin that takes every kind of parameter; only tests load it."""
