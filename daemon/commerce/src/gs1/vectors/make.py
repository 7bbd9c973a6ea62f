"""Writes biip.tsv: codes and what the independent library biip reads in them.

    python3 -m venv venv && venv/bin/pip install biip==5.2.0 && venv/bin/python make.py > biip.tsv

Columns: kind (elements, rcn), code with GS as ^, result. The result is `error`, or elements as `(ai)value`, or
`item kind value` of a restricted circulation number.
"""

import random
import string

import biip
from biip import ParseConfig
from biip.gs1_messages import GS1Message
from biip.rcn import Rcn

dice = random.Random(14)
GS = "\x1d"


def checked(body):
    total = sum(int(d) * (3 if i % 2 == 0 else 1) for i, d in enumerate(reversed(body)))
    return body + str((10 - total % 10) % 10)


def digits(n):
    return "".join(dice.choice(string.digits) for _ in range(n))


def text(most):
    return "".join(dice.choice(string.ascii_letters + string.digits + "-./_+") for _ in range(dice.randint(1, most)))


def date():
    return f"{dice.randint(0, 99):02}{dice.randint(1, 12):02}{dice.randint(1, 28):02}"


VALUES = {
    "00": (lambda: checked(digits(17)), True),
    "01": (lambda: checked(dice.choice("01234567") + digits(12)), True),
    "02": (lambda: checked("0" + digits(12)), True),
    "10": (lambda: text(20), False),
    "11": (date, True),
    "13": (date, True),
    "15": (date, True),
    "16": (date, True),
    "17": (date, True),
    "20": (lambda: digits(2), True),
    "21": (lambda: text(20), False),
    "22": (lambda: text(20), False),
    "240": (lambda: text(30), False),
    "241": (lambda: text(30), False),
    "250": (lambda: text(30), False),
    "30": (lambda: str(dice.randint(1, 99_999_999)), False),
    "37": (lambda: str(dice.randint(1, 99_999_999)), False),
    "3103": (lambda: digits(6), True),
    "3102": (lambda: digits(6), True),
    "3202": (lambda: digits(6), True),
    "3300": (lambda: digits(6), True),
    "3922": (lambda: digits(dice.randint(1, 15)), False),
    "3932": (lambda: "978" + digits(dice.randint(1, 15)), False),
    "400": (lambda: text(30), False),
    "410": (lambda: checked("952012" + digits(6)), True),
    "414": (lambda: checked("952012" + digits(6)), True),
    "7003": (lambda: date() + f"{dice.randint(0, 23):02}{dice.randint(0, 59):02}", False),
    "8005": (lambda: digits(6), False),
    "8200": (lambda: "https" + text(20), False),
    "90": (lambda: text(30), False),
    "99": (lambda: text(90), False),
}


def message():
    ais = dice.sample(sorted(VALUES), dice.randint(1, 5))
    code = ""
    for place, ai in enumerate(ais):
        make, predefined = VALUES[ai]
        code += ai + make() + ("" if predefined or place == len(ais) - 1 else GS)
    return code


def elements(code):
    try:
        parsed = GS1Message.parse(code)
    except biip.ParseError:
        return "error"
    if any(e.gtin_error or e.gln_error or e.sscc_error for e in parsed.element_strings):
        return "error"
    return "".join(f"({e.ai.ai}){e.value}" for e in parsed.element_strings)


print("# Written by make.py with biip", biip.__version__ if hasattr(biip, "__version__") else "5.2.0")
for _ in range(400):
    code = message()
    print("elements", code.replace(GS, "^"), elements(code), sep="\t")
for _ in range(200):
    ai = dice.choice(["00", "01", "02", "410", "414"])
    value = VALUES[ai][0]()
    wrong = value[:-1] + str((int(value[-1]) + dice.randint(1, 9)) % 10)
    print("elements", ai + wrong, elements(ai + wrong), sep="\t")
for region, prefix, kind in [
    ("se", "20", "price"), ("se", "23", "kilogram"), ("ee", "23", "kilogram"), ("dk", "21", "price"),
    ("dk", "26", "kilogram"), ("de", "22", "price"), ("de", "28", "kilogram"), ("gb", "20", "price"),
]:
    for _ in range(20):
        code = checked(prefix + digits(10))
        rcn = Rcn.parse(code, config=ParseConfig(rcn_region=region, rcn_verify_variable_measure=False))
        value = {"price": rcn.price, "kilogram": rcn.weight}[kind]
        print("rcn", region, code, rcn.item_reference, kind, value, sep="\t")
