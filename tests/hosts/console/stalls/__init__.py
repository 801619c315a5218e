"""A plugin that tests of the console declare resources with."""
