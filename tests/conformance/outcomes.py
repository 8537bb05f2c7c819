"""What came of a test or example, and what that means beside the list of what does not apply."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

PASSED = "passed"
FAILED = "failed"
SKIPPED = "skipped"  # by PyNN itself
REFUSED = "refused"  # does not pass, and is listed with the reason
STALE = "stale"  # passes although it is listed

TROUBLES = (FAILED, STALE)


@dataclass(frozen=True)
class Outcome:
    """One test or example.

    Attributes
    ----------
    name : str
        ``test_file.py::Class::test``, or the example with its arguments.
    status : str
        One of the constants above.
    seconds : float
        Time it took.
    reason : str
        Why it did not pass: the last line of the error, or the sentence of the list.
    """

    name: str
    status: str
    seconds: float = 0.0
    reason: str = ""


def reason_for(name: str, listed: Mapping[str, Sequence[str]]) -> str | None:
    """Return the reason under which a name is listed, as itself or by a pattern, or None."""
    for reason, patterns in listed.items():
        if any(fnmatchcase(name, pattern) for pattern in patterns):
            return reason
    return None


def judged(outcomes: Iterable[Outcome], listed: Mapping[str, Sequence[str]]) -> list[Outcome]:
    """Return the outcomes with those that are listed as refused, or as passed although listed.

    Parameters
    ----------
    outcomes : iterable of Outcome
        What was run, listed or not.
    listed : mapping
        Names, or patterns of names, of what does not apply to ship, by reason.

    Returns
    -------
    list of Outcome
        In the order of the names; a pattern that meets nothing is an outcome of its own, which
        failed.
    """
    verdicts = []
    for outcome in outcomes:
        reason = reason_for(outcome.name, listed)
        if reason is None:
            verdicts.append(outcome)
        elif outcome.status == PASSED:
            verdicts.append(replace(outcome, status=STALE, reason=f"listed as: {reason}"))
        else:
            verdicts.append(replace(outcome, status=REFUSED, reason=reason))
    names = [outcome.name for outcome in verdicts]
    for patterns in listed.values():
        for pattern in patterns:
            if not any(fnmatchcase(name, pattern) for name in names):
                verdicts.append(
                    Outcome(pattern, FAILED, reason="listed, but there is no such test")
                )
    return sorted(verdicts, key=lambda outcome: outcome.name)


def count(outcomes: Iterable[Outcome], *statuses: str) -> int:
    """Return how many outcomes have one of the statuses."""
    return sum(outcome.status in statuses for outcome in outcomes)
