"""A leaf that the log had lost lies elsewhere now, and the company's receipts say so."""

from __future__ import annotations

from typing import Any

from konsens.consent.company import Company
from konsens.consent.message import render_message
from konsens.registry import PublicLeaf
from konsens.wallet import Wallet, carry_out, import_cards, list_cards, plan_withdrawal

from .test_lost_leaves import bytes_of, roll_back

World = Any  # the fixture of conftest.py


def test_receipts_for_leaves_that_came_again_are_taken_in(world: World, wallet: Wallet) -> None:
    request = world.ask(channels=["email"])
    before = bytes_of(world)
    acts = world.grant(wallet, request)
    world.receipts(acts)
    world.company.close()
    roll_back(world, wallet, before)
    world.registry.append([PublicLeaf(bytes([n]) * 32) for n in range(len(acts) + 3)])
    world.company = Company.open(world.folder / "shop", did=world.did, home=world.registry)
    ends = carry_out(wallet, plan_withdrawal(wallet, at=world.tick()))
    acts = wallet.acts()
    world.deliver(wallet, acts)
    cards = import_cards(wallet, render_message(world.receipts(acts, proof=True)), at=world.now)
    assert len(cards) == len(list_cards(wallet, at=world.now)) == 1 + len(ends)
