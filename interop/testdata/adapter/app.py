"""A small web application that knows nothing of Lambda, for the Lambda Web Adapter."""

import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith("/stream"):
            self.stream()
            return
        if "x-amzn-request-context" not in self.headers:  # the adapter asks whether the application is ready
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        text = json.dumps({
            "method": self.command,
            "path": self.path,
            "body": body.decode("utf-8"),
            "agent": self.headers.get("X-Agent"),
            "context": json.loads(self.headers["x-amzn-request-context"])["http"],
            "function": json.loads(self.headers["x-amzn-lambda-context"])["env_config"]["function_name"],
            "pid": os.getpid(),
        }).encode()
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Set-Cookie", "session=one")
        self.end_headers()
        self.wfile.write(text)

    def stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for i in range(3):
            self.wfile.write(b"2\r\n%d\n\r\n" % i)
            self.wfile.flush()
            time.sleep(0.5)
        self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST = do_DELETE = answer

    def log_message(self, format, *args):
        print("app:", format % args, flush=True)


ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8080"))), Handler).serve_forever()
