// Signs requests that have been received once more with @smithy/signature-v4, the AWS SDK for JavaScript's signer, from
// nothing but their bytes and the secret.
//
// usage: verify.mjs
//
// The first line of standard input is the access keys, each further one a request and how to read it. For each request
// a line of standard output has the Authorization header that the SDK would have sent.

import { createInterface } from "node:readline";

import { Sha256 } from "@aws-crypto/sha256-js";
import { HttpRequest } from "@smithy/protocol-http";
import { SignatureV4 } from "@smithy/signature-v4";

const slashAfterDots = "slash after dots";

async function authorization(keys, received, reading) {
  const headers = Object.fromEntries(received.headers.map(([name, value]) => [name.toLowerCase(), value]));
  const claims = Object.fromEntries(
    headers.authorization.slice(headers.authorization.indexOf(" ") + 1).split(", ").map((item) => item.split(/=(.*)/s)),
  );
  const key = keys.get(claims.Credential.split("/")[0]);
  const signer = new SignatureV4({
    credentials: { accessKeyId: key.id, secretAccessKey: key.secret },
    region: process.env.AWS_REGION,
    service: "lambda",
    sha256: Sha256,
    applyChecksum: false,
  });
  const end = received.target.indexOf("?");
  const path = end < 0 ? received.target : received.target.slice(0, end);
  const signed = await signer.sign(
    new HttpRequest({
      method: received.method,
      path: reading === slashAfterDots ? path + "/" : path,
      query: end < 0 ? {} : parameters(received.target.slice(end)),
      headers: Object.fromEntries(claims.SignedHeaders.split(";").map((name) => [name, headers[name]])),
      body: Buffer.from(received.body, "base64"),
    }),
    { signingDate: date(headers["x-amz-date"]) },
  );
  return signed.headers.authorization;
}

// parameters are those of a query, with all values of a name in one list, as the SDK wants them.
function parameters(query) {
  const all = Object.create(null);
  for (const [name, value] of new URLSearchParams(query)) {
    (all[name] ??= []).push(value);
  }
  return all;
}

function date(basic) {
  return new Date(basic.replace(/^(....)(..)(..T..)(..)(..Z)$/, "$1-$2-$3:$4:$5"));
}

let keys;
for await (const line of createInterface({ input: process.stdin })) {
  const input = JSON.parse(line);
  if (!keys) {
    keys = new Map(input.map((key) => [key.id, key]));
    continue;
  }
  let result;
  try {
    result = { authorization: await authorization(keys, input.request, input.reading) };
  } catch (error) {
    result = { error: `${error.name}: ${error.message}` }; // a request that the SDK cannot sign is a result too
  }
  console.log(JSON.stringify(result));
}
