"""Signals that ask a run to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from oxbert.training.loop.signals import StopSignals

ASK = [signal.SIGINT, signal.SIGTERM]


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Whatever a test sets, the handlers are those from before."""
    before = {number: signal.getsignal(number) for number in ASK}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", ASK)
def test_the_first_signal_is_noted_and_handlers_come_back(number: signal.Signals) -> None:
    caught: list[int] = []
    for kind in ASK:
        signal.signal(kind, lambda got, _: caught.append(got))
    mine = [signal.getsignal(kind) for kind in ASK]
    with StopSignals() as stop:
        assert stop.received is None
        signal.raise_signal(number)
        # torchrun, and what has started it, each send one.
        signal.raise_signal(signal.SIGTERM)
        assert stop.received == number and caught == []
    assert [signal.getsignal(kind) for kind in ASK] == mine


@pytest.mark.parametrize("ignored", ASK)
def test_what_a_run_was_started_to_ignore_stays_ignored(ignored: signal.Signals) -> None:
    """As `nohup` and a shell's `&` have it."""
    (other,) = set(ASK) - {ignored}
    signal.signal(ignored, signal.SIG_IGN)
    with StopSignals() as stop:
        assert signal.getsignal(ignored) is signal.SIG_IGN
        signal.raise_signal(ignored)
        assert stop.received is None
        signal.raise_signal(other)
        assert stop.received == other
    assert signal.getsignal(ignored) is signal.SIG_IGN


@pytest.mark.parametrize("first", ASK)
def test_control_c_ends_it_after_a_signal(first: signal.Signals) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    terminate = signal.getsignal(signal.SIGTERM)
    with StopSignals() as stop:
        signal.raise_signal(first)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert stop.received == first
        assert signal.getsignal(signal.SIGTERM) == terminate


def test_nothing_is_changed_in_another_thread() -> None:
    before = [signal.getsignal(number) for number in ASK]
    seen: list[Any] = []

    def enter() -> None:
        with StopSignals() as stop:
            seen.extend([signal.getsignal(number) for number in ASK])
            seen.append(stop.received)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert seen == [*before, None]
