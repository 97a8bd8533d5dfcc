"""`id …`: the pairwise DIDs, one for each company, so that no two companies can compare notes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from .answers import Identity, IdOne, Ids
from .customer_answers import names_of
from .frame import Frame, Outcome, command
from .line import Option
from .wallet_home import open_wallet

if TYPE_CHECKING:
    from konsens.wallet import Identity as WalletIdentity
    from konsens.wallet import Wallet

__all__ = ["id_list", "id_new", "id_show"]

For = Annotated[str | None, Option("--for", metavar="COMPANY", help="The company's DID or name.")]


@command(unlocks=True, lists="ids")
def id_list(frame: Frame) -> Outcome:
    """List your identities, one for each company."""
    with open_wallet(frame) as wallet:
        names = names_of(wallet)
        found = [
            Identity(did=one.did, company=one.company, created_at=one.created_at)
            for one in wallet.identities()
        ]
    headers = frame.pick(de="Für|Kennung", en="For|DID").split("|")
    rows = [(names.get(one.company or "", one.company), one.did) for one in found]
    return Outcome(Ids(ids=found), show=lambda screen: screen.table(headers, rows))


@command(unlocks=True, logs=True)
def id_new(frame: Frame, company: For = None) -> Outcome:
    """Make an identity; a company that you name gets just one."""
    with open_wallet(frame) as wallet:
        did = None if company is None else _did_of(wallet, company)
        made = wallet.new_identity(did, at=frame.now())
    return _one(frame, made)


@command(unlocks=True)
def id_show(frame: Frame, company: For = None) -> Outcome:
    """Show one identity: a company's, or the newest that belongs to none."""
    from konsens.errors import NotFound

    with open_wallet(frame) as wallet:
        if company is not None:
            found = wallet.identity_for(_did_of(wallet, company))
            if found is None:
                raise NotFound("wallet.company_unknown", company=company)
        else:
            known = wallet.identities()
            free = [one for one in known if one.company is None]
            found = (free or known)[-1]
    return _one(frame, found)


def _one(frame: Frame, identity: WalletIdentity) -> Outcome:
    fields = {
        frame.pick(de="Kennung", en="DID"): identity.did,
        frame.pick(de="Für", en="For"): identity.company,
    }
    return Outcome(
        IdOne(did=identity.did, company=identity.company), show=lambda screen: screen.fields(fields)
    )


def _did_of(wallet: Wallet, company: str) -> str:
    return company if company.startswith("did:") else wallet.find_company(company).did
