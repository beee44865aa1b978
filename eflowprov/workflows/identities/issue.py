"""Issuing identities by the thousand: whole ones alone, each once, also when runs are killed or meet in one folder."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from eflowprov.certs.authority import pem
from eflowprov.certs.issuing import Identity, Issuer
from eflowprov.certs.profiles import LeafProfile, subject
from eflowprov.errors import InputError
from eflowprov.workflows.disk.files import make_folder, refuse_no_folder
from eflowprov.workflows.disk.storage import told
from eflowprov.workflows.disk.workroom import Workroom, sweep
from eflowprov.workflows.identities.authority_files import AskPassphrase, open_authority
from eflowprov.workflows.identities.batch import Batch, Order
from eflowprov.workflows.identities.issued import IdentityReceipt
from eflowprov.workflows.identities.layouts import Layout, copy_authority, names_below, place_of
from eflowprov.workflows.identities.registration_ids import Fault, FaultyListError, check_registration_ids

# What a killed run loses is at most one batch; a flush costs the same for one file as for a hundred.
BATCH = 100
BATCH_S = 0.5
MAX_JOBS = 64

Watch = Callable[[str, int, int], None]  # what is being done, how many are done, of how many


def issue_identities(
    registration_ids: Iterable[str],
    *,
    ca: Path,
    out: Path,
    profile: LeafProfile | None = None,
    layout: Layout = Layout.EFLOWPROV,
    renew: bool = False,
    needs_key: bool = True,
    jobs: int | None = None,
    passphrase_file: Path | None = None,
    ask: AskPassphrase | None = None,
    now: datetime | None = None,
    watch: Watch = lambda _what, _done, _of: None,
) -> Iterator[IdentityReceipt]:
    """Issue one identity for each registration ID into `out`; yields a receipt when each is on disk, in that order.

    One that is there, complete and valid is kept. All that can be wrong is looked for before anything is written: an ID
    against DPS's rule, given twice or twice but for case; an authority that cannot sign; an identity that is there and
    incomplete, expired or another authority's (`renew` issues it anew); without `needs_key` one may stay whose key has
    gone to its device and been removed here. Raises InputError for these when called.
    `ask` gives the authority's passphrase when it has one and `passphrase_file` is None. `jobs` are threads that make
    keys; by default as many as there are processors for RSA keys, and one for EC keys, which gain nothing from more.
    """
    ids = check_registration_ids(registration_ids)
    now, profile = now or datetime.now(UTC), profile or LeafProfile()
    opened = open_authority(ca, passphrase_file=passphrase_file, ask=ask)
    Issuer(opened.authority, profile, now)
    subject(ids[0], profile.organization)
    places = {one: place_of(one, layout) for one in ids}
    above = b"".join(map(pem, opened.authority.chain))
    order = Order(places, opened, out, profile, layout, renew, now, above, needs_key)
    refuse_no_folder(out)
    sweep(out)
    kept = _look_around(ids, order, watch)
    make_folder(out)
    if layout is Layout.CERTGEN:
        copy_authority(opened, out)
    return _issue_all(ids, kept, order, jobs or _default_jobs(profile), watch)


def _look_around(ids: tuple[str, ...], order: Order, watch: Watch) -> dict[str, IdentityReceipt]:
    """The identities that are there and stay; raises InputError for all that stands in the way."""
    names = names_below(order.out, order.layout)
    kept: dict[str, IdentityReceipt] = {}
    faults: list[Fault] = []
    for number, one in enumerate(ids):
        place = order.places[one]
        try:
            if present := place.clashes(names):
                raise InputError(
                    str(order.out / present), f"DPS ignores case and takes '{one}' for it", "Use one spelling"
                )
            if not order.renew and place.is_taken(order.out):
                watch("looking", number, len(ids))
                kept[one] = order.kept(one)
        except InputError as error:
            faults.append(Fault("in the way", error.where, error.why, error.next_step))
    if faults:
        raise FaultyListError(str(order.out), faults)
    return kept


def _issue_all(
    ids: tuple[str, ...], kept: dict[str, IdentityReceipt], order: Order, jobs: int, watch: Watch
) -> Iterator[IdentityReceipt]:
    if len(kept) == len(ids):
        yield from kept.values()
        return
    done, of = 0, len(ids) - len(kept)  # what is kept takes no time, and would make the rate a fiction
    with told(order.out), Workroom(order.out) as room:
        for batch in _batches(_made(ids, kept, order, jobs), kept, room, order):
            for receipt in batch.reveal():
                done += receipt.registration_id not in kept
                yield receipt
            watch("issuing", done, of)


def _batches(
    made: Iterator[tuple[str, Identity | None]], kept: dict[str, IdentityReceipt], room: Workroom, order: Order
) -> Iterator[Batch]:
    batch, end = Batch(room, order), time.monotonic() + BATCH_S
    for one, identity in made:
        batch.add(one, identity, kept.get(one))
        if len(batch) >= BATCH or time.monotonic() >= end:
            yield batch
            batch, end = Batch(room, order), time.monotonic() + BATCH_S
    yield batch


def _made(
    ids: tuple[str, ...], kept: dict[str, IdentityReceipt], order: Order, jobs: int
) -> Iterator[tuple[str, Identity | None]]:
    """Each ID with its new identity, made by `jobs` threads a few ahead; with None where nothing is to be made."""

    issuer = Issuer(order.opened.authority, order.profile, order.now)

    def make(registration_id: str) -> Identity | None:
        if registration_id in kept:
            return None
        if not order.renew and order.places[registration_id].is_taken(order.out):
            return None  # another run's, since we looked
        return issuer.issue(registration_id)

    if jobs == 1:
        yield from ((one, make(one)) for one in ids)
        return
    yield from _in_threads(ids, make, jobs)


def _in_threads(
    ids: tuple[str, ...], make: Callable[[str], Identity | None], jobs: int
) -> Iterator[tuple[str, Identity | None]]:
    pool = ThreadPoolExecutor(jobs)
    ahead: deque[tuple[str, Future[Identity | None]]] = deque()
    try:
        for one in ids:
            ahead.append((one, pool.submit(make, one)))
            if len(ahead) > 2 * jobs:
                first, future = ahead.popleft()
                yield first, future.result()
        while ahead:
            first, future = ahead.popleft()
            yield first, future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _default_jobs(profile: LeafProfile) -> int:
    """RSA keys are made outside Python's lock, at full speed on every processor; EC keys are made in no time."""
    return min(os.cpu_count() or 1, MAX_JOBS) if profile.key_type.startswith("rsa") else 1
