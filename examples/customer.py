"""What holds, and taking one company's consents back: a wallet used from a program.

    python examples/customer.py customer pp                 # what holds now
    python examples/customer.py customer pp Muster-Shop     # take all of it back there

`pp` is the file with the passphrase. The company is not asked, and gets no message.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

from konsens.wallet import Wallet, insist, list_consents, plan_withdrawal


def main(home: str, passphrase_file: str, company: str | None = None) -> None:
    """Withdraw if a company is named, then list every consent."""
    passphrase = Path(passphrase_file).read_text("utf-8").splitlines()[0]
    now = datetime.now(UTC).replace(microsecond=0)
    with Wallet.open(Path(home) / "wallet.sqlite", passphrase) as wallet:
        if company is not None:
            insist(wallet, lambda: plan_withdrawal(wallet, company=company, at=now))
        names = {known.did: known.name for known in wallet.companies()}
        for record in list_consents(wallet, at=now):
            print(record.state, names.get(record.company or ""), record.purpose, record.channel)


if __name__ == "__main__":
    main(*sys.argv[1:])
