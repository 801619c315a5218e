"""The pytest plugin that Roost's tests and third-party authors share. See docs/plugins.md."""
