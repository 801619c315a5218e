"""WeChat: the mini-program's login, and the access token that all processes share."""
