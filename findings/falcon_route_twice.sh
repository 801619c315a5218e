#!/bin/sh
# Falcon 4.4.0: a second add_route on the same path replaces the first whole, without a word.
# Seen: a resource with only on_post, added after one with on_get, makes GET 405.
# Met by Roost, and checked: two endpoints on one path are refused at start (hosts/rest/routes.py).
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check falcon==4.4.0
cd "$folder"
venv/bin/python - <<'EOF'
import falcon
import falcon.testing


class Reads:
    def on_get(self, req, resp):
        resp.text = "read"


class Writes:
    def on_post(self, req, resp):
        resp.text = "written"


app = falcon.App()
client = falcon.testing.TestClient(app)
app.add_route("/things", Reads())
first = client.simulate_get("/things").status_code
app.add_route("/things", Writes())
second = client.simulate_get("/things").status_code
print("GET before and after the second add_route:", first, second)
assert (first, second) == (200, 405)
EOF
