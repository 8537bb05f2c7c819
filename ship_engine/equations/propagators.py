"""Divided differences of the exponential function: what chains of linear equations integrate to.

If x is driven by y with a factor c, and both decay, then after a time t what y was adds to x the
product of c t and the divided difference of exp at the two exponents; with one more link in the
chain it is that at three points, and so on.  Divided differences are smooth where points coincide,
and so are these functions, in value and in derivatives: near coincidence a series takes over from
the quotient of differences.

Two states that act on each other have a pair of exponents instead of one, real or complex: what is
needed then are the even and odd parts of these functions in the half difference of the pair.

McCurdy, Ng & Parlett (1984), Math. Comput. 43:501.
"""

from __future__ import annotations

from ship_engine.elementwise import absolute, cos, exp, exprel, maximum, minimum, sin, sqrt, where


def divided_exp_2(x, y):
    """(exp(x) - exp(y)) / (x - y), and exp(x) where both are equal."""
    rising = x < y
    return where(rising, exp(y), exp(x)) * exprel(where(rising, x - y, y - x))


def divided_exp_3(x, y, z):
    """Divided difference of exp at three points; exp(x) / 2 where all are equal."""
    low, high = minimum(x, y), maximum(x, y)
    top, bottom = maximum(high, z), minimum(low, z)
    middle = maximum(low, minimum(high, z))
    return exp(top) * below_zero_3(middle - top, bottom - top)


def divided_exp_4(x, y, z, u):
    """Divided difference of exp at four points; exp(x) / 6 where all are equal."""
    low, high = minimum(x, y), maximum(x, y)
    lower, higher = minimum(z, u), maximum(z, u)
    top, bottom = maximum(high, higher), minimum(low, lower)
    one, other = minimum(high, higher), maximum(low, lower)
    second, third = maximum(one, other), minimum(one, other)
    return exp(top) * below_zero_4(second - top, third - top, bottom - top)


def below_zero_3(p_given, q_given):
    """Divided difference of exp at 0 >= p >= q."""
    near = q_given > -0.5
    p, q = where(near, p_given, 0.0), where(near, q_given, 0.0)
    u, w = 0.0 * p, 0.0 * q
    u, w = folded(1.0 / 355687428096000.0, p, q, u, w)
    u, w = folded(1.0 / 20922789888000.0, p, q, u, w)
    u, w = folded(1.0 / 1307674368000.0, p, q, u, w)
    u, w = folded(1.0 / 87178291200.0, p, q, u, w)
    u, w = folded(1.0 / 6227020800.0, p, q, u, w)
    u, w = folded(1.0 / 479001600.0, p, q, u, w)
    u, w = folded(1.0 / 39916800.0, p, q, u, w)
    u, w = folded(1.0 / 3628800.0, p, q, u, w)
    u, w = folded(1.0 / 362880.0, p, q, u, w)
    u, w = folded(1.0 / 40320.0, p, q, u, w)
    u, w = folded(1.0 / 5040.0, p, q, u, w)
    u, w = folded(1.0 / 720.0, p, q, u, w)
    u, w = folded(1.0 / 120.0, p, q, u, w)
    u, w = folded(1.0 / 24.0, p, q, u, w)
    u, w = folded(1.0 / 6.0, p, q, u, w)
    u, w = folded(1.0 / 2.0, p, q, u, w)
    far = where(near, -1.0, q_given)
    return where(near, w, (exp(p_given) * exprel(q_given - p_given) - exprel(p_given)) / far)


def below_zero_4(p_given, q_given, r_given):
    """Divided difference of exp at 0 >= p >= q >= r."""
    near = r_given > -1.0
    p, q, r = where(near, p_given, 0.0), where(near, q_given, 0.0), where(near, r_given, 0.0)
    u, w, y = 0.0 * p, 0.0 * q, 0.0 * r
    u, w, y = folded_thrice(1.0 / 2.585201673888498e22, p, q, r, u, w, y)
    u, w, y = folded_thrice(1.0 / 1.1240007277776077e21, p, q, r, u, w, y)
    u, w, y = folded_thrice(1.0 / 5.109094217170944e19, p, q, r, u, w, y)
    u, w, y = folded_thrice(1.0 / 2.43290200817664e18, p, q, r, u, w, y)
    u, w, y = folded_thrice(1.0 / 1.21645100408832e17, p, q, r, u, w, y)
    u, w, y = folded_thrice(1.0 / 6402373705728000.0, p, q, r, u, w, y)
    u, w, y = folded_thrice(1.0 / 355687428096000.0, p, q, r, u, w, y)
    u, w, y = folded_thrice(1.0 / 20922789888000.0, p, q, r, u, w, y)
    u, w, y = folded_thrice(1.0 / 1307674368000.0, p, q, r, u, w, y)
    u, w, y = folded_thrice(1.0 / 87178291200.0, p, q, r, u, w, y)
    u, w, y = folded_thrice(1.0 / 6227020800.0, p, q, r, u, w, y)
    u, w, y = folded_thrice(1.0 / 479001600.0, p, q, r, u, w, y)
    u, w, y = folded_thrice(1.0 / 39916800.0, p, q, r, u, w, y)
    u, w, y = folded_thrice(1.0 / 3628800.0, p, q, r, u, w, y)
    u, w, y = folded_thrice(1.0 / 362880.0, p, q, r, u, w, y)
    u, w, y = folded_thrice(1.0 / 40320.0, p, q, r, u, w, y)
    u, w, y = folded_thrice(1.0 / 5040.0, p, q, r, u, w, y)
    u, w, y = folded_thrice(1.0 / 720.0, p, q, r, u, w, y)
    u, w, y = folded_thrice(1.0 / 120.0, p, q, r, u, w, y)
    u, w, y = folded_thrice(1.0 / 24.0, p, q, r, u, w, y)
    u, w, y = folded_thrice(1.0 / 6.0, p, q, r, u, w, y)
    far = where(near, -1.0, r_given)
    lower = exp(p_given) * below_zero_3(q_given - p_given, r_given - p_given)
    return where(near, y, (lower - below_zero_3(p_given, q_given)) / far)


def folded(term, p, q, u, w):
    """One step of Horner's rule for a Taylor series' divided difference at 0, p and q."""
    new = term + p * u
    return new, new + q * w


def folded_thrice(term, p, q, r, u, w, y):
    """The same at 0, p, q and r."""
    new, newer = folded(term, p, q, u, w)
    return new, newer, newer + r * y


def even_exp(q_given):
    """cosh(x) and sinh(x) / x of the square root x of q <= 1/4, which is imaginary where q < 0."""
    near = q_given > -0.25
    q = where(near, q_given, 0.0)
    even = 4.779477332387385e-14
    even = 1.1470745597729725e-11 + q * even
    even = 2.08767569878681e-09 + q * even
    even = 2.755731922398589e-07 + q * even
    even = 2.48015873015873e-05 + q * even
    even = 0.001388888888888889 + q * even
    even = 0.041666666666666664 + q * even
    even = 0.5 + q * even
    even = 1.0 + q * even
    odd = 2.8114572543455206e-15
    odd = 7.647163731819816e-13 + q * odd
    odd = 1.6059043836821613e-10 + q * odd
    odd = 2.505210838544172e-08 + q * odd
    odd = 2.7557319223985893e-06 + q * odd
    odd = 0.0001984126984126984 + q * odd
    odd = 0.008333333333333333 + q * odd
    odd = 0.16666666666666666 + q * odd
    odd = 1.0 + q * odd
    x = sqrt(where(near, 1.0, -q_given))
    return where(near, even, cos(x)), where(near, odd, sin(x) / x)


def pair_exp(middle, q):
    """Even and odd part of exp at a pair of points: half its sum, and its divided difference.

    The points are ``middle`` plus and minus the square root of q, a complex pair where q < 0.
    """
    apart = q > 0.25
    even, odd = even_exp(where(apart, 0.0, q))
    x = sqrt(where(apart, q, 1.0))
    both = 0.5 * (exp(middle + x) + exp(middle - x))
    level = exp(middle)
    difference = divided_exp_2(middle + x, middle - x)
    return where(apart, both, level * even), where(apart, difference, level * odd)


def pair_divided_exp(middle, q, other):
    """The same of the divided difference of exp between the points of a pair and another point."""
    p = middle - other
    near = p * p + absolute(q) < 1.0
    p_near, q_near = where(near, p, 0.0), where(near, q, 0.0)
    even, odd = 0.0 * p_near, 0.0 * q_near
    even, odd = folded_pair(1.0 / 5.109094217170944e19, p_near, q_near, even, odd)
    even, odd = folded_pair(1.0 / 2.43290200817664e18, p_near, q_near, even, odd)
    even, odd = folded_pair(1.0 / 1.21645100408832e17, p_near, q_near, even, odd)
    even, odd = folded_pair(1.0 / 6402373705728000.0, p_near, q_near, even, odd)
    even, odd = folded_pair(1.0 / 355687428096000.0, p_near, q_near, even, odd)
    even, odd = folded_pair(1.0 / 20922789888000.0, p_near, q_near, even, odd)
    even, odd = folded_pair(1.0 / 1307674368000.0, p_near, q_near, even, odd)
    even, odd = folded_pair(1.0 / 87178291200.0, p_near, q_near, even, odd)
    even, odd = folded_pair(1.0 / 6227020800.0, p_near, q_near, even, odd)
    even, odd = folded_pair(1.0 / 479001600.0, p_near, q_near, even, odd)
    even, odd = folded_pair(1.0 / 39916800.0, p_near, q_near, even, odd)
    even, odd = folded_pair(1.0 / 3628800.0, p_near, q_near, even, odd)
    even, odd = folded_pair(1.0 / 362880.0, p_near, q_near, even, odd)
    even, odd = folded_pair(1.0 / 40320.0, p_near, q_near, even, odd)
    even, odd = folded_pair(1.0 / 5040.0, p_near, q_near, even, odd)
    even, odd = folded_pair(1.0 / 720.0, p_near, q_near, even, odd)
    even, odd = folded_pair(1.0 / 120.0, p_near, q_near, even, odd)
    even, odd = folded_pair(1.0 / 24.0, p_near, q_near, even, odd)
    even, odd = folded_pair(1.0 / 6.0, p_near, q_near, even, odd)
    even, odd = folded_pair(1.0 / 2.0, p_near, q_near, even, odd)
    even, odd = folded_pair(1.0 / 1.0, p_near, q_near, even, odd)
    apart = q > 0.25
    x = sqrt(where(apart, q, 1.0))
    one, two = middle + x, middle - x
    both = 0.5 * (divided_exp_2(one, other) + divided_exp_2(two, other))
    difference = divided_exp_3(one, two, other)
    far_even, far_odd = even_exp(where(apart, 0.0, q))
    there, here = exp(middle), exp(other)
    size = where(near | apart, 1.0, p * p - q)
    risen = there * far_even - here
    far_both = (p * risen - q * there * far_odd) / size
    far_difference = (p * there * far_odd - risen) / size
    return (
        where(near, here * even, where(apart, both, far_both)),
        where(near, here * odd, where(apart, difference, far_difference)),
    )


def folded_pair(term, p, q, even, odd):
    """One step of Horner's rule at the point p plus the square root of q."""
    return term + p * even + q * odd, even + p * odd
