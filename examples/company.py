"""May we write to this customer? What a mailer asks before every message.

    python examples/company.py shop C-1001 newsletter email

Ends with 0 only if the answer is a proven yes. No key is unlocked and nothing is written.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

from konsens.consent import open_home


def main(home: str, who: str, purpose: str, channel: str) -> int:
    """Decide, and say why."""
    with open_home(Path(home)) as shop:
        decision = shop.decide(who, purpose, channel, now=datetime.now(UTC))
    print(decision.code, decision.reason["en"], sep=": ")
    for check in decision.checks:
        print(f"  {check.name}: {'ok' if check.ok else check.detail or 'no'}")
    return 0 if decision else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
