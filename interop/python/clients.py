"""Signs and sends requests, or presigns URLs, the way each Python client's documentation shows.

usage: clients.py CLIENT

Cases come as lines of JSON on standard input, results go as lines of JSON to standard output: a response, or a presigned
URL. A character of a body stands for the byte of that number. The credentials and the region are those of the
environment.
"""

import contextlib
import io
import json
import os
import sys
import tempfile

import botocore.session
import httpx
import requests
from awscurl import awscurl
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from requests_aws4auth import AWS4Auth

REGION = os.environ["AWS_REGION"]
TIMEOUT = 30


def sign(sigv4, case):
    """A request prepared and signed by botocore, as one would for any HTTP client."""
    request = AWSRequest(method=case["method"], url=case["url"], headers=case["headers"], data=body(case))
    sigv4.add_auth(request)
    return request.prepare()


def botocore_signer():
    session = botocore.session.Session()
    return SigV4Auth(session.get_credentials(), service_name="lambda", region_name=REGION)


def body(case):
    return case["body"].encode("latin-1")


def botocore_requests():
    sigv4 = botocore_signer()
    session = requests.Session()

    def send(case):
        signed = sign(sigv4, case)
        return session.request(
            case["method"], signed.url, headers=signed.headers, data=signed.body, timeout=TIMEOUT, allow_redirects=False
        )

    return send


def botocore_httpx():
    sigv4 = botocore_signer()
    client = httpx.Client(timeout=TIMEOUT)

    def send(case):
        signed = sign(sigv4, case)
        return client.request(case["method"], signed.url, headers=dict(signed.headers), content=signed.body)

    return send


def requests_aws4auth():
    session = requests.Session()
    session.auth = AWS4Auth(
        os.environ["AWS_ACCESS_KEY_ID"],
        os.environ["AWS_SECRET_ACCESS_KEY"],
        REGION,
        "lambda",
        session_token=os.environ.get("AWS_SESSION_TOKEN"),
    )

    def send(case):
        return session.request(
            case["method"], case["url"], headers=case["headers"], data=body(case), timeout=TIMEOUT, allow_redirects=False
        )

    return send


def awscurl_command():
    """The command, but in this process: to start Python for each case would take minutes."""
    responses = []
    make_request = awscurl.make_request

    def keep(*arguments, **options):  # the command prints of a response what it was asked for, but never its status
        responses.append(make_request(*arguments, **options))
        return responses[-1]

    awscurl.make_request = keep

    def send(case):
        with tempfile.NamedTemporaryFile() as data, contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())):
            data.write(body(case))
            data.flush()
            arguments = ["--service", "lambda", "--region", REGION, "--request", case["method"]]
            if case["body"]:
                arguments += ["--data-binary", "--data", "@" + data.name]
            for name, value in case["headers"].items():
                arguments += ["--header", f"{name}: {value}"]
            awscurl.inner_main(arguments + [case["url"]])
        return responses.pop()

    return send


def botocore_presign():
    credentials = botocore.session.Session().get_credentials()

    def presign(case):
        request = AWSRequest(method=case["method"], url=case["url"], data=body(case))
        SigV4QueryAuth(credentials, "lambda", REGION, expires=case["expires"]).add_auth(request)
        return request.url

    return presign


CLIENTS = {
    "botocore+requests": botocore_requests,
    "botocore+httpx": botocore_httpx,
    "requests-aws4auth": requests_aws4auth,
    "awscurl": awscurl_command,
    "botocore, presigned": botocore_presign,
}


def main():
    call = CLIENTS[sys.argv[1]]()
    for line in sys.stdin:
        case = json.loads(line)
        result = {"id": case["id"]}
        try:
            made = call(case)
            if isinstance(made, str):
                result["url"] = made
            else:
                result["status"] = made.status_code
                result["errorType"] = made.headers.get("x-amzn-errortype", "")
                result["requestId"] = made.headers.get("x-amzn-requestid", "")
                result["body"] = made.text
        except Exception as error:  # what the client refuses to send is a result too
            result["error"] = f"{type(error).__name__}: {error}"
        print(json.dumps(result))


main()
