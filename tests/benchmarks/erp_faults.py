"""What callers hear while a business system fails, and how late: the table of docs/failures.rst.

    python -m tests.benchmarks.erp_faults

Runs `tests/integration/test_erp_faults.py`, and prints what its turns came to: real systems behind
the fault proxy, turns of 0.8 s. `late` counts from the turn's deadline; below 0 is before it.
"""

from __future__ import annotations

import sys

import pytest

from tests.integration import fault_turns

TESTS = "tests/integration/test_erp_faults.py"


def main() -> int:
    """Run the tests and print the table; return what pytest returned."""
    ended = pytest.main(["-q", "--no-header", TESTS])
    print(f"\n{'fault':<48} {'failed turns':>12} {'longest ms':>11} {'late ms':>8}  reasons")
    for fault, worst in fault_turns.WORST.items():
        late = f"{worst.late_s * 1000:.0f}" if worst.turns else "-"
        longest = f"{worst.longest_s * 1000:.0f}" if worst.turns else "-"
        reasons = ", ".join(worst.reasons)
        print(f"{fault:<48} {worst.turns:>12} {longest:>11} {late:>8}  {reasons}")
        for line in worst.told:
            print(f"    {line}")
    return int(ended)


if __name__ == "__main__":
    sys.exit(main())
