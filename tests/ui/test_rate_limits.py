"""How much one caller may ask for."""

import random

from dance_demo.ui.server.limits.rate_limits import RateLimiter


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_a_burst_is_let_through_and_then_so_many_a_second():
    clock = Clock()
    limiter = RateLimiter(burst=10, per_s=2, clock=clock)
    assert [limiter.take("a") for _ in range(10)] == [0.0] * 10
    assert limiter.take("a") == 0.5 and limiter.take("a") == 0.5, "what is refused costs nothing"
    clock.now_s += 0.5
    assert limiter.take("a") == 0.0 and limiter.take("a") > 0
    assert limiter.take("b") == 0.0, "others have their own"
    clock.now_s += 1000
    assert [limiter.take("a") for _ in range(11)].count(0.0) == 10, "no more than the burst comes back"


def test_it_agrees_with_a_bucket_that_is_filled_drop_by_drop():
    """The oracle: a bucket of tokens, simulated at every step."""
    rng, clock = random.Random(0), Clock()
    limiter, tokens = RateLimiter(burst=7, per_s=3, clock=clock), 7.0
    for _ in range(5000):
        passed_s, cost = rng.expovariate(3), rng.choice((0.5, 1, 2, 5))
        clock.now_s += passed_s
        tokens = min(7.0, tokens + 3 * passed_s)
        taken = limiter.take("a", cost) == 0
        assert taken == (tokens >= cost) or abs(tokens - cost) < 1e-6
        if taken:
            tokens -= cost


def test_what_costs_more_than_the_burst_is_let_through_once_all_is_back():
    clock = Clock()
    limiter = RateLimiter(burst=10, per_s=1, clock=clock)
    assert limiter.take("a", 50) == 0
    clock.now_s += 45
    assert limiter.take("a", 50) == 5


def test_what_has_happened_is_charged_even_beyond_the_burst():
    clock = Clock()
    limiter = RateLimiter(burst=10, per_s=1, clock=clock)
    limiter.spend("a", 30)
    assert limiter.wait_s("a") == 21


def test_W2_however_many_callers_come_only_the_latest_are_remembered():
    limiter = RateLimiter(burst=1, per_s=0.001, keys=100)
    for number in range(10_000):
        assert limiter.take(f"192.0.2.{number}") == 0
    assert len(limiter) == 100
    assert limiter.take("192.0.2.9999") > 0 and limiter.take("192.0.2.0") == 0
