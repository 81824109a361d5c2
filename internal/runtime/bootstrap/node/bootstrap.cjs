'use strict';

// furl's runtime for Node.js functions: the Runtime API client and the handler's frame, Node's own modules only.
//
// It behaves as AWS's own client (aws-lambda-ric) does, whose messages and error names users search for. Where that one
// writes its log through a private channel of Lambda's, this one writes plain lines.

const { Client } = require('./client.cjs');
const { patchConsole, logError } = require('./console.cjs');
const { UnhandledPromiseRejection, hasCallbacks } = require('./errors.cjs');
const { addPackages, load } = require('./loader.cjs');
const { isStreaming, installGlobals } = require('./stream.cjs');
const { Runtime } = require('./invocation.cjs');
const { runStreaming } = require('./streaming.cjs');

const current = { requestId: hasCallbacks() ? undefined : '-', fail: null };

// Node's exit codes for these two are AWS's.
function die(title, error, code) {
  logError(title, error);
  const { fail } = current;
  if (!fail) process.exit(code);
  current.fail = null;
  fail(error).then(
    () => process.exit(code),
    () => process.exit(code),
  );
}

async function main() {
  const client = new Client(process.env.AWS_LAMBDA_RUNTIME_API);
  patchConsole(() => current.requestId);
  installGlobals();
  current.fail = (error) => client.failInit(error);
  // Since Node.js 24 AWS's client leaves these to Node.js, which ends the process.
  if (hasCallbacks()) {
    process.on('uncaughtException', (error) => die('Uncaught Exception', error, 129));
    process.on('unhandledRejection', (reason, promise) =>
      die('Unhandled Promise Rejection', new UnhandledPromiseRejection(reason, promise), 128),
    );
  }

  addPackages();
  let handler;
  try {
    handler = await load(process.env.LAMBDA_TASK_ROOT, process.env._HANDLER);
  } catch (error) {
    logError(hasCallbacks() ? 'Uncaught Exception' : 'Init Error', error);
    await client.failInit(error);
    process.exit(1);
  }
  const streaming = isStreaming(handler);
  current.fail = null;

  for (;;) {
    const { headers, body } = await client.next();
    const id = headers['lambda-runtime-aws-request-id'];
    current.requestId = id;
    current.fail = (error) => client.fail(id, error);
    if (headers['lambda-runtime-trace-id']) process.env._X_AMZN_TRACE_ID = headers['lambda-runtime-trace-id'];
    else delete process.env._X_AMZN_TRACE_ID;
    const run = streaming ? runStreaming : Runtime.run;
    await run(client, handler, headers, body);
    current.fail = null;
  }
}

main().catch((error) => {
  logError('Runtime Error', error);
  process.exit(1);
});
