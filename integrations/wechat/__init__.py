"""WeChat: login, the access token that all processes share, messages, codes, checks, pushes, shipping.

The face for plugins that require this one (`requires = ["wechat"]`). Those that do not reach people and checks
through the ports: the channel and the content check `wechat`.

Its names come when they are asked for: the fake beside it, a program of its own, does without them and without core.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from integrations.wechat.codes import CodeAsked as CodeAsked
    from integrations.wechat.codes import CodeView as CodeView
    from integrations.wechat.codes import code_image as code_image
    from integrations.wechat.codes import code_steps as code_steps
    from integrations.wechat.codes import request_code as request_code
    from integrations.wechat.people import appid_of as appid_of
    from integrations.wechat.people import openid_of as openid_of
    from integrations.wechat.people import person_of as person_of
    from integrations.wechat.risk import RiskAsked as RiskAsked
    from integrations.wechat.risk import risk_steps as risk_steps

_HOMES = {
    "codes": ("CodeAsked", "CodeView", "code_image", "code_steps", "request_code"),
    "people": ("appid_of", "openid_of", "person_of"),
    "risk": ("RiskAsked", "risk_steps"),
}


def __getattr__(name: str) -> Any:
    """Return a name of the face from the module that it lives in."""
    for module, names in _HOMES.items():
        if name in names:
            found = globals()[name] = getattr(import_module(f"{__name__}.{module}"), name)
            return found
    raise AttributeError(f"the face of {__name__} has no {name!r}")
