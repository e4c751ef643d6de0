#!/usr/bin/python3
"""
The models of customer value against numbers from outside: golden.tsv, the papers, and rows computed
here with 80 digits (mpmath) by the formulas as they were published, with hypergeometric functions,
random but for a fixed seed. The kernels must agree to a relative error of 1e-10 on every row.
weight: 11
"""

import math
import os
import random
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(HERE, "test/lib"))
from cdptest import Tap, data_file  # noqa: E402

try:
    import mpmath as mp
except ImportError:
    mp = None

LIMIT = 1e-10
FIELDS = ("log-likelihood", "p_alive", "expected", "expected_new", "dert", "discounted")


def build(folder):
    """The kernels with a driver, under the address and undefined behaviour sanitizers."""
    program = os.path.join(folder, "value_driver")
    subprocess.run(
        ["cc", "-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined",
         "-fno-sanitize-recover=all", "-I", os.path.join(HERE, "src"), "-o", program,
         os.path.join(HERE, "test/programs/value_driver.c")]
        + [os.path.join(HERE, "src/value", name + ".c") for name in ("special", "bgnbd", "paretonbd", "gamma_gamma")]
        + ["-lm"], check=True)
    return program


def run(program, rows):
    """Each row of 11 fields through the driver: a list of floats per row."""
    text = "".join(" ".join(map(str, row)) + "\n" for row in rows)
    done = subprocess.run([program], input=text, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit("value_driver failed: " + done.stderr)
    return [[float(word) for word in line.split()] for line in done.stdout.splitlines()]


def distance(got, expected):
    """Relative error; infinite where got is not a number. Below the smallest float there is only zero."""
    expected = mp.mpf(expected) if mp else float(expected)
    if not math.isfinite(got):
        return math.inf
    if abs(expected) < 1e-300:
        return 0 if abs(got) < 1e-299 else math.inf
    return float(abs((got - expected) / expected))


class Worst:
    """The largest error per field, and the rows beyond the limit."""

    def __init__(self):
        self.error = {}
        self.bad = []

    def see(self, field, row, got, expected):
        error = distance(got, expected)
        self.error[field] = max(self.error.get(field, 0), error)
        if not error <= LIMIT:
            self.bad.append("%s of %s: %r, not %s" % (field, " ".join(map(str, row)), got, expected))

    def report(self, tap, name, least):
        count = sum(1 for _ in self.error)
        tap.ok(not self.bad and count >= least, name + ": relative error at most 1e-10",
               "\n".join(self.bad[:20]) or "too few fields were compared")
        print("# %s: largest errors %s" % (name, ", ".join("%s %.1e" % pair for pair in self.error.items())))


# The models, as published. Arguments are exact decimals of the doubles.

def beta_log(a, b):
    return mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)


def bgnbd(p, x, tx, T, t, delta, horizon, integrals):
    r, alpha, a, b = p
    if a == 1:
        a = a + mp.mpf(10) ** -45  # the formulas have a removable singularity there
    R = r + x
    odds = (a / (b + x - 1) * ((alpha + T) / (alpha + tx)) ** R) if x > 0 else mp.mpf(0)
    alive = 1 / (1 + odds)
    ll = (mp.loggamma(R) - mp.loggamma(r) + r * mp.log(alpha) + beta_log(a, b + x) - beta_log(a, b)
          - R * mp.log(alpha + T) + mp.log1p(odds))

    def purchases(R, B, since, t):
        c = a + B - 1
        return c / (a - 1) * (1 - (since / (since + t)) ** R * mp.hyp2f1(R, B, c, t / (since + t)))

    found = [ll, alive, alive * purchases(R, b + x, alpha + T, t), purchases(r, b, alpha, t)]
    if integrals:
        def rate(s):
            return R / (alpha + T) * mp.hyp2f1(R + 1, a, a + b + x, -s / (alpha + T)) * mp.exp(-delta * s)
        ends = [0] + [(alpha + T) * mp.mpf(2) ** k for k in range(-4, 12)]
        last = 90 / delta
        found.append(alive * mp.quad(rate, [e for e in ends if e < last] + [last]))
        found.append(alive * mp.quad(rate, [e for e in ends if e < horizon] + [horizon]))
    return found


def paretonbd(p, x, tx, T, t, delta, horizon, integrals):
    r, alpha, s, beta = p
    if s == 1:
        s = s + mp.mpf(10) ** -45
    R = r + x
    most, gap, last = (alpha, alpha - beta, s + 1) if alpha >= beta else (beta, beta - alpha, R)

    def term(u):
        return mp.hyp2f1(R + s, last, R + s + 1, gap / (most + u)) / (most + u) ** (R + s)

    odds = s / (R + s) * (alpha + T) ** R * (beta + T) ** s * (term(tx) - term(T))
    alive = 1 / (1 + odds)
    ll = (mp.loggamma(R) - mp.loggamma(r) + r * mp.log(alpha) + s * mp.log(beta) - R * mp.log(alpha + T)
          - s * mp.log(beta + T) + mp.log1p(odds))

    def purchases(rate, since, t):
        return rate * since / (s - 1) * (1 - (since / (since + t)) ** (s - 1))

    rate = R / (alpha + T)
    found = [ll, alive, alive * purchases(rate, beta + T, t), purchases(r / alpha, beta, t)]
    if integrals:
        m = delta * (beta + T)
        found.append(alive * rate * delta ** (s - 1) * (beta + T) ** s * mp.hyperu(s, s, m))
        ends = [0] + [(beta + T) * mp.mpf(2) ** k for k in range(-4, 12)]
        found.append(alive * rate * mp.quad(
            lambda u: ((beta + T) / (beta + T + u)) ** s * mp.exp(-delta * u),
            [e for e in ends if e < horizon] + [horizon]))
    return found


def decimal(number):
    return mp.mpf(number)  # exact: a double


def random_row(rng, model):
    """Parameters and customers over many orders of magnitude, the removable limits now and then."""
    def size(low, high):
        return math.exp(rng.uniform(math.log(low), math.log(high)))
    p = [size(0.05, 8), size(0.2, 200), size(0.05, 6), size(0.1, 50)]
    kind = rng.random()
    if kind < 0.15:
        p[2] = rng.choice([1.0, 1 + 1e-9, 1 - 1e-7, 1 + 1e-3])
    elif kind < 0.3 and model == "paretonbd":
        p[3] = p[1] * rng.choice([1.0, 1 + 1e-9, 1e-3, 1e3])
    elif kind > 0.85 and model == "bgnbd":
        p[2] = size(20, 20000)  # nearly everybody is alike
    T = round(size(0.1, 800), 6)
    x = rng.choice([0, 0, 1, 1, 2, 3, 5, 9, 20, 60, 250, 1200])
    tx = 0 if x == 0 else round(T * rng.choice([0, 0.05, rng.random(), rng.random(), 0.97, 1]), 6)
    return [model] + p + [x, tx, T, round(size(0.05, 2000), 6), size(0.0005, 0.2), round(size(1, 500), 3)]


def compare_golden(tap, program):
    path = data_file("cdnow/golden.tsv")
    if path is None:
        tap.skip("golden.tsv", "the file is missing")
        return
    with open(path, encoding="utf-8") as f:
        table = [line.rstrip("\n").split("\t") for line in f][1:]
    rows = [row[:9] + ["0.0027", "100"] for row in table]
    worst = Worst()
    for row, got in zip(table, run(program, rows)):
        for field, index, column in (("log-likelihood", 0, 9), ("p_alive", 1, 10), ("expected", 2, 11), ("dert", 4, 12)):
            if len(row) > column and row[column]:
                worst.see(field, row[:9], got[index], row[column])
        if not all(map(math.isfinite, got)):
            worst.bad.append("not finite: %s: %r" % (row[:9], got))
    tap.equal(len(table), 201, "rows of golden.tsv")
    worst.report(tap, "golden.tsv", 4)


def compare_papers(tap, program):
    """What the papers print, at the parameters that they print."""
    bgnbd_row = ["bgnbd", 0.243, 4.414, 0.793, 2.426, 2, 30.43, 38.86, 39, 0.0027, 100]
    pareto_row = ["paretonbd", 0.553, 10.578, 0.606, 11.669, 26, 30.86, 31, 52, 0.0027, 100]
    first, second = run(program, [bgnbd_row, pareto_row])
    worst = 0
    for got, printed in ((first[2], 1.22602817477), (first[1], 0.726578570080673), (second[2], 25.4584729514)):
        worst = max(worst, abs(got - printed) / printed)
    tap.ok(worst < LIMIT, "conditional expectations as published", "relative error %g" % worst)
    tap.ok(abs(second[4] - 86.0564936) < 5e-8 * 86, "discounted expected residual transactions as published", second[4])


def compare_random(tap, program, seed, count, integrals):
    """integrals: the discounted quantities, too, which take longer."""
    rng = random.Random(seed)
    rows = [random_row(rng, model) for model in ("bgnbd", "paretonbd") for _ in range(count)]
    worst = {"bgnbd": Worst(), "paretonbd": Worst()}
    for row, got in zip(rows, run(program, rows)):
        name = row[0]
        arguments = [decimal(value) for value in row[1:]]
        expected = (bgnbd if name == "bgnbd" else paretonbd)(arguments[:4], *arguments[4:], integrals)
        for field, value, true in zip(FIELDS, got, expected):
            worst[name].see(field, row, value, true)
    for name, found in worst.items():
        found.report(tap, "%s, %d random rows%s" % (name, count, " with discounts" if integrals else ""),
                     6 if integrals else 4)


def expint(nu, m):
    """exp(m) E_nu(m) as an integral, in v = ln(1 + u)."""
    end = mp.log1p(90 / m) if nu < 30 else min(mp.log1p(90 / m), 90 / (nu - 1))
    return mp.quad(lambda v: mp.exp(-m * mp.expm1(v) - (nu - 1) * v), mp.linspace(0, end, 12 if m < 1e-3 else 6))


def compare_special(tap, program):
    rng = random.Random(77)
    worst = Worst()
    rows = []
    for nu in (1e-6, 0.2, 0.4999, 0.5, 1 - 1e-9, 1.0, 1 + 1e-12, 1.3, 1.5, 2.0, 2.5, 7.25, 11.9, 12.0, 60.0, 5001.0):
        for m in (1e-12, 1e-4, 0.03, 0.5, 0.999, 1.0, 3.0, 40.0, 2000.0):
            rows.append(["expint", nu, m] + [0] * 8)
    for row, got in zip(rows, run(program, rows)):
        worst.see("exp(m) E(m)", row[:3], got[0], expint(decimal(row[1]), decimal(row[2])))
    rows = [["psi", math.exp(rng.uniform(-7, 9))] + [0] * 9 for _ in range(40)]
    for row, got in zip(rows, run(program, rows)):
        if abs(row[1] - 1.4616) > 0.01:  # digamma's zero
            worst.see("digamma", row[:2], got[0], mp.digamma(decimal(row[1])))
        worst.see("trigamma", row[:2], got[1], mp.psi(1, decimal(row[1])))
    rows = [["gamma_gamma", math.exp(rng.uniform(-1, 3)), math.exp(rng.uniform(0.1, 2)), math.exp(rng.uniform(-2, 6)), 0,
             rng.choice([1, 2, 7, 100, 5000]), math.exp(rng.uniform(-3, 9)), 0, 0, 0, 0] for _ in range(40)]
    for row, got in zip(rows, run(program, rows)):
        p, q, gamma, _, x, z = [decimal(value) for value in row[1:7]]
        ll = (mp.loggamma(p * x + q) - mp.loggamma(p * x) - mp.loggamma(q) + q * mp.log(gamma) + (p * x - 1) * mp.log(z)
              + p * x * mp.log(x) - (p * x + q) * mp.log(gamma + x * z))
        worst.see("gamma-gamma log-likelihood", row, got[0], ll)
        worst.see("expected amount", row, got[1], p * (gamma + x * z) / (p * x + q - 1))
    worst.report(tap, "special functions and Gamma-Gamma", 5)


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(dir=os.environ.get("CDP_TMP")) as folder:
        program = build(folder)
        if mp:
            mp.mp.dps = 80
        compare_golden(tap, program)
        compare_papers(tap, program)
        if mp:
            compare_random(tap, program, 2005, 60, False)
            mp.mp.dps = 30
            compare_special(tap, program)
            compare_random(tap, program, 1987, 5, True)
        else:
            tap.skip("random rows", "python3-mpmath is missing")
    tap.done()


if __name__ == "__main__":
    main()
