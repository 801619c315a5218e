#!/bin/sh
# Huey 3.5.4: in a list of hours, crontab drops what stands after a blank.
# Seen: crontab(hour="9, 18") fires at 9 only, "9,18" at both, " 9,18" at 18 only; nothing is raised.
# Not met by Roost: its schedules are `daily` or `every`, and Huey only rings.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check huey==3.5.4
cd "$folder"
venv/bin/python - <<'EOF'
from datetime import datetime

from huey import crontab


def hours(spec):
    due = crontab(minute="0", hour=spec)
    return [hour for hour in range(24) if due(datetime(2026, 1, 1, hour, 0))]


seen = {spec: hours(spec) for spec in ("9,18", "9, 18", " 9,18")}
print(seen)
assert seen == {"9,18": [9, 18], "9, 18": [9], " 9,18": [18]}
EOF
