"""The worker: Huey rings the bell, the database holds the work."""
