"""Invokes a function with boto3 and prints each event of its answer, as a line of JSON, when it comes.

usage: stream.py FUNCTION QUALIFIER PAYLOAD
"""

import json
import sys

import boto3


def say(**what):
    print(json.dumps(what), flush=True)


function, qualifier, payload = sys.argv[1:]
answer = boto3.client("lambda").invoke_with_response_stream(
    FunctionName=function, Qualifier=qualifier, Payload=payload, LogType="Tail"
)
say(status=answer["StatusCode"], version=answer["ExecutedVersion"], type=answer["ResponseStreamContentType"])
for event in answer["EventStream"]:
    if "PayloadChunk" in event:
        say(chunk=event["PayloadChunk"]["Payload"].decode())
    else:
        last = event["InvokeComplete"]
        say(complete=True, error=last.get("ErrorCode", ""), log=last.get("LogResult", ""))
