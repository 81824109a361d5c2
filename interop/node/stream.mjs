// Invokes a function with the AWS SDK for JavaScript and prints each event of its answer, as a line of JSON, when it
// comes.
//
// usage: stream.mjs FUNCTION QUALIFIER PAYLOAD

import { InvokeWithResponseStreamCommand, LambdaClient } from "@aws-sdk/client-lambda";

const say = (what) => console.log(JSON.stringify(what));

const [FunctionName, Qualifier, Payload] = process.argv.slice(2);
const answer = await new LambdaClient().send(
  new InvokeWithResponseStreamCommand({ FunctionName, Qualifier, Payload, LogType: "Tail" }),
);
say({ status: answer.StatusCode, version: answer.ExecutedVersion, type: answer.ResponseStreamContentType });
for await (const event of answer.EventStream) {
  if (event.PayloadChunk) {
    say({ chunk: Buffer.from(event.PayloadChunk.Payload).toString() });
  } else {
    const last = event.InvokeComplete;
    say({ complete: true, error: last.ErrorCode ?? "", log: last.LogResult ?? "" });
  }
}
