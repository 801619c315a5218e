"""Flash sales: timed sessions, first come, first served."""
