"""What one test file gave, and how a TAP stream (Test Anything Protocol) is counted."""

import re

PLAN = re.compile(r"1\.\.(\d+)\s*(?:# *SKIP\S*\s*(.*))?$", re.I)
TEST = re.compile(r"(not )?ok\b\s*(\d+)?\s*(?:- )?(.*?)(?:\s*# *(SKIP|TODO)\S*\s*(.*))?$", re.I)


class Result:
    """Tests passed, failed [names], skipped [(name, reason)]; the output; over_limit: it was stopped."""

    def __init__(self, output=""):
        self.passed = 0
        self.failed = []
        self.skipped = []
        self.output = output
        self.over_limit = False

    @staticmethod
    def failure(name, output=""):
        result = Result(output)
        result.failed.append(name)
        return result

    @staticmethod
    def stopped(name, limit, output=""):
        """The test was stopped when its limit was over."""
        result = Result.failure("%s: stopped after %d s" % (name, limit), output)
        result.over_limit = True
        return result

    def counts(self):
        return ", ".join("%d %s" % (number, word) for number, word in (
            (self.passed, "passed"), (len(self.failed), "FAILED"), (len(self.skipped), "skipped")) if number)


def read_tap(name, code, output, limit):
    """Counts a TAP stream: every test once, and whatever is missing from its plan as failed."""
    result = Result.stopped(name, limit, output) if code is None else Result(output)
    planned = None
    seen = 0
    for line in output.splitlines():
        plan = PLAN.match(line)
        test = TEST.match(line)
        if plan:
            planned = int(plan.group(1))
            if planned == 0:
                result.skipped.append((name, plan.group(2) or "no reason given"))
        elif test:
            seen += 1
            count_line(result, name, seen, test)
        elif line.startswith("Bail out!"):
            result.failed.append("%s: %s" % (name, line))
    if code is None:
        pass
    elif planned is None:
        result.failed.append("%s: ended without a plan (exit code %s)" % (name, code))
    elif seen != planned:
        result.failed.append("%s: planned %d tests, ran %d" % (name, planned, seen))
    elif code != 0 and not result.failed:
        result.failed.append("%s: exit code %s" % (name, code))
    return result


def count_line(result, name, number, test):
    negated, _, text, directive, reason = test.groups()
    label = "%s: %s" % (name, text or "test %d" % number)
    if directive:
        result.skipped.append((label, reason or directive.lower()))
    elif negated:
        result.failed.append(label)
    else:
        result.passed += 1
