"""How fast Roost is beside what the same machine can do without it. `make bench` runs it."""
