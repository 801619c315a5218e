"""`python -m hosts.cli`: the same as `roost`, for child processes of one environment."""

from hosts.cli import main

main()
