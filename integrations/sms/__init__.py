"""Text messages by Tencent and Aliyun: login by a code, a channel for other plugins, receipts and replies.

Facts: `sms_delivered`, `sms_replied`.
"""
