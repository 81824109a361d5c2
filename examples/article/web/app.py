"""my-function-with-url: two pages, and who asked for them."""

import base64
import json


def book(event):
    page = int(event.get("queryStringParameters", {}).get("page", "1"))
    return 200, {"text": f"This is page {page}.", "caller": caller(event)}


def login(event):
    body = event.get("body", "")
    if event["isBase64Encoded"]:
        body = base64.b64decode(body)
    return 200, {"user": json.loads(body)["user"], "caller": caller(event)}


PAGES = {("GET", "/book"): book, ("POST", "/login"): login}


def caller(event):
    """The identity that signed the request. Lambda has verified it."""
    return event["requestContext"]["authorizer"]["iam"]["userArn"]


def handler(event, context):
    http = event["requestContext"]["http"]
    page = PAGES.get((http["method"], http["path"]))
    status, answer = page(event) if page else (404, {"error": f"no page {http['method']} {http['path']}"})
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(answer) + "\n",
    }
