"""Fixtures of the integration and fault tests."""

import pytest

import harness
import simulator


@pytest.fixture
def sim():
    """A simulator that calls back at once."""
    one = simulator.Simulator(harness.PRONTO_SIM)
    yield one
    one.close()


@pytest.fixture
def silent(sim):
    """A simulator that accepts everything and never calls back."""
    sim.behave(lose=1)
    return sim


@pytest.fixture
def new_prontod():
    """Makes daemons, which are not yet started; each is ended and checked after the test."""
    made = []

    def make(*arguments, **keys):
        made.append(harness.Prontod(*arguments, **keys))
        return made[-1]

    yield make
    for one in reversed(made):
        one.close()
