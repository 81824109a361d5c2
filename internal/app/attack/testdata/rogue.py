"""The functions of the soak test, as rogue_function_test.go has them."""

import os
import signal
import subprocess
import sys
import time

if os.environ.get("_HANDLER") == "rogue.refuse":
    os._exit(7)


def echo(event, context):
    caller = event["requestContext"].get("authorizer", {}).get("iam", {}).get("userArn", "")
    return {
        "statusCode": 200,
        "headers": {
            "content-type": "application/octet-stream",
            "x-query": event["rawQueryString"],
            "x-caller": caller,
            "x-turn": os.environ.get("TURN", ""),
        },
        "body": event.get("body", ""),
        "isBase64Encoded": event.get("isBase64Encoded", False),
    }


def fail(event, context):
    raise ValueError(event["body"])


def exit(event, context):
    os._exit(3)


def crash(event, context):
    os.kill(os.getpid(), signal.SIGKILL)


def hang(event, context):
    time.sleep(60)


def flood(event, context):
    line = b"\x1b[31mSTART RequestId: \x00\xff " * 48 + b"\n"
    for _ in range(4096):
        sys.stdout.buffer.write(line)
    sys.stdout.buffer.write(b"x" * (1 << 20))
    sys.stdout.flush()
    return echo(event, context)


def detach(event, context):
    subprocess.Popen(["sleep", "600"], start_new_session=True)
    inner = os.path.join(os.environ["HOME"], "kept", context.aws_request_id, "inner")
    os.makedirs(inner)
    with open(os.path.join(inner, "file"), "w") as file:
        file.write("x")
    for closed in inner, os.path.dirname(inner):
        os.chmod(closed, 0o555)
    return echo(event, context)
