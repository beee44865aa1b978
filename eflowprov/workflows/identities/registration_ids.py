"""Lists of registration IDs: every fault of a whole list is found before anything is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from eflowprov.certs.names import check_registration_id
from eflowprov.errors import InputError

_SHOWN = 10  # faults named in one line


@dataclass(frozen=True, slots=True)
class ListedId:
    """A registration ID and the place that it stands in, as `ids.csv, line 7`; "" for the command line."""

    text: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one of the list: `kind` counts it, `where` and `why` name it, `next_step` helps."""

    kind: str
    where: str
    why: str
    next_step: str


class FaultyListError(InputError):
    """A list in which some entries cannot be used; `faults` are all of them, the message names the first few."""

    def __init__(self, where: str, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        if len(self.faults) == 1:
            (only,) = self.faults
            super().__init__(only.where, only.why, only.next_step)
            return
        named = "; ".join(f"{fault.where}: {fault.why}" for fault in self.faults[:_SHOWN])
        more = f"; and {len(self.faults) - _SHOWN} more" if len(self.faults) > _SHOWN else ""
        super().__init__(where, f"{self._counts()}: {named}{more}", self._next_steps())

    def counted(self) -> InputError:
        """The same without the names, for where every fault has had a line of its own."""
        return InputError(self.where, self._counts(), self._next_steps())

    def _counts(self) -> str:
        counts = Counter(fault.kind for fault in self.faults)
        kinds = ", ".join(f"{count} {kind}" for kind, count in counts.most_common())
        return f"{len(self.faults)} stand in the way ({kinds})"

    def _next_steps(self) -> str:
        """Those of all kinds of faults, each once."""
        return ". ".join(dict.fromkeys(fault.next_step for fault in self.faults))


def check_registration_ids(registration_ids: Iterable[str]) -> tuple[str, ...]:
    """Give the IDs when each is legal and none stands twice, case aside; raises InputError that names all faults."""
    return check_listed([ListedId(one) for one in registration_ids])


def check_listed(listed: Sequence[ListedId]) -> tuple[str, ...]:
    """The same for IDs that have a place; raises FaultyListError."""
    if not listed:
        raise InputError("registration IDs", "none is given", "Give at least one")
    seen: dict[str, ListedId] = {}
    faults: list[Fault] = []
    for one in listed:
        try:
            first = seen.setdefault(check_registration_id(one.text).lower(), one)
        except InputError as error:
            faults.append(Fault("invalid", f"{_before(one)}{error.where}", error.why, error.next_step))
            continue
        if first is not one:
            faults.append(_doubled(one, first))
    if faults:
        raise FaultyListError("registration IDs", faults)
    return tuple(one.text for one in listed)


def _doubled(one: ListedId, first: ListedId) -> Fault:
    where = f"{_before(one)}registration ID '{one.text}'"
    before = f" (first in {first.place})" if first.place else ""
    if one.text == first.text:
        return Fault("given twice", where, f"it is given twice{before}", "Give each device once")
    return Fault(
        "alike but for case",
        where,
        f"DPS ignores case and takes it for '{first.text}'{before}",
        "Give each device once",
    )


def _before(one: ListedId) -> str:
    return f"{one.place}, " if one.place else ""
