"""Builds a use case from its annotated ports. The container and the memory world both use it, so both wire alike."""

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any, TypeVar, get_origin

T = TypeVar("T")


class Wiring:
    """Maps each port type to a provider.

    A constructor parameter annotated with a port gets that port; one annotated `Callable[[], SomeWork]` gets the
    factory of units of work, since one concrete unit of work satisfies every module's protocol.
    """

    def __init__(self, ports: Mapping[type, Callable[[], object]], work: Callable[[], object]) -> None:
        self._ports = ports
        self._work = work
        self._plans: dict[type, dict[str, Callable[[], object]]] = {}

    def __call__(self, wanted: type[T]) -> T:
        """The port of that type, or a fresh use case. Raises LookupError naming a parameter that nothing provides."""
        provider = self._ports.get(wanted)
        if provider is not None:
            return provider()  # type: ignore[return-value]  # the mapping pairs each type with its own provider
        plan = self._plans.get(wanted)
        if plan is None:
            plan = self._plans[wanted] = self._plan(wanted)
        return wanted(**{name: provide() for name, provide in plan.items()})

    def _plan(self, wanted: type) -> dict[str, Callable[[], object]]:
        parameters = signature(wanted, eval_str=True).parameters
        return {name: self._provider(wanted, name, one.annotation) for name, one in parameters.items()}

    def _provider(self, wanted: type, name: str, hint: Any) -> Callable[[], object]:
        if get_origin(hint) is Callable:
            return lambda: self._work
        if hint in self._ports:
            return self._ports[hint]
        raise LookupError(f"{wanted.__qualname__} needs {name}: {hint}, and nothing provides it")
