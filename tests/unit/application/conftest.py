"""A fresh world for every test."""

import pytest

from soundgraph.adapters.memory.app import World, memory_app


@pytest.fixture
def app() -> World:
    return memory_app()
