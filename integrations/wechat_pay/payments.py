"""The payment method `wechat_pay`, as plugins that take money see it.

What is asked again with the same number has one effect. Whoever completes a step learns how things stand by our books
after what was heard has been settled.
"""

from integrations.wechat_pay import charges, merchant, refunds
from roost import PaymentMethod, Steps, Text

METHOD = PaymentMethod(
    name="wechat_pay",
    title=Text("微信支付", "WeChat Pay"),
    pay=Steps(charges.prepare_pay, charges.call_pay, charges.complete_pay),
    query=Steps(charges.prepare_charge, charges.call_query, charges.complete_charge),
    close=Steps(charges.prepare_charge, charges.call_close, charges.complete_charge),
    refund=Steps(refunds.prepare_refund, refunds.call_refund, refunds.complete_refund),
    query_refund=Steps(refunds.prepare_query_refund, refunds.call_query_refund, refunds.complete_refund),
    withdraw=refunds.withdraw_refund,
    ready=merchant.is_ready,
)
