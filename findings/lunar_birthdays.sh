#!/bin/sh
# lunardate 0.3.0, LunarCalendar 0.0.9, borax 4.1.3 and sxtwl 2.0.7 disagree about two months of living people.
# Seen: from 2 September to 1 October 1978 and from 25 November to 24 December 1954 lunardate is a day away from the
# other three; on the days before and after all four agree. Who is born there has two lunar birthdays.
# Not met by Roost: it has no lunar birthdays (plugins/gifts).
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check lunardate==0.3.0 LunarCalendar==0.0.9 borax==4.1.3 sxtwl==2.0.7
cd "$folder"
venv/bin/python - <<'EOF'
from datetime import date, timedelta

import sxtwl
from borax.calendars.lunardate import LunarDate as Borax
from lunarcalendar import Converter, Solar
from lunardate import LunarDate


def answers(day):
    a = LunarDate.fromSolarDate(day.year, day.month, day.day)
    b = Converter.Solar2Lunar(Solar(day.year, day.month, day.day))
    c = Borax.from_solar(day)
    d = sxtwl.fromSolar(day.year, day.month, day.day)
    others = {(b.month, b.day), (c.month, c.day), (d.getLunarMonth(), d.getLunarDay())}
    return (a.month, a.day), others


def differing(first, last):
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    found = []
    for day in days:
        one, others = answers(day)
        assert len(others) == 1, (day, others)
        if others != {one}:
            found.append(day)
    return found


for about, first, last in (
    (date(1978, 9, 2), date(1978, 9, 2), date(1978, 10, 1)),
    (date(1954, 11, 25), date(1954, 11, 25), date(1954, 12, 24)),
):
    found = differing(first - timedelta(days=60), last + timedelta(days=60))
    print(about, "lunardate:", answers(about)[0], "the others:", answers(about)[1])
    print("  differ on", len(found), "days,", found[0], "to", found[-1])
    assert found == [first + timedelta(days=n) for n in range((last - first).days + 1)]
EOF
