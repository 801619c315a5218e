#!/bin/sh
# Babel 2.18.0: parse_time does not read back the afternoon that format_time writes in Chinese.
# Seen: 15:30 is written 下午3:30 and read as 03:30, as 上午3:30 is; "3:30 PM" in en_US is read as 15:30.
# Not met by Roost: nothing there reads times with Babel, forms take 15:30, and a file whose times say 下午 is refused
# with its row (plugins/purchases/rows.py).
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check babel==2.18.0
cd "$folder"
venv/bin/python - <<'EOF'
from datetime import time

from babel.dates import format_time, parse_time

written = format_time(time(15, 30), "ah:mm", locale="zh_CN")
read = {text: parse_time(text, format="ah:mm", locale="zh_CN") for text in (written, "上午3:30", "15:30")}
english = parse_time("3:30 PM", locale="en_US")
print(written, read, english)
assert written == "下午3:30"
assert read == {"下午3:30": time(3, 30), "上午3:30": time(3, 30), "15:30": time(15, 30)}
assert english == time(15, 30)
EOF
