"""my-calling-function: calls the function URL of another function, signed with the credentials of its own role.

The event is {"do": ..., "url": ..., "region": ...}, where "do" is one of the functions below: the right ways, and the
usual mistakes.
"""

import json

import botocore.session
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

DATA = {"user": "my-user", "token": "ABC123"}


def signer(region, service="lambda"):
    session = botocore.session.Session()
    return SigV4Auth(session.get_credentials(), service_name=service, region_name=region)


def get(url, region, service="lambda"):
    request = AWSRequest(method="GET", url=url + "book?page=5")
    signer(region, service).add_auth(request)
    signed = request.prepare()
    return requests.get(signed.url, headers=signed.headers)


def post(url, region):
    request = AWSRequest(method="POST", url=url + "login", data=json.dumps(DATA))
    signer(region).add_auth(request)
    signed = request.prepare()
    return requests.post(signed.url, headers=signed.headers, data=signed.body)


def post_with_content_type(url, region):
    headers = {"Content-Type": "application/json"}
    request = AWSRequest(method="POST", url=url + "login", data=json.dumps(DATA), headers=headers)
    signer(region).add_auth(request)
    signed = request.prepare()
    return requests.post(signed.url, headers=signed.headers, data=signed.body)


def post_form_signed_json_sent(url, region):
    request = AWSRequest(method="POST", url=url + "login", data=DATA)
    signer(region).add_auth(request)
    signed = request.prepare()
    return requests.post(signed.url, headers=signed.headers, data=json.dumps(DATA))


def post_form(url, region):
    request = AWSRequest(method="POST", url=url + "login", data=DATA)
    signer(region).add_auth(request)
    signed = request.prepare()
    return requests.post(signed.url, headers=signed.headers, data=signed.body)


def get_url_changed_after_signing(url, region):
    request = AWSRequest(method="GET", url=url + "book?page=5")
    signer(region).add_auth(request)
    signed = request.prepare()
    return requests.get(signed.url, headers=signed.headers, params={"lang": "de"})


def get_url_from_before_signing(url, region):
    url += "book"
    request = AWSRequest(method="GET", url=url, params={"page": "5"})
    signer(region).add_auth(request)
    signed = request.prepare()
    return requests.get(url, headers=signed.headers)


def get_wrong_service(url, region):
    return get(url, region, service="execute-api")


def get_wrong_region(url, region):
    return get(url, "us-west-2")


def handler(event, context):
    response = globals()[event["do"]](event["url"], event["region"])
    return {
        "status": response.status_code,
        "errorType": response.headers.get("x-amzn-ErrorType", ""),
        "requestId": response.headers.get("x-amzn-RequestId", ""),
        "contentType": response.headers.get("Content-Type", ""),
        "body": response.text,
    }
