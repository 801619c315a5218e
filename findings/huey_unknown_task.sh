#!/bin/sh
# Huey 3.5.4: a worker that does not know the name of a task takes it out of the queue all the same, and it is gone.
# Seen: the release before reads one message of the release after: HueyException, and the queue is empty. Every rolling
# deployment that adds a task can meet it.
# Not met by Roost: its messages carry no work, the jobs are rows, and a worker claims only those that it knows.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check huey==3.5.4
cd "$folder"
venv/bin/python - <<'EOF'
from huey import SqliteHuey
from huey.exceptions import HueyException

after = SqliteHuey("shop", filename="queue.db")


@after.task(name="send_receipt")
def send_receipt(number):
    return number


send_receipt(1)
before = SqliteHuey("shop", filename="queue.db")  # the release without that task
waiting = before.storage.queue_size()
try:
    before.dequeue()
    said = None
except HueyException as ex:
    said = str(ex)
left = before.storage.queue_size()
print("waiting:", waiting, "said:", said, "left:", left)
assert waiting == 1
assert said is not None and "send_receipt" in said
assert left == 0
EOF
