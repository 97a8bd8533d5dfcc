"""Does this trail hold? What anybody can ask offline, with a trust list of their own.

    python examples/officer.py trail.zip trust.toml

Trust comes from the second file alone, never from the trail. Ends with 0 only if everything holds.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

from konsens.errors import KonsensError
from konsens.trail import parse_trust, verify


def main(trail: str, trust_file: str) -> int:
    """Verify, and say what was checked."""
    trust = parse_trust(Path(trust_file).read_text("utf-8"))
    try:
        report = verify(Path(trail), trust, at=datetime.now(UTC))
    except KonsensError as error:  # the container itself is damaged
        print(error)
        return error.exit_code
    for check in report.checks:
        print(f"{'ok' if check.ok else 'FAILED':6} {check.name} {check.detail}")
    print(report.counts, *report.warnings)
    return report.errors[0].exit_code if report.errors else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
