"""Test the signals that stop a run after the current step."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from oxbert.training.loop.signals import StopSignals

SIGNALS = [signal.SIGINT, signal.SIGTERM]


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Restore the signal handlers after each test."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_is_recorded_and_handlers_are_restored(number: signal.Signals) -> None:
    caught: list[int] = []
    for kind in SIGNALS:
        signal.signal(kind, lambda got, _: caught.append(got))
    mine = [signal.getsignal(kind) for kind in SIGNALS]
    with StopSignals() as stop:
        assert stop.received is None
        signal.raise_signal(number)
        # torchrun and its parent may both send SIGTERM.
        signal.raise_signal(signal.SIGTERM)
        assert stop.received == number and caught == []
    assert [signal.getsignal(kind) for kind in SIGNALS] == mine


@pytest.mark.parametrize("ignored", SIGNALS)
def test_signals_ignored_at_the_start_stay_ignored(ignored: signal.Signals) -> None:
    """Start with the signal ignored, as `nohup` and a shell's `&` do."""
    (other,) = set(SIGNALS) - {ignored}
    signal.signal(ignored, signal.SIG_IGN)
    with StopSignals() as stop:
        assert signal.getsignal(ignored) is signal.SIG_IGN
        signal.raise_signal(ignored)
        assert stop.received is None
        signal.raise_signal(other)
        assert stop.received == other
    assert signal.getsignal(ignored) is signal.SIG_IGN


@pytest.mark.parametrize("first", SIGNALS)
def test_ctrl_c_after_a_signal_raises_keyboard_interrupt(first: signal.Signals) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    terminate = signal.getsignal(signal.SIGTERM)
    with StopSignals() as stop:
        signal.raise_signal(first)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert stop.received == first
        assert signal.getsignal(signal.SIGTERM) == terminate


def test_other_threads_do_not_change_handlers() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    seen: list[Any] = []

    def enter() -> None:
        with StopSignals() as stop:
            seen.extend([signal.getsignal(number) for number in SIGNALS])
            seen.append(stop.received)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert seen == [*before, None]
