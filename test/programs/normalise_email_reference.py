#!/usr/bin/env python3
"""
E-mail addresses against what others say: the conformance cases of UTS #46, Python's email and idna
modules, and Python's Unicode database.

    normalise_email_reference.py [FILE OF CONFORMANCE CASES]

Compared is what the rule of the other side is the rule of this one:
  - UTS #46: toASCII of a domain without transitional processing, but not its flag for hyphens in
    the third and fourth place. Narrower here, and counted as expected: a domain that ends in a dot
    (no address of RFC 5321 does) or whose last label is all digits.
  - encodings.idna: domains of letters that IDNA 2003 and UTS #46 treat alike.
  - email._header_value_parser: whether ASCII text is a local part (comments, white space around
    dots and other obsolete forms apart), and the content of a quoted one.
  - unicodedata: NFKC, lower case, NFKC of a local part of characters that both versions know.
"""

import glob
import os
import random
import re
import subprocess
import sys
import tempfile
import unicodedata
from email import _header_value_parser as parser

HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OK, INVALID = 0, 1
CASES = "/usr/share/cargo/registry/idna-*/tests/IdnaTestV2.txt"  # the whole file, as Debian ships it


def build(directory):
    driver = os.path.join(directory, "normalise_driver")
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "icu-uc", "icu-i18n"],
                           capture_output=True, text=True).stdout.split()
    sources = ["src/normalise/%s.c" % n for n in ("normalise", "email", "phone", "phone_text",
                                                  "phone_table", "unicode")]
    subprocess.run(["cc", "-std=gnu11", "-O1", "-g", "-fsanitize=address,undefined",
                    "-fno-sanitize-recover=all", "-I", "src", "-o", driver,
                    "test/programs/normalise_driver.c"]
                   + sources + (flags or ["-licui18n", "-licuuc", "-licudata"]), check=True, cwd=HERE)
    return driver


def canonical(driver, addresses):
    """[(status, canonical address or None)]"""
    text = "".join(("email:" + a).encode("utf-8").hex() + "\n" for a in addresses)
    out = subprocess.run([driver], input=text, capture_output=True, text=True, check=True).stdout
    result = []
    for line in out.splitlines():
        status, hexed = line.split(" ")
        form = bytes.fromhex(hexed).decode("utf-8")
        result.append((int(status), form[len("email:"):] if form else None))
    return result


def unescape(text):
    return re.sub(r"\\u([0-9A-Fa-f]{4})|\\x\{([0-9A-Fa-f]+)\}",
                  lambda m: chr(int(m.group(1) or m.group(2), 16)), text)


def conformance_cases(path):
    """(source, its toASCII without transitional processing; empty where that is an error)."""
    with open(path, encoding="utf-8") as f:
        for line in f:
            columns = [column.strip(" \t\n") for column in line.partition("#")[0].split(";")]
            if len(columns) < 5:
                continue
            source = "" if columns[0] == '""' else columns[0]
            status = columns[4] or columns[2]
            errors = set(re.findall(r"[A-Z][0-9_]+", status)) - {"V2"}
            yield unescape(source), "" if errors else unescape(columns[3] or columns[1] or source)


def conformance(driver, path):
    cases = []
    for source, ascii_form in conformance_cases(path):
        if any("\ud800" <= c <= "\udfff" for c in source):
            continue  # not UTF-8
        # not domains but other syntax of an address, or refused before it
        if "@" in source or "\uff20" in source or "\ufe6b" in source or source.startswith("["):
            continue
        if source != source.strip() or any(unicodedata.category(c) == "Cc" for c in source):
            continue
        if source[:1] in "\u200b\ufeff" or source[-1:] in "\u200b\ufeff":
            continue
        last = ascii_form.rsplit(".", 1)[-1]
        if ascii_form.endswith(".") or re.fullmatch("[0-9]*", last) or len(ascii_form) > 252:
            ascii_form = ""
        cases.append((source, ascii_form))
    wrong = []
    for (source, want), (status, got) in zip(cases, canonical(driver, ["a@" + s for s, _ in cases])):
        if want and got != "a@" + want or not want and status != INVALID:
            wrong.append("%a: expected %a, got %d %a" % (source, want, status, got))
    return len(cases), sum(1 for _, want in cases if want), wrong


def idna_domains(driver, rng, count):
    """Domains of letters, against the idna of Python (IDNA 2003: without sharp s and final sigma)."""
    scripts = [[chr(c) for c in range(first, last + 1) if chr(c) not in "\u00df\u03c2\u0130"
                and unicodedata.category(chr(c)) in ("Lu", "Ll")]
               for first, last in ((0xC0, 0xFF), (0x100, 0x17F), (0x1EA0, 0x1EF9), (0x391, 0x3C9),
                                   (0x410, 0x44F), (0xFF21, 0xFF5A))]
    cases = []
    for _ in range(count):
        letters = rng.choice(scripts)
        cases.append(rng.choice(".\u3002\uff0e\uff61").join(
            "".join(rng.choice(letters) for _ in range(rng.randint(1, 12)))
            for _ in range(rng.randint(1, 3))) + ".vn")
    wrong = []
    for text, (status, got) in zip(cases, canonical(driver, ["a@" + c for c in cases])):
        want = text.encode("idna").decode("ascii").lower()
        if status != OK or got != "a@" + want:
            wrong.append("%a: expected %s, got %d %a" % (text, want, status, got))
    return len(cases), wrong


def python_local_part(text):
    """Content of a local part as Python's email sees it, None if it is not one of today's syntax."""
    if re.search(r"\s", re.sub(r'"(?:[^"\\]|\\.)*"', "", text)):
        return None
    try:
        token, rest = parser.get_addr_spec(text + "@example.com")
        if rest or token.all_defects or token.domain != "example.com":
            return None
    except (parser.errors.HeaderParseError, IndexError, AttributeError):
        return None  # the last one is how some versions fail over a defect
    if any(getattr(t, "token_type", "") == "obs-local-part" for part in token for t in part):
        return None
    return token.local_part


def local_parts(driver, rng, count):
    """ASCII local parts, against email's parser."""
    alphabet = "aZ09.+-_!#$%&'*/=?^`{|}~" * 2 + '"\\ ,:;<>@[]()'
    wrong = []
    cases = []
    while len(cases) < count:
        text = "".join(rng.choice(alphabet) for _ in range(rng.randint(1, 9)))
        if rng.random() < 0.4:
            text = '"' + text + '"'
        cases.append(text)
    cases += ["a" * 64, "a" * 65, '"' + "a b" * 21 + '"']
    compared = 0
    for text, (status, got) in zip(cases, canonical(driver, [c + "@example.com" for c in cases])):
        if "(" in text or ")" in text or text != text.strip(" "):
            continue  # comments, and white space that both sides drop differently
        content = python_local_part(text)
        good = content is not None
        if good and len(text) > 64:
            good = False
        compared += 1
        if good != (status == OK):
            wrong.append("%r: expected %s, got %d" % (text, good, status))
        elif good and unquote(got.rsplit("@", 1)[0]) != content.lower():
            wrong.append("%r: expected content %r, got %r" % (text, content, got))
    return compared, wrong


def unquote(local):
    if local.startswith('"'):
        return re.sub(r"\\(.)", r"\1", local[1:-1])
    return local


def unicode_local_parts(driver, rng, count):
    """International local parts, against unicodedata."""
    letters = []
    for first, last in ((0xC0, 0x24F), (0x370, 0x3FF), (0x400, 0x52F), (0x1E00, 0x1FFF), (0x300, 0x36F),
                        (0x3040, 0x30FF), (0xAC00, 0xAC80), (0xFF21, 0xFF5A), (0x1D400, 0x1D4FF),
                        (0x130, 0x132), (0x1C4, 0x1CC), (0xFB00, 0xFB06), (0x2460, 0x2470), (0x41, 0x5A)):
        letters.append([chr(c) for c in range(first, last + 1)
                        if unicodedata.category(chr(c))[0] in "LMN"])
    cases = []
    for _ in range(count):
        cases.append("a" + "".join(rng.choice(rng.choice(letters)) for _ in range(rng.randint(1, 6))))
    wrong = []
    nfc = canonical(driver, [unicodedata.normalize("NFD", c) + "@example.com" for c in cases])
    again = canonical(driver, [(got or "x@y") for _, got in nfc])
    for text, (status, got), twice, other in zip(
            cases, canonical(driver, [c + "@example.com" for c in cases]), again, nfc):
        want = unicodedata.normalize(
            "NFKC", unicodedata.normalize("NFKC", text).lower()) + "@example.com"
        if " " in want:  # as U+037A becomes; no space stands outside quotes
            if status != INVALID:
                wrong.append("%a: expected a refusal, got %a" % (text, got))
        elif status != OK or got != want:
            wrong.append("%a: expected %a, got %d %a" % (text, want, status, got))
        elif other != (status, got) or twice[1] != got:
            wrong.append("%a: %a, but decomposed %a and twice %a" % (text, got, other, twice))
    return len(cases), wrong


def main():
    found = sys.argv[1:] or sorted(glob.glob(CASES))
    rng = random.Random(1)
    failed = False
    with tempfile.TemporaryDirectory() as directory:
        driver = build(directory)
        results = []
        if found:
            total, valid, wrong = conformance(driver, found[-1])
            results.append(("%d domains, %d of them valid, agree with UTS #46's cases" % (total, valid), wrong))
        else:
            results.append(("UTS #46's cases # SKIP %s is missing (Debian's librust-idna-dev)" % CASES, []))
        total, wrong = idna_domains(driver, rng, 5000)
        results.append(("%d domains of letters agree with Python's idna" % total, wrong))
        total, wrong = local_parts(driver, rng, 20000)
        results.append(("%d ASCII local parts agree with Python's email" % total, wrong))
        total, wrong = unicode_local_parts(driver, rng, 5000)
        results.append(("%d international local parts agree with Python's unicodedata" % total, wrong))
    for n, (name, wrong) in enumerate(results, 1):
        for line in wrong[:20]:
            print("# " + line)
        print("%s %d - %s%s" % ("not ok" if wrong else "ok", n, name,
                                ": %d do not" % len(wrong) if wrong else ""))
        failed = failed or bool(wrong)
    print("1..%d" % len(results))
    return failed


if __name__ == "__main__":
    sys.exit(main())
