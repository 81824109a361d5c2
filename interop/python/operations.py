"""Calls operations of Lambda with boto3, one after the other, as a list on standard input names them.

For each a line of JSON goes to standard output, with the error's code if there was one.
"""

import base64
import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

BLOBS = {"ZipFile", "Payload"}  # base64 in the list

client = boto3.client("lambda", config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=60))


def members(pairs):
    return {name: base64.b64decode(value) if name in BLOBS else value for name, value in pairs}


for step in json.load(sys.stdin, object_pairs_hook=members):
    outcome = {"operation": step["operation"], "error": ""}
    try:
        answer = client._make_api_call(step["operation"], step["input"])
        if "Payload" in answer:
            outcome["error"] = answer.get("FunctionError", "")
            answer["Payload"].read()
        for event in answer.get("EventStream", []):
            outcome["error"] = event.get("InvokeComplete", {}).get("ErrorCode", "")
    except ClientError as error:
        outcome["error"] = error.response["Error"]["Code"]
    print(json.dumps(outcome), flush=True)
