"""Builds use cases from their annotated constructors. Container and memory world both use it, so both wire alike."""

from collections.abc import Callable, Mapping
from inspect import isabstract, signature
from typing import Any, TypeVar, get_origin

T = TypeVar("T")

APPLICATION = "soundgraph.application."


class Wiring:
    """Maps each port type to a provider.

    A constructor parameter annotated with a port gets that port; one annotated `Callable[[], SomeWork]` gets the
    factory of units of work, since one concrete unit of work satisfies every module's protocol; one annotated with an
    ordinary class of the application gets a fresh one, which is built in the same way.
    """

    def __init__(self, ports: Mapping[type, Callable[[], object]], work: Callable[[], object]) -> None:
        self._ports = ports
        self._work = work
        self._plans: dict[type, Callable[[], object]] = {}

    def __call__(self, wanted: type[T]) -> T:
        """The port of that type, or a fresh use case.

        Raises LookupError naming the way to a parameter that nothing provides, or around a circle of classes.
        """
        provider = self._ports.get(wanted) or self._plan(wanted, ())
        return provider()  # type: ignore[return-value]  # the mapping pairs each type with its own provider

    def _plan(self, wanted: type, outer: tuple[type, ...]) -> Callable[[], object]:
        known = self._plans.get(wanted)
        if known is not None:
            return known
        path = (*outer, wanted)
        if wanted in outer:
            raise LookupError(f"{_way(path)}: each needs the next, so that none can be the first")
        parameters = signature(wanted, eval_str=True).parameters
        parts = {name: self._provider(path, name, one.annotation) for name, one in parameters.items()}
        plan = self._plans[wanted] = lambda: wanted(**{name: provide() for name, provide in parts.items()})
        return plan

    def _provider(self, path: tuple[type, ...], name: str, hint: Any) -> Callable[[], object]:
        if get_origin(hint) is Callable:
            return lambda: self._work
        if hint in self._ports:
            return self._ports[hint]
        if _ordinary(hint):
            return self._plan(hint, path)
        raise LookupError(f"{_way(path)} needs {name}: {hint}, and nothing provides it")


def _ordinary(hint: Any) -> bool:
    """Whether it is a class of the application that can be made: neither abstract nor a protocol."""
    ours = isinstance(hint, type) and hint.__module__.startswith(APPLICATION)
    return ours and not isabstract(hint) and not getattr(hint, "_is_protocol", False)


def _way(path: tuple[type, ...]) -> str:
    return " > ".join(one.__qualname__ for one in path)
