"""The outbox, jobs, leases, schedules, chains, dead letters and replay."""
