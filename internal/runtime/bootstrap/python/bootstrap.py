"""furl's runtime for Python functions: the Runtime API client and the handler's frame, standard library only.

It behaves as AWS's own client (awslambdaric) does, whose messages and error names users search for. Where that one
writes its log through a private channel of Lambda's, this one writes plain lines.
"""

import decimal
import importlib
import json
import logging
import os
import re
import socket
import sys
import time
import traceback

PREFIX = "/2018-06-01/runtime/"


class Fault(Exception):
    """An error of the runtime rather than of the user's code."""

    def __init__(self, kind, message, trace=None):
        super().__init__(message)
        self.kind = "Runtime." + kind
        self.trace = trace or []


class API:
    """One kept-alive connection to the Runtime API.

    http.client spends more time on one answer's headers than the whole round trip takes; the server at the other
    end is furl's own, which always sends a Content-Length.
    """

    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self._peer = (host, int(port))
        self._host = address
        self._socket = None
        self._rest = b""

    def request(self, method, path, body=b"", headers=()):
        """Answers status, headers (names in lower case) and body."""
        lines = ["%s %s%s HTTP/1.1" % (method, PREFIX, path), "Host: " + self._host]
        if method == "POST":
            lines.append("Content-Length: %d" % len(body))
        lines.extend("%s: %s" % header for header in headers)
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")
        if self._socket is None:
            self._socket = socket.create_connection(self._peer)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(head + body)
        return self._answer()

    def _answer(self):
        data = self._rest
        while True:
            end = data.find(b"\r\n\r\n")
            if end >= 0:
                break
            data += self._receive()
        status_line, *lines = data[:end].decode("utf-8").split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        length = int(headers.get("content-length", "0"))
        body = data[end + 4 :]
        if len(body) < length:
            pieces, missing = [body], length - len(body)
            while missing > 0:
                piece = self._receive()
                pieces.append(piece)
                missing -= len(piece)
            body = b"".join(pieces)
        self._rest = body[length:]
        if headers.get("connection") == "close":
            self._socket.close()
            self._socket, self._rest = None, b""
        return int(status_line.split(" ", 2)[1]), headers, body[:length]

    def _receive(self):
        data = self._socket.recv(256 * 1024)
        if not data:
            raise ConnectionError("the Runtime API closed the connection")
        return data

    def next(self):
        status, headers, body = self.request("GET", "invocation/next")
        if status != 200:
            raise ConnectionError("next invocation: status %d: %r" % (status, body))
        return headers, body

    def respond(self, request_id, body, content_type):
        if not isinstance(body, bytes):
            body = body.encode("utf-8")  # half of a surrogate pair ends the process, as at AWS
        status, _, _ = self.request(
            "POST", "invocation/%s/response" % request_id, body, [("Content-Type", content_type)]
        )
        if status != 202:
            sys.stdout.write(
                "[ERROR] LAMBDA_RUNTIME Failed to post handler success response. Http response code: %d.\n" % status
            )

    def fail(self, request_id, error, cause):
        headers = [("Content-Type", "application/json")]
        cause = json.dumps(cause)  # escapes what is not ASCII, so it is safe in a header
        if len(cause) < 1024 * 1024:
            headers.append(("Lambda-Runtime-Function-XRay-Error-Cause", cause))
        body = to_json(error).encode("utf-8")
        self.request("POST", "invocation/%s/error" % request_id, body, headers)

    def fail_init(self, error):
        kind = re.sub(r"[^\x21-\x7e]", "?", error["errorType"])
        headers = [("Content-Type", "application/json"), ("Lambda-Runtime-Function-Error-Type", kind)]
        self.request("POST", "init/error", to_json(error).encode("utf-8", "backslashreplace"), headers)


# Handlers' results. AWS's client encodes with simplejson: a Decimal is a number, bytes are text, also as keys, and what
# has _asdict, as a named tuple does, is an object.

# Newer runtimes of Lambda write text outside ASCII as it is.
ENSURE_ASCII = os.environ.get("AWS_EXECUTION_ENV") in ("AWS_Lambda_python3.%d" % minor for minor in range(8, 12))
PLAIN = json.JSONEncoder(ensure_ascii=ENSURE_ASCII)
SCALARS = frozenset([str, int, float, bool, type(None)])


def is_plain(value):
    """Whether the json module, which is fast, encodes the value in the same way."""
    kind = type(value)
    if kind is dict:
        return all(type(key) is str for key in value) and all(
            type(v) in SCALARS or is_plain(v) for v in value.values()
        )
    if kind is list or kind is tuple:
        return all(type(v) in SCALARS or is_plain(v) for v in value)
    return kind in SCALARS


def encoded(value, within):
    """The pieces of a value's JSON. The ids of the containers that it is in are in within."""
    if isinstance(value, str):
        return [PLAIN.encode(str.__str__(value))]
    if isinstance(value, bytes):
        return [PLAIN.encode(value.decode("utf-8"))]
    if value is None or isinstance(value, (int, float)):
        return [PLAIN.encode(value)]
    if isinstance(value, decimal.Decimal):
        return ["NaN" if value.is_nan() else str(value)]
    if id(value) in within:
        raise ValueError("Circular reference detected")
    within.add(id(value))
    pieces = []
    as_dict = None if isinstance(value, type) else getattr(value, "_asdict", None)
    members = as_dict() if callable(as_dict) else value
    if members is not value and not isinstance(members, dict):
        raise TypeError("_asdict() must return a dict, not %s" % type(members).__name__)
    if isinstance(members, dict):
        for key, member in members.items():
            pieces.extend([", ", key_of(key), ": "])
            pieces.extend(encoded(member, within))
        pieces[:1] = ["{"]
        pieces.append("}")
    elif isinstance(members, (list, tuple)):
        for member in members:
            pieces.append(", ")
            pieces.extend(encoded(member, within))
        pieces[:1] = ["["]
        pieces.append("]")
    else:
        raise TypeError("Object of type %s is not JSON serializable" % type(value).__name__)
    within.discard(id(value))
    return pieces


def key_of(key):
    if isinstance(key, bytes):
        key = key.decode("utf-8")
    if isinstance(key, str):
        return PLAIN.encode(str.__str__(key))
    if key is None or isinstance(key, (int, float)):
        return '"%s"' % PLAIN.encode(key)
    raise TypeError("keys must be str, int, float, bool or None, not %s" % type(key).__name__)


def to_json(value):
    try:
        plain = is_plain(value)
    except RecursionError:
        plain = True  # nested too deeply, or within itself, which the json module tells apart
    return PLAIN.encode(value) if plain else "".join(encoded(value, set()))


def marshal(result):
    if isinstance(result, bytes):
        return result, "application/unknown"
    try:
        text = to_json(result)
    except Exception as e:
        raise Fault("MarshalError", "Unable to marshal response: %s" % e)
    return text, "application/json"


# The context object ("AWS Lambda context object in Python", AWS Lambda Developer Guide).


class Record:
    """An object with fixed attributes, None where the source has no such key."""

    __slots__ = ()

    def __init__(self, source=None):
        for name in self.__slots__:
            setattr(self, name, (source or {}).get(name))

    def __repr__(self):
        return "%s([%s])" % (type(self).__name__, ",".join("%s=%s" % (n, getattr(self, n)) for n in self.__slots__))


class CognitoIdentity(Record):
    __slots__ = ["cognito_identity_id", "cognito_identity_pool_id"]


class Client(Record):
    __slots__ = ["installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name"]


class ClientContext(Record):
    __slots__ = ["custom", "env", "client"]


class LambdaContext:
    def __init__(self, headers):
        self.aws_request_id = headers["lambda-runtime-aws-request-id"]
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.invoked_function_arn = headers.get("lambda-runtime-invoked-function-arn")
        self.client_context = None
        client_context = parse_header(headers, "lambda-runtime-client-context", "Client Context")
        self._w3c = {}
        if client_context is not None:
            carried = client_context.pop("w3c", None) if isinstance(client_context, dict) else None
            if isinstance(carried, dict):
                fields = ("traceparent", "tracestate", "baggage")
                self._w3c = {name: carried[name] for name in fields if isinstance(carried.get(name), str)}
            self.client_context = ClientContext(client_context)
            if self.client_context.client is not None:
                self.client_context.client = Client(self.client_context.client)
        identity = parse_header(headers, "lambda-runtime-cognito-identity", "Cognito Identity") or {}
        self.identity = CognitoIdentity(
            {
                "cognito_identity_id": identity.get("cognitoIdentityId"),
                "cognito_identity_pool_id": identity.get("cognitoIdentityPoolId"),
            }
        )
        self.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
        self._deadline = int(headers["lambda-runtime-deadline-ms"])

    def get_remaining_time_in_millis(self):
        return max(self._deadline - int(time.time() * 1000), 0)

    def log(self, msg):
        text = str(msg)
        sys.stdout.write(text if text.endswith("\n") else text + "\n")  # at AWS each is an event of the log

    def w3c(self):
        """The trace context of the caller, which its client context carries."""
        return dict(self._w3c)

    def __repr__(self):
        public = ((name, value) for name, value in vars(self).items() if not name.startswith("_"))
        return "LambdaContext([%s])" % ",".join("%s=%s" % pair for pair in public)


def parse_header(headers, name, title):
    text = headers.get(name)
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError as e:
        raise Fault("LambdaContextUnmarshalError", "Unable to parse %s JSON: %s" % (title, e))


# Errors, as payload and as log lines.

# What AWS's runtimes have besides the standard library (AWS Lambda Developer Guide, "Building Lambda functions with
# Python").
PROVIDED = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")


def message_of(e):
    """The text of an error, and the remedy where it is about a package that AWS's runtimes have."""
    if isinstance(e, ModuleNotFoundError) and (e.name or "").partition(".")[0] in PROVIDED:
        return str(e) + (
            " (furl: AWS's runtime has this package, and the Python here does not: add it to the function's package, or "
            "install it with pip install --target DIR boto3 and start furl serve --python-packages DIR)"
        )
    return str(e)


def error_of(message, kind, trace, request_id=""):
    return {"errorMessage": message, "errorType": kind, "requestId": request_id, "stackTrace": trace}


def user_frames(tb):
    """The stack without the runtime's own frames at its top, unless there are no others.

    Frames without columns are formatted without the lines that mark them with ^, as at AWS.
    """
    frames = [(f.filename, f.lineno, f.name, f.line) for f in traceback.extract_tb(tb)]
    for i, frame in enumerate(frames):
        if "/bootstrap.py" not in frame[0]:
            return frames[i:]
    return frames


def error_of_exception(e, request_id=""):
    if isinstance(e, Fault):
        return error_of(str(e), e.kind, e.trace, request_id)
    return error_of(message_of(e), type(e).__name__, traceback.format_list(user_frames(e.__traceback__)), request_id)


def cause_of(e):
    """The same for X-Ray."""
    frames = [] if isinstance(e, Fault) else user_frames(e.__traceback__)
    return {
        "working_directory": os.getcwd(),
        "exceptions": [
            {
                "message": str(e),
                "type": "LambdaValidationError" if isinstance(e, Fault) else type(e).__name__,
                "stack": [{"label": name, "path": path, "line": line} for path, line, name, _ in frames],
            }
        ],
        "paths": sorted({frame[0] for frame in frames}),
    }


def log_error(error):
    title = "[ERROR] " + error["errorType"]
    if error["errorMessage"]:
        title += ": " + error["errorMessage"]
    lines = [title, "Traceback (most recent call last):"]  # which stands there without a trace, too, as at AWS
    for frame in error["stackTrace"]:
        lines.extend(frame.splitlines())
    sys.stdout.write("\n".join(lines) + "\n")


# Logging through the logging module, in Lambda's format.


class RequestFilter(logging.Filter):
    request_id = ""

    def filter(self, record):
        record.aws_request_id = self.request_id
        return True


class StdoutHandler(logging.Handler):
    def emit(self, record):
        try:
            sys.stdout.write(self.format(record) + "\n")
        except Exception:
            self.handleError(record)


def set_up_logging():
    handler, request = StdoutHandler(), RequestFilter()
    formatter = logging.Formatter(
        "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    handler.addFilter(request)
    logging.getLogger().addHandler(handler)
    return request


# What AWS's client logs before an error of the initialization.
UNHANDLED = (
    "LAMBDA_WARNING: Unhandled exception. The most likely cause is an issue in the function code. However, in "
    "rare cases, a Lambda runtime update can cause unexpected function behavior. For functions using managed "
    "runtimes, runtime updates can be triggered by a function change, or can be applied automatically. To "
    "determine if the runtime has been updated, check the runtime version in the INIT_START log entry. If this "
    "error correlates with a change in the runtime version, you may be able to mitigate this error by "
    "temporarily rolling back to the previous runtime version. For more information, see "
    "https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html"
)


def load(handler):
    """The handler function: "module.function", the module with slashes or dots for its packages."""
    module_name, dot, function_name = handler.rpartition(".")
    if not dot:
        what = "not enough values to unpack (expected 2, got 1)"
        raise Fault("MalformedHandlerName", "Bad handler '%s': %s" % (handler, what))
    if module_name.split(".")[0] in sys.builtin_module_names:
        raise Fault("BuiltInModuleConflict", "Cannot use built-in module %s as a handler module" % module_name)
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as e:
        raise Fault("ImportModuleError", "Unable to import module '%s': %s" % (module_name, message_of(e)))
    except SyntaxError as e:
        trace = ['  File "%s" Line %s\n    %s' % (e.filename, e.lineno, e.text)]
        raise Fault("UserCodeSyntaxError", "Syntax error in module '%s': %s" % (module_name, e), trace)
    try:
        return getattr(module, function_name)
    except AttributeError:
        raise Fault("HandlerNotFound", "Handler '%s' missing on module '%s'" % (function_name, module_name))


def handle_event_request(api, request_handler, headers, payload):
    # The names are those of AWS's client: a handler that cannot be called has this frame in its error.
    request_id = headers["lambda-runtime-aws-request-id"]
    try:
        lambda_context = LambdaContext(headers)
        try:
            event = json.loads(payload)
        except ValueError as e:
            raise Fault("UnmarshalError", "Unable to unmarshal input: %s" % e)
        response = request_handler(event, lambda_context)
        body, content_type = marshal(response)
    except Exception as e:
        error = error_of_exception(e, request_id)
        log_error(error)
        api.fail(request_id, error, cause_of(e))
        return
    api.respond(request_id, body, content_type)


def main():
    # The directory of this file stands first; the function's package belongs there, and the layers behind it.
    layers = sys._xoptions.get("furl_layers")
    sys.path[:1] = [os.environ["LAMBDA_TASK_ROOT"]] + (layers.split(":") if layers else [])
    sys.pycache_prefix = sys._xoptions.get("furl_pycache")
    api = API(os.environ["AWS_LAMBDA_RUNTIME_API"])
    request = set_up_logging()
    try:
        handler = load(os.environ["_HANDLER"])
    except Exception as e:
        error = error_of_exception(e)
        logging.warning(UNHANDLED)
        log_error(error)
        api.fail_init(error)
        sys.exit(1)
    while True:
        headers, payload = api.next()
        request.request_id = headers["lambda-runtime-aws-request-id"]
        trace_id = headers.get("lambda-runtime-trace-id")
        if trace_id:
            os.environ["_X_AMZN_TRACE_ID"] = trace_id
        else:
            os.environ.pop("_X_AMZN_TRACE_ID", None)
        handle_event_request(api, handler, headers, payload)


if __name__ == "__main__":
    main()
