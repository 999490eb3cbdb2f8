"""Compute ELECTRA's learning rate: a warm-up times a polynomial decay.

    optimizer = AdamWeightDecay(parameter_groups(module.named_parameters(), learning_rate=5e-4))
    scheduler = learning_rate_scheduler(optimizer, total_steps=1_000_000, warmup_steps=10_000)

Steps are counted from 0: step n is the update after n updates. The first update has the rate of step 0, which is 0 if
there is a warm-up, and the last one has that of step `total_steps - 1`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from oxbert._checks import above_0, at_least_0, check_number, check_type


def learning_rate(
    step: float,
    *,
    peak: float,
    total_steps: int,
    warmup_steps: float = 0,
    warmup_proportion: float = 0.0,
    power: float = 1.0,
    end: float = 0.0,
) -> float:
    """Return the learning rate of one update.

        decayed = (peak - end) * (1 - min(n, N) / N) ** power + end
        rate    = decayed * min(1, n / W)

    for step n of N, and a warm-up of W = max(warmup_steps, warmup_proportion * N) steps, which is not rounded. The
    warm-up multiplies the decayed rate, so `peak` itself is never reached: the highest rate of a linear decay is
    peak * (1 - W / N), at step W.

    The original differs in three ways. It computes in float32, in which 1 - n / N is off by up to 1.3 % near the end of
    a million steps. It divides by W even if W is 0, so that without a warm-up the first rate is 0 / 0 and all weights
    become NaN; here the factor is 1. Its graph does not order the reading and the increment of the step, so that it may
    use the rate of the next step; with the variables of TensorFlow 1 the first update mostly does.

    Args:
        step: n, the number of updates before this one.
        peak: The rate that decays, per update.
        total_steps: N, the number of updates; later ones have the rate `end`.
        warmup_steps: The number of updates of the warm-up; pre-training uses 10,000.
        warmup_proportion: The warm-up as a share of N, from 0 to 1; fine-tuning uses 0.1. The longer of the two counts.
        power: The power of the decay; 1 is linear.
        end: The rate after the decay.

    Raises:
        InputError: if an argument is out of its range or not finite.

    Example:
        >>> [learning_rate(step, peak=1.0, total_steps=10, warmup_steps=4) for step in (0, 1, 2, 4, 10)]
        [0.0, 0.225, 0.4, 0.6, 0.0]

    Source:
        google-research/electra, model/optimization.py, lines 32 to 46, and `tf.train.polynomial_decay`.
    """
    check_number("step", step, "of at least 0", at_least_0)
    check_number("peak", peak, "of at least 0", at_least_0)
    check_number("total_steps", total_steps, "of at least 1", lambda value: value >= 1)
    check_number("warmup_steps", warmup_steps, "of at least 0", at_least_0)
    check_number("warmup_proportion", warmup_proportion, "from 0 to 1", lambda value: 0 <= value <= 1)
    check_number("power", power, "above 0", above_0)
    check_number("end", end, "of at least 0", at_least_0)
    decayed: float = (peak - end) * (1 - min(step, total_steps) / total_steps) ** power + end
    warmup = max(warmup_steps, warmup_proportion * total_steps)
    return decayed if step >= warmup else decayed * (step / warmup)


def highest_learning_rate(
    *, peak: float, total_steps: int, warmup_steps: float = 0, power: float = 1.0, steps: int | None = None
) -> float:
    """Return the highest learning rate of a run, which is below the peak if there is a warm-up.

    Args:
        peak: As for `learning_rate`, like the next three.
        total_steps: The number of updates over which the rate decays.
        warmup_steps: The number of updates of the warm-up.
        power: The power of the decay.
        steps: The number of updates that are made; None means `total_steps`.

    Raises:
        InputError: if an argument is out of its range or not finite.

    Example:
        >>> highest_learning_rate(peak=5e-4, total_steps=2000, warmup_steps=10_000)
        2.5e-05
    """
    last = (total_steps if steps is None else steps) - 1
    # During a warm-up the rate is proportional to n (1 - n / N) ** power, which is highest at n = N / (1 + power).
    top = min(warmup_steps, total_steps / (1 + power), last)
    # Steps are whole numbers, so the highest rate is that of a neighbour.
    candidates = {min(max(0, step), last) for step in (math.floor(top), math.floor(top) + 1)}
    rate = partial(learning_rate, peak=peak, total_steps=total_steps, warmup_steps=warmup_steps, power=power)
    return max(map(rate, candidates))


def learning_rate_factor(
    *,
    total_steps: int,
    warmup_steps: float = 0,
    warmup_proportion: float = 0.0,
    power: float = 1.0,
    end: float = 0.0,
) -> Callable[[int], float]:
    """Return a function from a step to the factor of every learning rate, as `LambdaLR` takes it.

    The arguments are those of `learning_rate`, for a peak of 1: `end` is a share of each group's rate. The function can
    be pickled. A scheduler's `state_dict` does not hold it, so a resumed scheduler follows the arguments given now.

    Raises:
        InputError: if an argument is out of its range or not finite.

    Example:
        >>> factor = learning_rate_factor(total_steps=10, warmup_proportion=0.5)
        >>> factor(0), factor(5)
        (0.0, 0.5)
    """
    factor = partial(
        learning_rate,
        peak=1.0,
        total_steps=total_steps,
        warmup_steps=warmup_steps,
        warmup_proportion=warmup_proportion,
        power=power,
        end=end,
    )
    factor(0)  # refuses a bad argument now, rather than at the first step
    return factor


def learning_rate_scheduler(
    optimizer: Optimizer,
    *,
    total_steps: int,
    warmup_steps: float = 0,
    warmup_proportion: float = 0.0,
    power: float = 1.0,
    end: float = 0.0,
    last_epoch: int = -1,
) -> LambdaLR:
    """Return a scheduler for any optimizer of torch, to be stepped once after every update.

    All groups are scaled by the same factor, so that layer-wise rates keep their ratios.

    Args:
        optimizer: The optimizer, whose learning rates are the peaks.
        total_steps: As for `learning_rate`, like the next three.
        warmup_steps: The number of updates of the warm-up.
        warmup_proportion: The warm-up as a share of `total_steps`.
        power: The power of the decay.
        end: The final rate as a share of each group's rate, from 0 to 1.
        last_epoch: The last step that is done, to continue a run; -1 starts one.

    Raises:
        InputError: if an argument is out of its range or not finite.
        DtypeError: if `optimizer` is no optimizer of torch.

    Example:
        >>> import torch
        >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=2.0)
        >>> scheduler = learning_rate_scheduler(optimizer, total_steps=10, warmup_steps=4)
        >>> for _ in range(2):
        ...     optimizer.step()
        ...     scheduler.step()
        >>> scheduler.get_last_lr()
        [0.8]
    """
    check_type("optimizer", optimizer, Optimizer, "an optimizer of torch")
    factor = learning_rate_factor(
        total_steps=total_steps,
        warmup_steps=warmup_steps,
        warmup_proportion=warmup_proportion,
        power=power,
        end=end,
    )
    return LambdaLR(optimizer, factor, last_epoch)


__all__ = ["highest_learning_rate", "learning_rate", "learning_rate_factor", "learning_rate_scheduler"]
