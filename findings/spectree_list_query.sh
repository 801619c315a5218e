#!/bin/sh
# spectree 3.0.0 on Falcon 4.4.0: a query field that is a list is refused when it is given once.
# Seen: ?ids=1&ids=2 is 200, ?ids=1 is 422 ("Input should be a valid list").
# Not met by Roost: spectree only writes the OpenAPI document there; hosts/rest/inputs.py reads the query, and a test
# of its own gives a list once.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check spectree==3.0.0 falcon==4.4.0 pydantic==2.14.3
cd "$folder"
venv/bin/python - <<'EOF'
import falcon
import falcon.testing
from pydantic import BaseModel
from spectree import SpecTree

spec = SpecTree("falcon")


class Wanted(BaseModel):
    ids: list[int]


class Things:
    @spec.validate(query=Wanted)
    def on_get(self, req, resp):
        resp.media = req.context.query.ids


app = falcon.App()
app.add_route("/things", Things())
spec.register(app)
client = falcon.testing.TestClient(app)
seen = {}
for query in ("ids=1&ids=2", "ids=1"):
    answer = client.simulate_get("/things", query_string=query)
    seen[query] = answer.status_code
    print(query, answer.status, answer.text)
assert seen == {"ids=1&ids=2": 200, "ids=1": 422}
EOF
