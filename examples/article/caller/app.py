"""my-calling-function: sends a GET and a POST to the function URL in WEB_URL, signed with the credentials of its role."""

import json
import os
import urllib.request

from signing import sign


def call(method, path, data=None):
    body = None if data is None else json.dumps(data).encode()
    headers = {} if body is None else {"Content-Type": "application/json"}
    # What is signed is what is sent: the URL, the body and the headers do not change afterwards.
    url = os.environ["WEB_URL"] + path
    headers = sign(method, url, headers, body)
    request = urllib.request.Request(url, method=method, headers=headers, data=body)
    with urllib.request.urlopen(request, timeout=5) as response:
        return json.load(response)


def handler(event, context):
    answers = {
        "book": call("GET", "book?page=5"),
        "login": call("POST", "login", {"user": "my-user", "token": "ABC123"}),
    }
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(answers, indent=2) + "\n",
    }
