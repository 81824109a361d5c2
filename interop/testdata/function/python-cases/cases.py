"""What handlers return, raise and log, each under the name of a case."""

import collections
import dataclasses
import decimal
import enum
import logging
import os
import sys

Point = collections.namedtuple("Point", "x y")


class Row:
    def __init__(self, members):
        self.members = members

    def _asdict(self):
        return self.members


class Level(enum.IntEnum):
    LOW = 1


class Name(str, enum.Enum):
    FIRST = "first"


class Plain(enum.Enum):
    ONE = 1


@dataclasses.dataclass
class Order:
    id: int = 1


class Loud(Exception):
    def __str__(self):
        return "a text of its own"

    def __repr__(self):
        return "Loud!"


class Mute(Exception):
    def __str__(self):
        raise ValueError("no text")


def within_itself():
    members = []
    members.append(members)
    return members


RESULTS = {
    "named tuple": lambda: Point(1, b"y"),
    "named tuples within": lambda: {"points": [Point(1, 2), (Point(3, None),)]},
    "_asdict": lambda: Row({"a": Row({"b": (1, 2)})}),
    "_asdict of something else": lambda: Row([1]),
    "class with _asdict": lambda: Point,
    "keys of bytes": lambda: {b"k": b"v", "n": {b"\xc3\xbc": 1}},
    "keys that are no text": lambda: {1: "a", True: "b", None: "c", 1.5: "d", Level.LOW + 1: "e"},
    "key that cannot be": lambda: {(1, 2): "a"},
    "key of Decimal": lambda: {decimal.Decimal("1"): "a"},
    "bytes that are no text": lambda: {"a": b"\xff"},
    "Decimals": lambda: [decimal.Decimal(d) for d in ("1.10", "1E+5", "-0", "NaN", "-NaN", "Infinity")],
    "floats": lambda: [float("nan"), float("inf"), -float("inf"), 1e22, 1e-7],
    "enumerations": lambda: [Level.LOW, Name.FIRST, {Name.FIRST: Level.LOW}],
    "plain enumeration": lambda: Plain.ONE,
    "dataclass": lambda: Order(),
    "set": lambda: {1},
    "generator": lambda: (n for n in [1]),
    "bytearray": lambda: bytearray(b"a"),
    "within itself": within_itself,
    "text": lambda: "ü \u2028 \U0001f600 \" \\ / \b\f\n\r\t \x01 \x7f",
    "half a pair": lambda: "\ud800",
    "nothing": lambda: None,
    "raw bytes": lambda: b"\x00\xff",
    "dictionaries": lambda: [collections.OrderedDict(b=1, a=2), collections.defaultdict(list, a=[1]), collections.Counter("aab")],
}


def inner():
    return {"a": 1}["missing"] + (1).bit_length()


def chained():
    try:
        inner()
    except KeyError as e:
        raise RuntimeError("cannot") from e


def raised(error):
    raise error


ERRORS = {
    "KeyError": inner,
    "chain": chained,
    "no text": lambda: raised(Exception()),
    "text of its own": lambda: raised(Loud("x")),
    "text that fails": lambda: raised(Mute()),
    "lines": lambda: raised(ValueError("one\n  two\r\nthree")),
    "not ASCII": lambda: raised(ValueError("ü \u2028")),
    "group": lambda: raised(ExceptionGroup("several", [ValueError(1), TypeError(2)])),
    "assertion": lambda: raised(AssertionError),
    "system exit": lambda: sys.exit(3),
    "system exit with text": lambda: sys.exit("goodbye"),
    "exit": lambda: os._exit(4),
    "interrupt": lambda: raised(KeyboardInterrupt()),
    "deep": lambda: deep(),
}


def deep():
    return deep()


def log_all(context):
    print("to standard output")
    logging.getLogger().setLevel(logging.DEBUG)
    logging.debug("debug %d", 1)
    logging.warning("two\nlines")
    logging.getLogger("named").error("error")
    try:
        inner()
    except KeyError:
        logging.exception("caught")
    print()
    context.log("through the context\n")


def handler(event, context):
    case = event["case"]
    if case == "logs":
        return log_all(context)
    if case == "context":
        return {"text": repr(context), "w3c": context.w3c(), "public": sorted(n for n in vars(context) if n[0] != "_")}
    if case in RESULTS:
        return RESULTS[case]()
    return ERRORS[case]()


not_callable = "a string"


def takes_one(event):
    return 1


class Callable:
    def __call__(self, event, context):
        return "called"


instance = Callable()


async def coroutine(event, context):
    return 1
