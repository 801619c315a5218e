"""WeChat Pay: the payment method `wechat_pay`. Its face is the port `PaymentMethod` and the hook `payment_settled`."""
