"""The provider: what it knows of charges and refunds, and how it misbehaves when asked to."""

from dataclasses import dataclass, field

from roost import Conflict, Unavailable


@dataclass
class Box:
    """Remembers by number, as a real one does: the same number again has one effect."""

    charges: dict[str, dict] = field(default_factory=dict)  # number → {state, amount}
    refunds: dict[str, dict] = field(default_factory=dict)  # number → {charge, amount, state}
    withdrawn: set[str] = field(default_factory=set)  # refunds that it is not to be asked for any more
    calls: list[tuple[str, str]] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)  # verbs whose answer is lost after the work was done
    away: set[str] = field(default_factory=set)  # verbs that do not get through
    refund_state: str = "refunded"  # what a new refund becomes
    before_answer: object = None  # called between the work and the answer of `pay`

    def _enter(self, verb: str, number: str) -> None:
        self.calls.append((verb, number))
        if verb in self.away:
            raise Unavailable("the provider is away")

    def pay(self, number: str, amount: int) -> str:
        self._enter("pay", number)
        self.charges.setdefault(number, {"state": "open", "amount": amount})
        if self.before_answer is not None:
            self.before_answer(number)
        if "pay" in self.lost:
            raise Unavailable("the answer was lost")
        return self.charges[number]["state"]

    def query(self, number: str) -> str:
        self._enter("query", number)
        return self.charges[number]["state"] if number in self.charges else "absent"

    def close(self, number: str) -> str:
        self._enter("close", number)
        charge = self.charges.get(number)
        if charge is None:
            return "absent"
        if charge["state"] == "open":
            charge["state"] = "closed"
        return "unknown" if "close" in self.lost else charge["state"]

    def refund(self, number: str, charge: str, amount: int) -> str:
        self._enter("refund", number)
        if number not in self.refunds:
            self.refunds[number] = {"charge": charge, "amount": amount, "state": self.refund_state}
        return "unknown" if "refund" in self.lost else self.refunds[number]["state"]

    def query_refund(self, number: str) -> str:
        self._enter("query_refund", number)
        return self.refunds[number]["state"] if number in self.refunds else "absent"

    def withdraw(self, number: str) -> None:
        if self.refunds.get(number, {"state": "failed"})["state"] != "failed":
            raise Conflict("the box has this refund", code="paybox_moving")
        self.withdrawn.add(number)

    def given_back(self, charge: str) -> int:
        """Return how many fen of a charge went back in truth."""
        return sum(r["amount"] for r in self.refunds.values() if r["charge"] == charge and r["state"] == "refunded")


BOX = Box()


def fresh() -> Box:
    """Begin anew."""
    BOX.__dict__.update(Box().__dict__)
    return BOX
