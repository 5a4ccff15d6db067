"""Whether answers tell which addresses are known: 300 samples of each kind, in random order, three times a route.

`python -m bench.enumeration [samples] [rounds]` starts `soundgraph serve` with a database of its own, without limits.
It compares addresses that nobody knows, each asked for once, with those of verified accounts and with those of
registrations that wait to be verified. Status, body and headers must be the same, but for the values of those headers
that are random or of the clock. Of the time it prints the area under the ROC curve of telling one kind from the other:
0.5 is a coin, 1.0 is certainty, whichever side is slower. One area of 300 samples is off by ±0.025 for no reason, so
the median of the rounds counts. Exits with 1 if one is above 0.55, or if answers differ. Takes some minutes.
"""

import asyncio
import json
import random
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, cycle, islice
from statistics import median

import httpx
from bench.served import PASSWORD, Site, members, serving

BAR = 0.55
SAMPLES, ROUNDS = 300, 3
WARM_UP = 20
# Addresses of each known kind. Registering has its own: asked for once, a verified one waits to be verified as well.
KNOWN = 50
ROUTES = ("register", "login", "password/forgot", "verify-email/resend")
UNKNOWN, VERIFIED, PENDING = KINDS = ("unknown", "verified", "pending")
# Headers whose values are random or of the clock.
CHANGING = {"date", "x-request-id", "ratelimit-remaining", "ratelimit-reset"}

Answer = tuple[object, ...]


def area(some: list[float], others: list[float]) -> float:
    """The area under the ROC curve of telling `some` from `others` by being larger."""
    wins = sum((one > other) + 0.5 * (one == other) for one in some for other in others)
    return wins / (len(some) * len(others))


def asked(route: str, address: str, number: int) -> dict[str, object]:
    """The body of a request about an address."""
    match route:
        case "register":
            return {"email": address, "handle": f"somebody-{number}", "password": PASSWORD}
        case "login":
            return {"login": address, "password": "wrong horse battery", "transport": "bearer"}
        case _:
            return {"email": address}


def what_it_says(answer: httpx.Response) -> Answer:
    """All of an answer that must not depend on the address."""
    headers = sorted(
        (name, "" if name in CHANGING else value)
        for name, value in ((name.lower(), value) for name, value in answer.headers.multi_items())
    )
    return answer.status_code, answer.content, tuple(headers)


async def pending(site: Site, names: list[str]) -> list[str]:
    """The same names, registered with addresses that nobody verified."""
    async with httpx.AsyncClient(base_url=f"{site.base}/api/v1/auth", timeout=60) as client:
        for name in names:
            asked = {"email": f"{name}@example.org", "handle": name, "password": PASSWORD}
            (await client.post("/register", json=asked)).raise_for_status()
    return names


@dataclass
class Probe:
    """Asks about addresses of all kinds, and keeps what it is told and how long that takes."""

    base: str
    names: dict[str, dict[str, Iterator[str]]]
    told: dict[str, set[Answer]] = field(default_factory=lambda: defaultdict(set))
    numbers: Iterator[int] = field(default_factory=count)

    async def measure(self, route: str, samples: int) -> dict[str, list[float]]:
        """The seconds that one route takes, by kind."""
        times: dict[str, list[float]] = {kind: [] for kind in KINDS}
        kinds = [*KINDS] * samples
        random.shuffle(kinds)
        warming = list(islice(cycle(KINDS), WARM_UP))
        async with httpx.AsyncClient(base_url=f"{self.base}/api/v1/auth", timeout=60) as client:
            for turn, kind in enumerate([*warming, *kinds]):
                number = next(self.numbers)
                name = f"nobody{number:06}" if kind == UNKNOWN else next(self.names[route][kind])
                body = asked(route, f"{name}@example.org", number)
                begun = time.perf_counter()
                answer = await client.post(f"/{route}", json=body)
                taken = time.perf_counter() - begun
                self.told[route].add(what_it_says(answer))
                if turn >= WARM_UP:
                    times[kind].append(taken)
        return times


async def probe_of(site: Site) -> Probe:
    """A probe that knows whom there is. One set of names is for registering, the other for the rest."""
    known = {
        VERIFIED: await members(site, 2 * KNOWN),
        PENDING: await pending(site, [f"waiting{number:03}" for number in range(2 * KNOWN)]),
    }
    names: dict[str, dict[str, Iterator[str]]] = {}
    for route in ROUTES:
        half = slice(KNOWN) if route == "register" else slice(KNOWN, None)
        names[route] = {kind: cycle(those[half]) for kind, those in known.items()}
    return Probe(site.base, names)


async def measured(site: Site, samples: int, rounds: int) -> dict[str, dict[str, object]]:
    """By route: the areas of all rounds for each pair, and what counts of them."""
    probe = await probe_of(site)
    areas: dict[tuple[str, str], list[float]] = defaultdict(list)
    for _ in range(rounds):
        for route in ROUTES:
            times = await probe.measure(route, samples)
            for kind in (VERIFIED, PENDING):
                areas[route, kind].append(area(times[kind], times[UNKNOWN]))
    found: dict[str, dict[str, object]] = {route: {"answers": len(probe.told[route])} for route in ROUTES}
    for (route, kind), values in areas.items():
        # Folded after the median, not before: noise has no side, and must not add up.
        middle = median(values)
        auc = round(max(middle, 1 - middle), 3)
        found[route][kind] = {"auc": auc, "rounds": [round(one, 3) for one in values], "passes": auc <= BAR}
    for route, told in probe.told.items():
        if len(told) > 1:
            print(f"{route} answers in {len(told)} ways:", *told, sep="\n", file=sys.stderr)
    return found


def passes(found: dict[str, dict[str, object]]) -> bool:
    """Whether no route tells anything."""
    pairs = [one[kind] for one in found.values() for kind in (VERIFIED, PENDING)]
    return all(isinstance(one, dict) and one["passes"] for one in pairs) and all(
        one["answers"] == 1 for one in found.values()
    )


def main() -> None:
    """Print what was measured as JSON."""
    given = [int(one) for one in sys.argv[1:3]]
    samples, rounds = [*given, *(SAMPLES, ROUNDS)[len(given) :]]
    with serving() as site:
        found = asyncio.run(measured(site, samples, rounds))
    json.dump(found, sys.stdout, indent=2)
    print()
    sys.exit(not passes(found))


if __name__ == "__main__":
    main()
