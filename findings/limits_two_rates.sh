#!/bin/sh
# limits 5.8.0: parse keeps the first of two rates in silence, and a year has 360 days.
# Seen: "100/hour;10/minute" is read as 100 per hour, and "1/year" lasts 360 x 86,400 seconds.
# Met by Roost in the rates of endpoints: all rates of a text hold, and month and year are refused
# (hosts/rest/ratelimit.py).
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check limits==5.8.0
cd "$folder"
venv/bin/python - <<'EOF'
import limits

one = limits.parse("100/hour;10/minute")
all_of_them = limits.parse_many("100/hour;10/minute")
year = limits.parse("1/year").get_expiry()
print(one, all_of_them, year / 86400)
assert str(one) == "100 per 1 hour"
assert [str(item) for item in all_of_them] == ["100 per 1 hour", "10 per 1 minute"]
assert year == 360 * 86400
EOF
