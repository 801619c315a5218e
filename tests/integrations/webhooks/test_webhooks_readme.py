"""The receiver of the README, as it stands there."""

import re
import time
from pathlib import Path
from typing import Any

import integrations.webhooks
from integrations.webhooks import signing

README = Path(integrations.webhooks.__file__).with_name("README.md")


def test_the_receiver_takes_what_we_sign_once_and_nothing_else(capsys: Any) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    secret, stranger = signing.new_secret(), signing.new_secret()
    names: dict[str, Any] = {}
    exec(compile(code.replace("whsec_…", secret), str(README), "exec"), names)
    receive, now, body = names["receive"], int(time.time()), b'{"type":"member_registered"}'
    assert receive(signing.headers([secret], "evt_1", now, body), body) == 204
    assert receive(signing.headers([secret], "evt_1", now, body), body) == 204
    assert receive(signing.headers([stranger, secret], "evt_2", now, body), body) == 204
    assert capsys.readouterr().out == "member_registered\n" * 2
    assert receive(signing.headers([stranger], "evt_3", now, body), body) == 401
    assert receive(signing.headers([secret], "evt_3", now, body), body + b" ") == 401
    assert receive(signing.headers([secret], "evt_3", now - 3600, body), body) == 401
