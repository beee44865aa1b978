"""How much faster RSA-2048 identities are issued by two threads than by one.

    python tests/benchmarks/certs_rsa_threads.py [identities] [rounds]

The bound is 1.7 on two processors. The time that an RSA key takes is chance (a search for primes), so a round needs
a hundred of them; rounds alternate.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from eflowprov.certs.profiles import AuthorityProfile, KeyType, LeafProfile
from eflowprov.workflows.identities.authority_files import create_authority
from eflowprov.workflows.identities.issue import issue_identities

BOUND = 1.7


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    ids = [f"device-{number:04}" for number in range(count)]
    times: dict[int, list[float]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        create_authority(place / "pki", AuthorityProfile(KeyType.EC_P256))
        for number in range(rounds):
            for jobs in times:
                out = place / f"{number}-{jobs}"
                begin = time.perf_counter()
                profile = LeafProfile(KeyType.RSA_2048)
                list(issue_identities(ids, ca=place / "pki", out=out, profile=profile, jobs=jobs))
                times[jobs].append(time.perf_counter() - begin)
    one, two = (statistics.median(times[jobs]) / count * 1000 for jobs in (1, 2))
    print(f"one thread {one:.1f} ms, two threads {two:.1f} ms for an identity: {one / two:.2f} times (bound {BOUND})")
    return 0 if one / two >= BOUND else 1


if __name__ == "__main__":
    sys.exit(main())
