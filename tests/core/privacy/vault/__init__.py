"""A plugin for tests of sealed columns."""
