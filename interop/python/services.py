"""Calls an operation of each service of AWS with boto3, at an endpoint that has only Lambda, IAM and STS.

For each service, a line of JSON with its name and what is wrong with the error goes to standard output. The error must
name the service and the environment variable in which boto3 looks for its endpoint. A call that is tried again is wrong,
too. Credentials, region and endpoint are those of the environment.
"""

import json
import logging
import sys
import warnings

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointResolutionError, NoAuthTokenError, ProxyConnectionError

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)

OURS = {"lambda", "iam", "sts"}
# Operations that send streams of events, or whose answer is nothing but one.
SKIP = {"StartStreamTranscription", "PutMedia"}
CONFIG = Config(connect_timeout=5, read_timeout=30, parameter_validation=False, inject_host_prefix=False,
                retries={"mode": "standard", "total_max_attempts": 3}, sigv4a_signing_region_set="*")


def sample(shape, depth=0):
    """A value that the serializer takes."""
    kind = shape.type_name
    if kind == "structure":
        # Only what the model requires, and what is in the path and the headers by necessity.
        return {name: sample(shape.members[name], depth + 1) for name in shape.required_members if depth < 6}
    if kind == "list":
        return [sample(shape.member, depth + 1)] if depth < 4 else []
    if kind == "map":
        return {}
    if kind == "string":
        return shape.enum[0] if getattr(shape, "enum", None) else "arn:aws:x:us-east-1:123456789012:y/z" if "arn" in shape.name.lower() else "abcdefgh"
    if kind in ("integer", "long"):
        return 1
    if kind in ("float", "double"):
        return 1.0
    if kind == "boolean":
        return True
    if kind == "timestamp":
        return 0
    return b""


def operations(client):
    """The operations of a client, those with the fewest required members first."""
    model = client.meta.service_model
    found = []
    for method, name in client.meta.method_to_api_mapping.items():
        operation = model.operation_model(name)
        required = operation.input_shape.required_members if operation.input_shape else []
        streams = operation.has_event_stream_output or operation.has_event_stream_input
        unsigned = operation.auth_type in ("none", "bearer") or "smithy.api#httpBearerAuth" in str(operation.auth)
        if name not in SKIP and not streams:
            found.append((unsigned, operation.http["method"] == "HEAD", len(required), name, method, operation))
    return sorted(found)


def check(name):
    client = boto3.client(name, config=CONFIG)
    model = client.meta.service_model
    variable = "AWS_ENDPOINT_URL_" + model.service_id.hyphenize().replace("-", "_").upper()
    problem = "no operation could be called"
    for unsigned, _, _, _, method, operation in operations(client)[:4]:
        if unsigned:
            return "skipped: no operation is signed"
        arguments = sample(operation.input_shape) if operation.input_shape else {}
        try:
            getattr(client, method)(**arguments)
            return f"{method}: succeeded"
        except ClientError as e:
            text, attempts = str(e), e.response["ResponseMetadata"].get("RetryAttempts", 0)
            if str(model.service_id) not in text or variable not in text:
                return f"{method}: {text}"
            if attempts:
                return f"{method}: tried {attempts} times again"
            return ""
        except NoAuthTokenError:
            return "skipped: its requests are not signed"
        except ProxyConnectionError as e:
            return "skipped: " + str(e)  # it has an endpoint of its own, which the proxy of the test keeps it from
        except EndpointResolutionError as e:
            return "skipped: " + str(e)
        except Exception as e:  # the sample does not fit: another operation may do
            problem = f"{method}: {type(e).__name__}: {e}"
    return problem


def main():
    for name in boto3.Session().get_available_services():
        if name not in OURS:
            print(json.dumps({"Name": name, "Error": check(name)}), flush=True)


main()
