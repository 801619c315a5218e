"""In-app, WeChat, SMS and e-mail messages. A plugin needs none of this to tell its members: see `register_notices`."""

from plugins.notify.content import Content, compose
from plugins.notify.posting import Letter, post

__all__ = ["Content", "Letter", "compose", "post"]
