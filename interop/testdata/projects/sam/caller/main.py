import os

import botocore.session
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest


def handler(event, context):
    request = AWSRequest(method="GET", url=os.environ["BOOKS_URL"] + "books/7")
    credentials = botocore.session.Session().get_credentials()
    SigV4Auth(credentials, "lambda", os.environ["AWS_REGION"]).add_auth(request)
    signed = request.prepare()
    return requests.get(signed.url, headers=signed.headers, timeout=20).json()
