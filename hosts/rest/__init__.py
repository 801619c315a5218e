"""The REST host: interprets the endpoints that core and plugins declare. See docs/rest.md."""
