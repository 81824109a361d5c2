import collections
import decimal
import enum
import logging
import os
import subprocess
import sys
import time

COLD = []
Pair = collections.namedtuple("Pair", "x y")


class Members:
    def _asdict(self):
        return {"a": 1}


class Level(enum.IntEnum):
    LOW = 2


class Name(str, enum.Enum):
    ONE = "v"


def handler(event, context):
    what = event["do"]
    if what == "echo":
        return event
    if what == "none":
        return None
    if what == "bytes":
        return b"\x00\xff raw"
    if what == "text":
        return "ü"
    if what == "nested":
        return {"d": decimal.Decimal("1.10"), "b": b"in", "t": (1, 2), "u": "ü"}
    if what == "kinds":
        return [Pair(1, [None]), Members(), {b"k": b"v", 1: 2, "y": 3, None: 4}, Level.LOW, Name.ONE, decimal.Decimal("NaN")]
    if what == "set":
        return {1, 2}
    if what == "raise":
        raise ValueError("no good: %s" % event["text"])
    if what == "exit":
        sys.exit(event["code"])
    if what == "hard-exit":
        os._exit(event["code"])
    if what == "sleep":
        time.sleep(event["seconds"])
        return "awake"
    if what == "big":
        return "a" * (event["n"] - 2)
    if what == "path":
        return [sys.path[0], os.getcwd(), __file__]
    if what == "print":
        print("to stdout")
        print("to stderr", file=sys.stderr)
        print("unfinished", end="")
        logging.getLogger().warning("logged\twith %s", "arguments")
        logging.info("not shown: the level is WARNING")
        return "printed"
    if what == "trace":
        return os.environ.get("_X_AMZN_TRACE_ID")
    if what == "environment":
        return dict(os.environ)
    if what == "context":
        client = context.client_context
        return {
            "aws_request_id": context.aws_request_id,
            "function_name": context.function_name,
            "function_version": context.function_version,
            "invoked_function_arn": context.invoked_function_arn,
            "memory_limit_in_mb": context.memory_limit_in_mb,
            "log_group_name": context.log_group_name,
            "log_stream_name": context.log_stream_name,
            "identity": [context.identity.cognito_identity_id, context.identity.cognito_identity_pool_id],
            "client": client and [client.custom, client.env, client.client.app_title],
            "remaining": context.get_remaining_time_in_millis(),
        }
    raise KeyError(what)


def count(event, context):
    COLD.append(1)
    return len(COLD)
