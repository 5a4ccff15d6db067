"""Whether answers take longer for addresses that are known: 300 of each kind, in random order, for each route.

`python -m bench.enumeration` starts `soundgraph serve` with a database of its own and without limits, and prints the
area under the ROC curve of telling known from unknown by time: 0.5 is a coin, 1.0 is certainty. Whichever side is
slower counts, so nothing below 0.5 is printed. It also checks that status and body are the same.
"""

import asyncio
import json
import random
import sys
import time

import httpx
from bench.served import PASSWORD, members, serving

SAMPLES = 300
WARM_UP = 20
KNOWN = 20


def separability(known: list[float], unknown: list[float]) -> float:
    """How well one threshold tells two samples apart, as the area under the ROC curve, at least 0.5."""
    wins = sum((one > other) + 0.5 * (one == other) for one in known for other in unknown)
    area = wins / (len(known) * len(unknown))
    return max(area, 1 - area)


def asked(route: str, address: str, number: int) -> dict[str, object]:
    """The body of a request about an address."""
    match route:
        case "register":
            return {"email": address, "handle": f"somebody-{number}", "password": PASSWORD}
        case "login":
            return {"login": address, "password": "wrong horse battery", "transport": "bearer"}
        case _:
            return {"email": address}


async def measured(base: str, route: str, known: list[str]) -> float:
    """The separability of one route."""
    times: dict[bool, list[float]] = {True: [], False: []}
    answers = set[tuple[int, bytes]]()
    kinds = [True, False] * (SAMPLES + WARM_UP // 2)
    middle = kinds[WARM_UP:]
    random.shuffle(middle)
    async with httpx.AsyncClient(base_url=f"{base}/api/v1/auth", timeout=60) as client:
        for number, is_known in enumerate([*kinds[:WARM_UP], *middle]):
            # Both kinds take turns through as many addresses.
            name = known[number % len(known)] if is_known else f"nobody{number % len(known):03}"
            body = asked(route, f"{name}@example.org", number)
            begun = time.perf_counter()
            answer = await client.post(f"/{route}", json=body)
            taken = time.perf_counter() - begun
            answers.add((answer.status_code, answer.content))
            if number >= WARM_UP:
                times[is_known].append(taken)
    assert len(answers) == 1, answers
    return separability(times[True], times[False])


def main() -> None:
    """Print the separability of each route as JSON."""
    with serving() as site:
        known = asyncio.run(members(site, KNOWN))
        routes = ("login", "password/forgot", "verify-email/resend", "register")
        found = {route: round(asyncio.run(measured(site.base, route, known)), 3) for route in routes}
    json.dump(found, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
