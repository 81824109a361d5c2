'use strict';

const { contextOf } = require('./context.cjs');
const { logError } = require('./console.cjs');
const { hasCallbacks } = require('./errors.cjs');
const { ResponseStream, highWaterMark } = require('./stream.cjs');

// What a handler is called on, since stacks name its class: before Node.js 24 and since.
class Runtime {}
class StreamingInvokeProcessor {}

// runStreaming is one event for a handler that was wrapped by awslambda.streamifyResponse. The invocation is over when
// the handler's promise has resolved and the stream has ended.
async function runStreaming(client, handler, headers, body) {
  const stream = new ResponseStream(client, headers['lambda-runtime-aws-request-id'], highWaterMark(handler));
  try {
    const frame = hasCallbacks() ? new Runtime() : new StreamingInvokeProcessor();
    frame.handler = handler;
    const context = contextOf(headers);
    const result = frame.handler(
      JSON.parse(body),
      stream,
      hasCallbacks() ? { callbackWaitsForEmptyEventLoop: true, ...context } : context,
    );
    if (typeof result?.then !== 'function') throw new Error('Streaming does not support non-async handlers.');
    if ((await result) !== undefined) console.warn('Streaming handlers ignore return values.');
    await stream.accepted;
  } catch (error) {
    logError('Invoke Error', error);
    await stream.fail(error);
  }
}

module.exports = { runStreaming };
