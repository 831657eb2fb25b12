"""The demo company's books in Tryton: what its customers owe, and how far their credit goes.

The fewest accounts that can hold it: an open invoice is a posted move between what is owed to us
and our revenue, with the date by which it is due. There are no taxes and no printed invoices.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tests.rig.tryton_client import Tryton

YEAR_DAYS_BEFORE, YEAR_DAYS_AFTER = 200, 164
"""The fiscal year around today: one period, in which every invoice lies."""

TERM_DAYS = 30
"""An invoice was written so many days before it is due, but not after today."""


class Books:
    """Opens the books of one company, and enters what each customer owes."""

    def __init__(self, tryton: Tryton, company: int, today: datetime.date) -> None:
        self._tryton = tryton
        self._company = company
        self._today = today

    def enter(self, customers: list[dict[str, Any]], parties: Mapping[str, int]) -> None:
        """Enter credit limits and open invoices. parties: account number -> party."""
        for customer in customers:
            if "credit_limit" in customer:
                limit = {"credit_limit_amount": Decimal(customer["credit_limit"])}
                self._tryton.call("party.party", "write", [parties[customer["account"]]], limit)
        owed_to_us = self._account("Receivable", receivable=True, assets=True, statement="balance")
        revenue = self._account("Revenue", revenue=True, statement="income")
        frame = {"journal": self._journal(), "period": self._period(), "company": self._company}
        rows = [
            {
                **frame,
                "date": self._written_on(invoice["due_in"]),
                "lines": [("create", self._lines(invoice, party, owed_to_us, revenue))],
            }
            for customer in customers
            for party in [parties[customer["account"]]]
            for invoice in customer.get("invoices", ())
        ]
        self._tryton.call("account.move", "post", self._tryton.create("account.move", rows))

    def _account(self, name: str, **kind: Any) -> int:
        kind_id = self._tryton.create_one(
            "account.account.type", name=name, company=self._company, **kind
        )
        return self._tryton.create_one(
            "account.account",
            name=name,
            type=kind_id,
            company=self._company,
            party_required="receivable" in kind,
        )

    def _journal(self) -> int:
        return self._tryton.the_one("account.journal", ["code", "=", "REV"])

    def _period(self) -> int:
        kind = self._tryton.the_one("ir.sequence.type", ["name", "=", "Account Move"])
        numbers = self._tryton.create_one(
            "ir.sequence.strict", name="Moves", sequence_type=kind, company=self._company
        )
        span = {
            "name": "The year around today",
            "start_date": self._today - datetime.timedelta(days=YEAR_DAYS_BEFORE),
            "end_date": self._today + datetime.timedelta(days=YEAR_DAYS_AFTER),
        }
        self._tryton.create_one(
            "account.fiscalyear",
            **span,
            company=self._company,
            move_sequence=numbers,
            periods=[("create", [{**span, "type": "standard"}])],
        )
        return self._tryton.the_one("account.period", ["name", "=", span["name"]])

    def _written_on(self, due_in: int) -> datetime.date:
        return self._today + datetime.timedelta(days=min(0, due_in - TERM_DAYS))

    def _lines(
        self, invoice: dict[str, Any], party: int, owed_to_us: int, revenue: int
    ) -> list[dict[str, Any]]:
        amount = Decimal(invoice["amount"])
        more, less = max(amount, Decimal(0)), max(-amount, Decimal(0))
        due_on = self._today + datetime.timedelta(days=invoice["due_in"])
        return [
            {
                "account": owed_to_us,
                "party": party,
                "debit": more,
                "credit": less,
                "maturity_date": due_on,
            },
            {"account": revenue, "debit": less, "credit": more},
        ]
