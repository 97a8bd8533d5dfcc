"""What a privacy officer must look at: contacts that nothing allowed, whatever basis they claim."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from konsens.consent.terms import Basis
from konsens.consent.use import UseRow, record_uses
from konsens.trail.query import Query
from konsens.trail.verify import verify

from ..consent.world import NEWSLETTER, Customer
from .town import Town


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """Anna is an existing customer, who opened the relation and never gave a consent."""
    made = Town(tmp_path)
    words = NEWSLETTER.replace('version = "1"', 'version = "2"')
    made.world.publish(words.replace('legal_basis = "consent"', 'legal_basis = "existing_customer"'))
    anna = made.people["anna"] = Customer.new(made.world, "anna")
    made.world.receive(anna.open(), ref="C-1")
    yield made
    made.close()


def contact(town: Town, basis: Basis, who: str = "") -> None:
    """What a careless company does: nobody asks before."""
    world = town.world
    record_uses(
        world.shop.ledger,
        world.keys,
        [UseRow(who or town.people["anna"].did, None, basis)],
        purpose="newsletter",
        channel="email",
        campaign="summer",
        now=world.clock.tick(60),
    )


def found(town: Town) -> list[str]:
    """What the company's own report says, which a stranger sees in the bundle, too."""
    codes = [one.code for one in town.desk.look(Query(), now=town.world.now).findings]
    report = verify(town.bundle(), town.trust, at=town.world.now)
    assert report.errors == ()
    assert [code for code in report.warnings if code.startswith("trail.")] == codes
    return codes


@pytest.mark.parametrize("basis", ["legitimate_interest", "contract"])
@pytest.mark.parametrize("scope", [None, "survey"])
@pytest.mark.parametrize("stopped", ["by the customer", "by a broken seal", "by staff"])
def test_marketing_after_an_objection_is_found_whatever_its_basis(
    town: Town, basis: Basis, scope: str | None, stopped: str
) -> None:
    anna, world = town.people["anna"], town.world
    contact(town, basis)
    assert found(town) == []
    if stopped == "by the customer":
        world.receive(anna.object_to(scope))
    elif stopped == "by staff":
        world.shop.object(world.keys, "C-1", scope=scope, method="letter", now=world.now)
    else:
        scope = None
        anna.break_bare(0, 1)
    contact(town, basis)
    against = basis in ("existing_customer", "legitimate_interest") and scope != "survey"
    assert found(town) == ["trail.contact_after_withdrawal"] * against


def test_what_the_customer_lifted_stops_nothing_more(town: Town) -> None:
    anna, world = town.people["anna"], town.world
    world.receive(anna.object_to())
    world.receive(anna.restore())
    contact(town, "existing_customer")
    assert found(town) == []


def test_a_contact_under_the_companys_number_is_found_in_its_book(town: Town) -> None:
    """No decision links the number with the DID here, so only the company's own report can tell."""
    town.world.receive(town.people["anna"].object_to())
    contact(town, "existing_customer", "C-1")
    codes = [one.code for one in town.desk.look(Query(), now=town.world.now).findings]
    assert codes == ["trail.contact_after_withdrawal"]
