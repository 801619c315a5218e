"""What staff see on the dashboard."""

from integrations.wechat import service
from roost import Panel, Text

status = Panel("status", Text(zh="微信接入", en="WeChat"), "wechat.view", service.status)
