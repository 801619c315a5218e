"""Processes that run core and plugins: REST, console, worker, command line, and the test kit."""
