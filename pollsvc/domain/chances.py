"""How likely it is by chance: exact tails, as logarithms to base 10, so that nothing underflows."""

import math

NEVER = -300.0
"""What an impossible thing is said to be likely as, and anything less likely than that."""
_ENOUGH = 1e-12  # a sum ends when the next term adds less than this share of it
_LN10 = math.log(10)


def binomial_above(successes: int, trials: int, chance: float) -> float:
    """log10 of P(X >= successes), X binomial with so many trials; exact up to rounding.

    0.0 (certain) where as many are expected anyway: only what is above the mean is of interest.
    """
    if successes <= trials * chance:
        return 0.0
    if chance <= 0:
        return NEVER
    term = total = 1.0
    for k in range(successes, trials):
        term *= (trials - k) / (k + 1) * chance / (1 - chance)
        total += term
        if term < total * _ENOUGH:
            break
    choose = math.lgamma(trials + 1) - math.lgamma(successes + 1) - math.lgamma(trials - successes + 1)
    first = choose + successes * math.log(chance) + (trials - successes) * math.log1p(-chance)
    return _within((first + math.log(total)) / _LN10)


def chi_square_below(value: float, degrees: int) -> float:
    """log10 of P(X <= value), X chi-square with so many degrees of freedom.

    The series of the lower incomplete gamma function (Abramowitz and Stegun, 6.5.29). 0.0 (certain) from the
    mean on, as above.
    """
    a, x = degrees / 2, value / 2
    if x <= 0:
        return NEVER
    if x >= a:
        return 0.0
    term = total = 1.0
    k = a
    while term >= total * _ENOUGH:
        k += 1
        term *= x / k
        total += term
    return _within((a * math.log(x) - x - math.lgamma(a + 1) + math.log(total)) / _LN10)


def share_at_most(successes: int, trials: int, deviations: float) -> float:
    """The upper end of Wilson's interval for a share (E. B. Wilson, 1927, JASA 22:209), in so many standard
    deviations; 1 where there was no trial."""
    if not trials:
        return 1.0
    share, square = successes / trials, deviations**2 / trials
    spread = deviations * math.sqrt(share * (1 - share) / trials + square / (4 * trials))
    return min((share + square / 2 + spread) / (1 + square), 1.0)


def _within(logarithm: float) -> float:
    return max(min(logarithm, 0.0), NEVER)
