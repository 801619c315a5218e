"""WeChat: login, the access token that all processes share, messages, codes, checks, pushes, shipping.

The face for plugins that require this one (`requires = ["wechat"]`). Those that do not reach people and checks
through the ports: the channel and the content check `wechat`.
"""

from integrations.wechat.codes import CodeAsked, CodeView, code_image, code_steps, request_code
from integrations.wechat.people import appid_of, openid_of, person_of
from integrations.wechat.risk import RiskAsked, risk_steps

__all__ = [
    "CodeAsked",
    "CodeView",
    "RiskAsked",
    "appid_of",
    "code_image",
    "code_steps",
    "openid_of",
    "person_of",
    "request_code",
    "risk_steps",
]
