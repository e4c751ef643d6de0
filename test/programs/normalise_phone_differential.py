#!/usr/bin/env python3
"""
phone.c against python3-phonenumbers: parse result, possible and valid verdict and E.164.
timeout: 120

    normalise_phone_differential.py [MUTATIONS [SEED]]

The inputs: the example number of every region and every type, in E.164, international, national
and RFC 3966 form, from its own region and from others; and MUTATIONS (100,000; the long test takes
1,000,000) of them: digits dropped, added, changed and swapped; prefixes, separators, extensions,
scripts and regions mixed; letters; text around it. The seed is fixed, so a failure comes again.

Exceptions: none in what phone.c parses. (Inputs with control characters are not made: the
normalise stage refuses them before a phone number is looked for.) As identifiers, which have to be
the canonical form of themselves, two kinds of number differ from libphonenumber's E.164, for it
reads its own E.164 form as another number:
  - Mexico, a national number of 11 digits that begins with 1: the 1 is dropped again
    (+5212352250123 becomes +522352250123);
  - Belarus, national numbers that begin with 810 (+3758101234567): what is left is not valid, so
    they are refused.
"""

import os
import random
import subprocess
import sys
import tempfile

try:
    import phonenumbers
except ImportError:
    # Debian's package belongs to Debian's Python, which need not be the first in the path.
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3"] + sys.argv)
    print("1..0 # SKIP python3-phonenumbers is not installed")
    sys.exit(0)

from phonenumbers import PhoneMetadata, PhoneNumberFormat, PhoneNumberType
from phonenumbers.phonenumberutil import (
    COUNTRY_CODE_TO_REGION_CODE,
    COUNTRY_CODES_FOR_NON_GEO_REGIONS,
    SUPPORTED_REGIONS,
    NumberParseException,
)

HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
REGIONS = sorted(SUPPORTED_REGIONS)
ERRORS = {
    NumberParseException.INVALID_COUNTRY_CODE: "COUNTRY_CODE",
    NumberParseException.NOT_A_NUMBER: "NOT_A_NUMBER",
    NumberParseException.TOO_SHORT_AFTER_IDD: "AFTER_IDD",
    NumberParseException.TOO_SHORT_NSN: "SHORT_NSN",
    NumberParseException.TOO_LONG: "LONG",
}

# Every regular expression is compiled once: re's own cache is too small for all regions.
import functools
import re

phonenumbers.phonenumberutil.re = type(sys)("cached_re")
phonenumbers.phonenumberutil.re.__dict__.update(re.__dict__)
phonenumbers.phonenumberutil.re.compile = functools.lru_cache(maxsize=None)(re.compile)
phonenumbers.re_util.re = phonenumbers.phonenumberutil.re


def expected(region, number):
    """What phone_driver must print."""
    try:
        n = phonenumbers.parse(number, region or None)
    except NumberParseException as e:
        return ERRORS[e.error_type]
    return "%d %d %s" % (
        phonenumbers.is_possible_number(n),
        phonenumbers.is_valid_number(n),
        phonenumbers.format_number(n, PhoneNumberFormat.E164),
    )


def examples():
    """(region, PhoneNumber) of every type, the calling codes without a region too."""
    found = []
    types = [t for t in PhoneNumberType.values() if t != PhoneNumberType.UNKNOWN]
    for region in REGIONS:
        for t in types:
            n = phonenumbers.example_number_for_type(region, t)
            if n is not None:
                found.append((region, n))
        n = phonenumbers.invalid_example_number(region)
        if n is not None:
            found.append((region, n))
    for code in sorted(COUNTRY_CODES_FOR_NON_GEO_REGIONS):
        metadata = PhoneMetadata.metadata_for_nongeo_region(code, None)
        for name in dir(metadata):
            description = getattr(metadata, name)
            number = getattr(description, "example_number", None)
            if number:
                found.append(("", phonenumbers.parse("+%d%s" % (code, number), None)))
    return found


def forms(region, n):
    yield phonenumbers.format_number(n, PhoneNumberFormat.E164)
    yield phonenumbers.format_number(n, PhoneNumberFormat.INTERNATIONAL)
    yield phonenumbers.format_number(n, PhoneNumberFormat.NATIONAL)
    yield phonenumbers.format_number(n, PhoneNumberFormat.RFC3966)
    yield "%d%s" % (n.country_code, phonenumbers.national_significant_number(n))
    if region:
        other = "US" if region != "US" else "VN"
        yield phonenumbers.format_out_of_country_calling_number(n, other)


SEPARATORS = list(" -./()[]~*x") + [
    "\u00a0", "\u00ad", "\u200b", "\u2010", "\u2011", "\u2015", "\u2060", "\u2212", "\u3000", "\u30fc",
    "\uff08", "\uff09", "\uff0d", "\uff0e", "\uff0f", "\uff3b", "\uff3d", "\uff5e", "\u2053", "\u223c",
    "  ", " - ", "\u202f", "\u2003", "_", ",", "#", ";", ":", "'", "=", "\u00e9", "\u0660x", "\u4e2d", "/x", "\\ x",
]
PREFIXES = [
    "+", "++", "\uff0b", "00", "011", "0", "1", "8", "810", "0011", "010", "000", "09", "06", "15", "9",
    "+0", "+00", "+1", "+84", "84", "+44 (0)", "tel:", "Tel. ", "tel:+", "(", "*", "x", "call ",
    "+800", "+979", "+999", "0041", "119", "99", "1\uff10", "+ ", "((+", "\u0660", "phone ",
]
SUFFIXES = [
    " ext. 12", "x123", " x 5", "#7", ";ext=4", ",,99", ";12", " ext: 1234567", "extension 8",
    " extensi\u00f3n 3", "extensio\u0301n4", " anexo 5", " \u0434\u043e\u0431. 6", " \u0414\u041e\u0411 6", "\uff45\uff58\uff54 9", "\uff38\uff34\uff2e7",
    " int 8", "\uff49\uff4e\uff54 6", " ~9", "\uff5e5", " - 503#", "-12#", " 123456#", " x302/x2303", "/x1", "\\x9", ",1",
    ", , 2", ",,,,123456789", ";phone-context=+84", ";phone-context=+1;foo=bar", ";phone-context=example.com",
    ";isub=12345", ";isub=1;ext=2", ";ext=5;isub=3", ".", " -", " abc", "ABC", "a", "FLOWERS", "\u0131\u0131\u0131", "\u017fab", "\u212acd",
    " ex 4", " xtn 4", "xtensio 3", " ext" + "1" * 20, " ext" + "1" * 21, " x" + "1" * 9, " x" + "1" * 10,
    ",,1" + "2" * 15, "(office)", "\uff03 5", " ext\uff0e5", " \u00a0,ext-7#", "#", "##", " 1#", "\u00b2", "\u2460", "\U0001d7d8",
    " ENXTENSION 1", " \u1c81\u1c82\u0431 1", " EXTEN\u017f\u0130ON1", "1" * 12,
]
SCRIPTS = ["\uff10", "\u0660", "\u06f0", "\u0966", "\u09e6", "\U0001d7d8", "\u0e50", "\u07c0"]


def mutate(random, number):
    for _ in range(random.choice((1, 1, 1, 2, 2, 3, 4))):
        kind = random.randrange(14)
        at = random.randrange(len(number) + 1)
        digits = [i for i, c in enumerate(number) if c.isdigit()]
        if kind == 0 and digits:
            i = random.choice(digits)
            number = number[:i] + number[i + 1 :]
        elif kind == 1:
            number = number[:at] + random.choice("0123456789") + number[at:]
        elif kind in (2, 3) and digits:
            i = random.choice(digits)
            number = number[:i] + random.choice("0123456789") + number[i + 1 :]
        elif kind == 4 and len(number) > 1:
            i = random.randrange(len(number) - 1)
            number = number[:i] + number[i + 1] + number[i] + number[i + 2 :]
        elif kind == 5:
            number = number[:at] + random.choice(SEPARATORS) + number[at:]
        elif kind == 6:
            number = random.choice(PREFIXES) + number
        elif kind == 7:
            number = random.choice(PREFIXES) + number.lstrip("+0")
        elif kind == 8:
            number = number + random.choice(SUFFIXES)
        elif kind == 9:
            zero = random.choice(SCRIPTS)
            number = "".join(
                chr(ord(zero) + ord(c) - 48) if "0" <= c <= "9" and random.random() < 0.8 else c
                for c in number
            )
        elif kind == 10:
            number = number[: random.randrange(len(number) + 1)]
        elif kind == 11 and digits:
            i = random.choice(digits)
            number = number[:i] + random.choice("ABCXYZabcxyz") + number[i + 1 :]
        elif kind == 12:
            number = "".join(c for c in number if c.isdigit() or c == "+")
        elif kind == 13 and len(digits) > 3:
            i = random.choice(digits[:4])
            number = number[:i] + random.choice("0123456789") * random.randint(1, 4) + number[i + 1 :]
        if not number:
            number = "1"
    return number


def inputs(count, seed):
    rng = random.Random(seed)
    base = []
    for region, n in examples():
        for number in forms(region, n):
            base.append((region, number))
    yield from base
    for region, number in base:
        yield "", number
        yield rng.choice(REGIONS), number
    # every mobile prefix that Vietnam changed, and every calling code with junk
    for code in range(1000):
        yield "", "+%d%s" % (code, "123456789")
        yield "VN", "0%03d1234567" % code
    hand = ["", "+", "1", "12", "123", "a", "++84912345678", "+84" + "1" * 300, "1" * 250, "1" * 251,
            "+" * 250, "0" * 20, "+1" + "0" * 20, "+49" + "1" * 17, "tel:0912345678;phone-context=+84",
            "0912345678;phone-context=+84", ";phone-context=", ";phone-context=+", "tel:;phone-context=+841",
            "1;phone-context=tel:+84912345678", ";isub=1", "1;isub=", "12", "1\uff12", "x1", "1x", "1-2", "**123",
            "+*1*2*3", "+84 912345678 - +84 912345679", "\u0663" * 10]
    for number in hand:
        for region in ("", "US", "VN", "AR", "BR"):
            yield region, number
    for _ in range(count):
        region, number = rng.choice(base)
        pick = rng.random()
        if pick < 0.25:
            region = rng.choice(REGIONS)
        elif pick < 0.35:
            region = ""
        elif pick < 0.37:
            region = "ZZ"
        yield region, mutate(rng, number)


def build(directory):
    driver = os.path.join(directory, "phone_driver")
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "icu-uc", "icu-i18n"],
                           capture_output=True, text=True).stdout.split()
    sources = ["src/normalise/%s.c" % n for n in ("phone", "phone_text", "phone_table", "unicode")]
    subprocess.run(["cc", "-std=gnu11", "-O2", "-I", "src", "-o", driver, "test/programs/normalise_phone_driver.c"]
                   + sources + (flags or ["-licui18n", "-licuuc", "-licudata"]), check=True, cwd=HERE)
    return driver


def drive(driver, pairs):
    text = "".join("%s\t%s\n" % pair for pair in pairs)
    return subprocess.run([driver], input=text.encode("utf-8"), capture_output=True,
                          check=True).stdout.decode("ascii").splitlines()


def table_is_current():
    """Does the generator give the checked-in table?"""
    made = subprocess.run(["/usr/bin/python3", "src/normalise/phone_table.py"], cwd=HERE,
                          capture_output=True, check=True).stdout
    with open(os.path.join(HERE, "src/normalise/phone_table.c"), "rb") as f:
        return made == f.read()


def table_version():
    with open(os.path.join(HERE, "src/normalise/phone_table.c"), encoding="utf-8") as f:
        for line in f:
            if "phone_metadata_version[]" in line:
                return line.split('"')[1]
    return None


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    if phonenumbers.__version__ != table_version():
        print("1..0 # SKIP the table is from metadata %s, python3-phonenumbers has %s"
              % (table_version(), phonenumbers.__version__))
        return 0
    different = []
    restless = {}
    refused = set()
    verdicts = {}
    total = 0
    chunk = 50000
    with tempfile.TemporaryDirectory() as directory:
        driver = build(directory)
        source = inputs(count, seed)
        while True:
            batch = [pair for _, pair in zip(range(chunk), source)]
            if not batch:
                break
            got = drive(driver, batch)
            for pair, line in zip(batch, got):
                if line.startswith("1 1 ") and line.endswith(" -"):
                    e164 = line.split()[2]
                    refused.add(e164)
                    if not e164.startswith("+375810"):
                        restless[e164] = "refused, and not one of the exceptions"
                    if expected("", e164).startswith("1 1 "):
                        restless[e164] = "refused though libphonenumber takes it back"
                elif line.startswith("1 1 ") and line.split()[2] != line.split()[3]:
                    if not line.startswith("1 1 +521"):
                        restless[line.split()[2]] = line.split()[3] + ", and not one of the exceptions"
            canonical = sorted({line.split()[3] for line in got if line.startswith("1 1 ")} - {"-"})
            for number, line in zip(canonical, drive(driver, [("", n) for n in canonical])):
                if line != "1 1 %s %s" % (number, number):
                    restless[number] = line
            for pair, line in zip(batch, got):
                want = expected(*pair)
                kind = want if want[0] not in "01" else want[:3]
                verdicts[kind] = verdicts.get(kind, 0) + 1
                if want != " ".join(line.split()[:3]):
                    different.append((pair, want, line))
            total += len(batch)
    print("# %d inputs, %d mutations: %s" % (total, count, ", ".join(
        "%s %d" % pair for pair in sorted(verdicts.items()))))
    for (region, number), want, line in different[:50]:
        print("# region %r number %a: expected %s, got %s" % (region, number, want, line))
    print("%s 1 - the table is what the generator makes" % ("ok" if table_is_current() else "not ok"))
    print("%s 2 - %d of %d inputs differ" % ("not ok" if different else "ok", len(different), total))
    enough = all(verdicts.get(k, 0) > total // 100 for k in ("1 1", "1 0", "0 0", "NOT_A_NUMBER",
                                                             "COUNTRY_CODE"))
    print("%s 3 - the inputs cover every verdict" % ("ok" if enough else "not ok"))
    for number in sorted(refused)[:50]:
        print("# exception: %s is valid, but libphonenumber reads its own E.164 form as another number"
              " that is not: no identifier" % number)
    for number, line in sorted(restless.items())[:50]:
        print("# %s read again gives %s" % (number, line))
    print("%s 4 - canonicalising twice is canonicalising once" % ("not ok" if restless else "ok"))
    print("1..4")
    return 1 if different or not enough or restless else 0


if __name__ == "__main__":
    sys.exit(main())
