// A function in JavaScript: one handler that answers at once, and one that streams its answer.

export const handler = async (event) => ({
  statusCode: 200,
  headers: { "content-type": "application/json" },
  cookies: ["session=one; HttpOnly", "theme=dark"],
  body: JSON.stringify({
    method: event.requestContext.http.method,
    path: event.rawPath,
    query: event.queryStringParameters,
    body: event.isBase64Encoded ? Buffer.from(event.body, "base64").toString() : event.body,
    caller: event.requestContext.authorizer.iam.userArn,
    node: process.version,
  }),
});

// Each number is written on its own, with a pause before the next, so that the client can see that it comes on its own.
export const stream = awslambda.streamifyResponse(async (event, responseStream, _context) => {
  const out = awslambda.HttpResponseStream.from(responseStream, {
    statusCode: 201,
    headers: { "content-type": "text/plain", "x-streamed": "yes" },
  });
  const { count, pause } = event.queryStringParameters;
  for (let i = 1; i <= Number(count); i++) {
    out.write(`${i}\n`);
    await new Promise((done) => setTimeout(done, Number(pause)));
  }
  out.end();
});
