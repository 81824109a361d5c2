// The functions of the soak test, as rogue_function_test.go has them.
import { setTimeout as sleep } from "node:timers/promises";

if (process.env._HANDLER === "rogue.refuse") process.exit(7);

export const echo = async (event) => ({
  statusCode: 200,
  headers: {
    "content-type": "application/octet-stream",
    "x-query": event.rawQueryString,
    "x-caller": event.requestContext?.authorizer?.iam?.userArn ?? "",
    "x-turn": process.env.TURN ?? "",
  },
  body: event.body ?? "",
  isBase64Encoded: event.isBase64Encoded ?? false,
});

export const fail = async (event) => {
  throw new Error(event.body);
};

export const exit = async () => process.exit(3);

export const crash = async () => {
  process.kill(process.pid, "SIGKILL");
  await sleep(60_000);
};

export const hang = async () => sleep(60_000);

export const flood = async (event) => {
  const line = "\x1b[31mSTART RequestId: \x00 ".repeat(48);
  for (let i = 0; i < 4096; i++) console.log(line);
  process.stdout.write("x".repeat(1 << 20));
  return echo(event);
};

// numbered is as many bytes of lines that begin with a text and are numbered, in pieces.
function* numbered(text, size) {
  const atOnce = 1000;
  for (let i = 0; size > 0; i += atOnce) {
    let piece = "";
    for (let j = i; j < i + atOnce; j++) piece += `${text} ${String(j).padStart(8, "0")}\n`;
    yield piece.slice(0, size);
    size -= piece.length;
  }
}

const begin = (event, stream) =>
  awslambda.HttpResponseStream.from(stream, {
    statusCode: 200,
    headers: { "content-type": "text/plain", "x-query": event.rawQueryString },
  });

const write = async (event, out) => {
  const { id, size } = event.queryStringParameters;
  for (const piece of numbered(id, Number(size))) {
    if (!out.write(piece)) await new Promise((resolve) => out.once("drain", resolve));
  }
};

export const stream = awslambda.streamifyResponse(async (event, stream) => {
  const out = begin(event, stream);
  await write(event, out);
  out.end();
});

export const torn = awslambda.streamifyResponse(async (event, stream) => {
  await write(event, begin(event, stream));
  await sleep(1000);
  process.exit(3);
});
