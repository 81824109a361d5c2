// Signs and sends requests, or presigns URLs, the way each JavaScript client's documentation shows.
//
// usage: clients.mjs CLIENT
//
// Cases come as lines of JSON on standard input, results go as lines of JSON to standard output: a response, or a
// presigned URL. A character of a body stands for the byte of that number. The credentials and the region are those of
// the environment.

import { createInterface } from "node:readline";
import { Agent, request as httpRequest } from "node:http";

import { Sha256 } from "@aws-crypto/sha256-js";
import { HttpRequest } from "@smithy/protocol-http";
import { buildQueryString } from "@smithy/querystring-builder";
import { SignatureV4 } from "@smithy/signature-v4";
import { parseUrl } from "@smithy/url-parser";
import { AwsClient } from "aws4fetch";

const region = process.env.AWS_REGION;
const credentials = {
  accessKeyId: process.env.AWS_ACCESS_KEY_ID,
  secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY,
  sessionToken: process.env.AWS_SESSION_TOKEN,
};

const bodyOf = (test) => (test.body === "" ? undefined : Buffer.from(test.body, "latin1"));

function aws4fetch() {
  const client = new AwsClient({ ...credentials, region, service: "lambda", retries: 0 });
  return async (test) => {
    const response = await client.fetch(test.url, {
      method: test.method,
      headers: test.headers,
      body: bodyOf(test),
      redirect: "manual",
    });
    return {
      status: response.status,
      errorType: response.headers.get("x-amzn-errortype") ?? "",
      requestId: response.headers.get("x-amzn-requestid") ?? "",
      body: await response.text(),
    };
  };
}

function aws4fetchPresign() {
  const client = new AwsClient({ ...credentials, region, service: "lambda" });
  return async (test) => {
    const url = new URL(test.url);
    url.searchParams.set("X-Amz-Expires", test.expires);
    const signed = await client.sign(url, { method: test.method, body: bodyOf(test), aws: { signQuery: true } });
    return { url: signed.url };
  };
}

const smithySigner = () => new SignatureV4({ credentials, region, service: "lambda", sha256: Sha256 });

function smithyRequest(test) {
  const url = parseUrl(test.url);
  const host = url.port ? `${url.hostname}:${url.port}` : url.hostname;
  return new HttpRequest({ ...url, method: test.method, headers: { ...test.headers, host }, body: bodyOf(test) });
}

// smithyTarget is the path and query of a request for node:http.
function smithyTarget(request) {
  const query = buildQueryString(request.query ?? {});
  return query ? `${request.path}?${query}` : request.path;
}

function smithy() {
  const signer = smithySigner();
  const agent = new Agent({ keepAlive: true });
  return async (test) => {
    const signed = await signer.sign(smithyRequest(test));
    const body = signed.body;
    return send(
      {
        agent,
        host: signed.hostname,
        port: signed.port,
        method: signed.method,
        path: smithyTarget(signed),
        headers: body ? { ...signed.headers, "content-length": body.length } : signed.headers,
      },
      body,
    );
  };
}

function smithyPresign() {
  const signer = smithySigner();
  return async (test) => {
    const signed = await signer.presign(smithyRequest(test), { expiresIn: test.expires });
    return { url: `${signed.protocol}//${signed.headers.host}${smithyTarget(signed)}` };
  };
}

function send(options, body) {
  return new Promise((resolve, reject) => {
    const request = httpRequest(options, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () =>
        resolve({
          status: response.statusCode,
          errorType: response.headers["x-amzn-errortype"] ?? "",
          requestId: response.headers["x-amzn-requestid"] ?? "",
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
    request.on("error", reject);
    request.end(body);
  });
}

const clients = {
  aws4fetch,
  "@smithy/signature-v4": smithy,
  "aws4fetch, presigned": aws4fetchPresign,
  "@smithy/signature-v4, presigned": smithyPresign,
};
const call = clients[process.argv[2]]();
for await (const line of createInterface({ input: process.stdin })) {
  const test = JSON.parse(line);
  let result;
  try {
    result = await call(test);
  } catch (error) {
    result = { error: `${error.name}: ${error.message}` }; // what the client refuses to send is a result too
  }
  console.log(JSON.stringify({ id: test.id, ...result }));
}
process.exit(0);
