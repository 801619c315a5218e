#!/bin/sh
# pybreaker 1.4.1: an error that the breaker is told to exclude counts as a success, and clears the failures before it.
# Seen: forty calls of which four in five time out and the fifth is an excluded refusal leave the circuit closed.
# Met by Roost: SMS and Qinniao. A refusal now leaves the count as it is (integrations/sms/routing.py,
# integrations/qinniao/circuit.py).
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pybreaker==1.4.1
cd "$folder"
venv/bin/python - <<'EOF'
import pybreaker


class Refused(Exception):
    """What the caller did wrong; says nothing of the server's health."""


def ask(error):
    raise error


def state_after(errors):
    breaker = pybreaker.CircuitBreaker(fail_max=5, exclude=[Refused], throw_new_error_on_trip=False)
    for error in errors:
        try:
            breaker.call(ask, error)
        except (Refused, TimeoutError, pybreaker.CircuitBreakerError):
            pass
    return breaker.current_state, breaker.fail_counter


only_timeouts = state_after([TimeoutError() for _ in range(5)])
mixed = state_after([Refused() if n % 5 == 0 else TimeoutError() for n in range(1, 41)])
print("five time-outs:", only_timeouts)
print("32 time-outs, 8 refusals:", mixed)
assert only_timeouts == ("open", 5)
assert mixed == ("closed", 0)
EOF
