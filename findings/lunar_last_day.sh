#!/bin/sh
# The 30th of the twelfth lunar month is in no year from 2024 to 2028 (lunardate 0.3.0, LunarCalendar 0.0.9, borax 4.1.3,
# sxtwl 2.0.7): who was born on one has no lunar birthday for five years.
# Seen: three libraries raise, and sxtwl gives the first day of the next year; 2023 and 2029 have the day.
# Not met by Roost: it has no lunar birthdays. Where they come, the 29th must stand in, as 28 for 29 February.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check lunardate==0.3.0 LunarCalendar==0.0.9 borax==4.1.3 sxtwl==2.0.7
cd "$folder"
venv/bin/python - <<'EOF'
from datetime import date

import sxtwl
from borax.calendars.lunardate import LunarDate as Borax
from lunarcalendar import Converter, Lunar
from lunardate import LunarDate


def asked(convert, year):
    try:
        return convert(year)
    except Exception as ex:  # each has its own
        return type(ex).__name__


def by_sxtwl(year):
    day = sxtwl.fromLunar(year, 12, 30)
    return date(day.getSolarYear(), day.getSolarMonth(), day.getSolarDay())


raising = {
    "lunardate": lambda year: LunarDate(year, 12, 30).toSolarDate(),
    "LunarCalendar": lambda year: Converter.Lunar2Solar(Lunar(year, 12, 30)).to_date(),
    "borax": lambda year: Borax(year, 12, 30).to_solar_date(),
}
for year in range(2023, 2030):
    seen = {name: asked(convert, year) for name, convert in raising.items()}
    new_year = Borax(year + 1, 1, 1).to_solar_date()
    print(year, seen, "sxtwl:", by_sxtwl(year), "new year:", new_year)
    exists = year in (2023, 2029)
    assert all(isinstance(answer, date) == exists for answer in seen.values())
    assert (by_sxtwl(year) == new_year) == (not exists)
EOF
