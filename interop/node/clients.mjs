// Signs and sends requests the way each JavaScript client's documentation shows.
//
// usage: clients.mjs CLIENT
//
// Cases come as lines of JSON on standard input, results go as lines of JSON to standard output. A character of a body
// stands for the byte of that number. The credentials and the region are those of the environment.

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

function smithy() {
  const signer = new SignatureV4({ credentials, region, service: "lambda", sha256: Sha256 });
  const agent = new Agent({ keepAlive: true });
  return async (test) => {
    const url = parseUrl(test.url);
    const body = bodyOf(test);
    const signed = await signer.sign(
      new HttpRequest({
        ...url,
        method: test.method,
        headers: { ...test.headers, host: url.port ? `${url.hostname}:${url.port}` : url.hostname },
        body,
      }),
    );
    const query = buildQueryString(signed.query ?? {});
    return send(
      {
        agent,
        host: signed.hostname,
        port: signed.port,
        method: signed.method,
        path: query ? `${signed.path}?${query}` : signed.path,
        headers: body ? { ...signed.headers, "content-length": body.length } : signed.headers,
      },
      body,
    );
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

const clients = { aws4fetch, "@smithy/signature-v4": smithy };
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
