"""Signs requests to function URLs with the credentials of the environment.

botocore does it: Lambda has it in its Python runtimes, and "pip install botocore" brings it to others. Where there is none,
the lines below do, so that the example runs with nothing but Python.
"""

import datetime
import hashlib
import hmac
import os
import urllib.parse

SERVICE = "lambda"  # of the receiver, not of the sender

try:
    import botocore.session
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
except ImportError:
    botocore = None


def sign(method, url, headers, body):
    """Returns the headers with a signature for the region in AWS_REGION."""
    region = os.environ["AWS_REGION"]
    if botocore is None:
        return sign_by_hand(method, url, headers, body, region)
    request = AWSRequest(method=method, url=url, headers=headers, data=body)
    SigV4Auth(botocore.session.get_session().get_credentials(), SERVICE, region).add_auth(request)
    return dict(request.headers.items())


def sign_by_hand(method, url, headers, body, region):
    """Signature Version 4, for paths and queries that need no escapes and parameters that are in order."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{now[:8]}/{region}/{SERVICE}/aws4_request"
    parts = urllib.parse.urlsplit(url)
    headers = {**headers, "Host": parts.netloc, "X-Amz-Date": now}
    if token := os.environ.get("AWS_SESSION_TOKEN"):
        headers["X-Amz-Security-Token"] = token
    signed = sorted((name.lower(), value) for name, value in headers.items())
    names = ";".join(name for name, _ in signed)
    lines = [method, parts.path, parts.query, *(f"{name}:{value}" for name, value in signed), "", names]
    canonical = "\n".join([*lines, hashlib.sha256(body or b"").hexdigest()])
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"]).encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    headers["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={os.environ['AWS_ACCESS_KEY_ID']}/{scope},"
        f" SignedHeaders={names}, Signature={signature}"
    )
    return headers
