"""A batch of identities on its way to the disk: written in the run's own room, flushed together, then named.

What another run has put under a name meanwhile is kept, and the batch's own thrown away.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from eflowprov.certs.issuing import Identity
from eflowprov.certs.profiles import LeafProfile
from eflowprov.workflows.disk.file_access import read_access
from eflowprov.workflows.disk.storage import flush_below
from eflowprov.workflows.disk.workroom import Move, Workroom
from eflowprov.workflows.identities.authority_files import OpenedAuthority
from eflowprov.workflows.identities.identity_files import identity_document
from eflowprov.workflows.identities.issued import IdentityReceipt, kept_identity
from eflowprov.workflows.identities.layouts import Layout, Place, place_aside


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for, for every ID alike; `above` is the PEM of the authority's whole chain."""

    places: Mapping[str, Place]
    opened: OpenedAuthority
    out: Path
    profile: LeafProfile
    layout: Layout
    renew: bool
    now: datetime
    above: bytes
    needs_key: bool = True

    def kept(self, registration_id: str) -> IdentityReceipt:
        """The receipt of what is there; raises InputError when it cannot stay."""
        place = self.places[registration_id]
        return kept_identity(registration_id, self.out, place, self.opened, self.now, needs_key=self.needs_key)

    def public_files(self, identity: Identity, place: Place) -> dict[str, bytes]:
        """What stands beside the key; the demo scripts' chain has the root at its end."""
        if self.layout is Layout.CERTGEN:
            return {place.leaf: identity.leaf_pem, place.chain: identity.leaf_pem + self.above}
        group = {"file": self.opened.issuing.name, "sha256": self.opened.facts.sha256}
        return {
            place.leaf: identity.leaf_pem,
            place.chain: identity.chain_pem,
            place.document: identity_document(identity, place.parts[0], group),
        }


class Batch:
    """Add what was made, then `reveal` all of it. Both raise OSError and EflowprovError."""

    def __init__(self, room: Workroom, order: Order) -> None:
        self._room, self._order = room, order
        self._folder = room.new_name()
        self._written = 0
        self._exposed: bool | None = None
        self._ids: list[str] = []
        self._receipts: dict[str, IdentityReceipt] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, registration_id: str, identity: Identity | None, kept: IdentityReceipt | None) -> None:
        """Write a new identity into the room; without one, take what is kept, or what another run has made."""
        self._ids.append(registration_id)
        if kept:
            self._receipts[registration_id] = kept
        elif identity:
            place = self._order.places[registration_id]
            files = self._order.public_files(identity, place)
            self._room.stage(self._folder, files, {place.key: identity.key_pem})
            self._written += len(files) + 1
            if self._exposed is None:  # the same for all on one disk
                access = read_access(self._folder / place.key)
                self._exposed = access is not None and bool(access.readers)
            self._receipts[registration_id] = self._receipt(identity, place)

    def reveal(self) -> list[IdentityReceipt]:
        """Give all new ones their names; the receipts of all that were added, in their order."""
        new = [receipt for receipt in self._receipts.values() if not receipt.kept]
        if new:
            flush_below(self._folder, self._written)
            with self._room.alone():
                self._room.reveal(self._folder, [move for one in new for move in self._moves(one)])
        return [self._receipts.get(one) or self._order.kept(one) for one in self._ids]

    def _moves(self, receipt: IdentityReceipt) -> list[Move]:
        """The moves of one identity, none when another run was quicker."""
        place, order = receipt.place, self._order
        if not place.is_taken(order.out):
            return [Move(part, part) for part in place.parts]
        if not order.renew:
            del self._receipts[receipt.registration_id]
            return []
        aside = self._free_aside(receipt.registration_id)
        self._receipts[receipt.registration_id] = replace(receipt, replaced=order.out / aside[0])
        away = [Move(part, part, old) for part, old in zip(place.parts, aside, strict=True)]
        return [*reversed(away), *(Move(part, part) for part in place.parts)]

    def _free_aside(self, registration_id: str) -> tuple[str, ...]:
        """Where the old one goes; a second later where something stands there, as after two renewals at once."""
        moment = self._order.now
        while True:
            parts = place_aside(registration_id, self._order.layout, moment).parts
            if not any(os.path.lexists(self._order.out / part) for part in parts):
                return parts
            moment += timedelta(seconds=1)

    def _receipt(self, identity: Identity, place: Place) -> IdentityReceipt:
        order = self._order
        return IdentityReceipt(
            identity.registration_id,
            order.out,
            place,
            order.opened.issuing,
            identity.facts,
            shortened=identity.facts.not_after < order.now.replace(microsecond=0) + timedelta(days=order.profile.days),
            test_only=not order.opened.encrypted,
            exposed=bool(self._exposed),
        )
