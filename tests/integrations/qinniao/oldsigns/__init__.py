"""A third party's plugin: the MD5 signing of a SaaS of ten years ago, which posts forms."""
