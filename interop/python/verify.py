"""Signs requests that have been received once more with botocore, from nothing but their bytes and the secret.

usage: verify.py

The first line of standard input is the access keys, each further one a request and how to read it. For each request a
line of standard output has the Authorization header that botocore would have sent.

botocore takes a query either as parameters, which it encodes, or as part of the URL, which it takes for encoded.
A verifier sees only what arrived, which may be encoded in another way: it decodes the query and gives botocore the
parameters, but for requests that are to be read with "query as it stands".
"""

import base64
import json
import os
import sys
from urllib.parse import parse_qsl

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

AS_IT_STANDS = "query as it stands"
SLASH_AFTER_DOTS = "slash after dots"


def authorization(keys, received, reading):
    headers = {name.lower(): value for name, value in received["headers"]}
    claims = dict(item.split("=", 1) for item in headers["authorization"].split(" ", 1)[1].split(", "))
    path, _, query = received["target"].partition("?")
    if reading == SLASH_AFTER_DOTS:
        path += "/"
    request = AWSRequest(
        method=received["method"],
        url=f"http://{headers['host']}{path}?{query}",
        headers={name: headers[name] for name in claims["SignedHeaders"].split(";")},
        data=base64.b64decode(received["body"]),
    )
    if reading != AS_IT_STANDS:
        request.params = parse_qsl(query, keep_blank_values=True)
    request.context["timestamp"] = headers["x-amz-date"]
    key = keys[claims["Credential"].split("/", 1)[0]]
    sigv4 = SigV4Auth(Credentials(key["id"], key["secret"]), "lambda", os.environ["AWS_REGION"])
    canonical = sigv4.canonical_request(request)
    sigv4._inject_signature_to_request(request, sigv4.signature(sigv4.string_to_sign(request, canonical), request))
    return request.headers["Authorization"]


def main():
    keys = {key["id"]: key for key in json.loads(sys.stdin.readline())}
    for line in sys.stdin:
        case = json.loads(line)
        try:
            print(json.dumps({"authorization": authorization(keys, case["request"], case["reading"])}))
        except Exception as error:  # a request that botocore cannot sign is a result too
            print(json.dumps({"error": f"{type(error).__name__}: {error}"}))


main()
