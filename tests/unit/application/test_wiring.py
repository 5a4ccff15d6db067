"""Use cases are built from their annotated ports."""

import inspect
import pkgutil
from collections.abc import Callable
from importlib import import_module

import pytest

import soundgraph.application
from soundgraph.adapters.memory.app import World
from soundgraph.adapters.memory.clock import ManualClock
from soundgraph.application.discovery import DiscoveryWork
from soundgraph.application.identity import Post
from soundgraph.application.ports import Clock
from soundgraph.application.wiring import Wiring


class Verb:
    """Needs a port and a unit of work."""

    def __init__(self, work: Callable[[], DiscoveryWork], clock: Clock) -> None:
        self.work, self.clock = work, clock


class Greedy:
    """Needs what nobody has."""

    def __init__(self, clock: Clock, moon: "Moon") -> None:
        self.clock, self.moon = clock, moon


class Moon:
    """Is out of reach."""

    def __init__(self, distance: int) -> None:
        self.distance = distance


class Egg:
    """Comes out of a hen."""

    __module__ = "soundgraph.application.farm"  # whose classes are built

    def __init__(self, hen: "Hen") -> None:
        self.hen = hen


class Hen:
    """Comes out of an egg."""

    __module__ = "soundgraph.application.farm"

    def __init__(self, egg: Egg) -> None:
        self.egg = egg


class Nest:
    """Needs what is made of ports."""

    def __init__(self, post: Post, caller: "Caller") -> None:
        self.post, self.caller = post, caller


class Caller:
    """Is made of what is made of ports."""

    __module__ = "soundgraph.application.farm"

    def __init__(self, post: Post, clock: Clock) -> None:
        self.post, self.clock = post, clock


def nothing() -> object:
    """Stands for a unit of work that is never opened."""
    return None


def test_ports_come_from_their_providers_and_use_cases_are_fresh() -> None:
    clock = ManualClock()
    use = Wiring({Clock: lambda: clock, ManualClock: lambda: clock}, nothing)
    assert use(ManualClock) is clock
    first, second = use(Verb), use(Verb)
    assert first is not second
    assert first.clock is second.clock is clock
    assert first.work is nothing


def test_what_nothing_provides_is_named() -> None:
    use = Wiring({Clock: ManualClock}, nothing)
    with pytest.raises(LookupError, match="Greedy needs moon"):
        use(Greedy)


def test_ordinary_classes_of_the_application_are_built_of_ports(app: World) -> None:
    first, second = app.use(Nest), app.use(Nest)
    assert isinstance(first.post, Post)
    assert isinstance(first.caller.post, Post)
    assert first.caller is not second.caller
    assert first.caller.clock is app.clock


def test_what_a_collaborator_lacks_is_named_with_the_way_to_it() -> None:
    use = Wiring({Clock: ManualClock}, nothing)
    for _ in range(2):
        with pytest.raises(LookupError, match=r"Nest > Post needs mailer: .*Mailer.*, and nothing provides it"):
            use(Nest)


def test_a_port_is_not_built() -> None:
    with pytest.raises(LookupError, match="Verb needs clock"):
        Wiring({}, nothing)(Verb)


def test_a_circle_is_named() -> None:
    use = Wiring({}, nothing)
    with pytest.raises(LookupError, match="Egg > Hen > Egg: each needs the next"):
        use(Egg)


def callables_of_the_application() -> list[type]:
    """Every class of the application that is called as a verb: use cases and subscribers."""
    names = [one.name for one in pkgutil.walk_packages(soundgraph.application.__path__, "soundgraph.application.")]
    found = {
        one
        for name in names
        for _, one in inspect.getmembers(import_module(name), inspect.isclass)
        if one.__module__ == name and "__call__" in vars(one) and inspect.iscoroutinefunction(vars(one)["__call__"])
    }
    return sorted(
        (one for one in found if not getattr(one, "_is_protocol", False)),
        key=lambda one: (one.__module__, one.__qualname__),
    )


@pytest.mark.parametrize("verb", callables_of_the_application(), ids=lambda verb: verb.__qualname__)
def test_every_verb_can_be_built_and_says_what_it_does(app: World, verb: type) -> None:
    assert callable(app.use(verb))
    assert inspect.getdoc(verb)
