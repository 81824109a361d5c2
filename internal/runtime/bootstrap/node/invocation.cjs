'use strict';

const { contextOf } = require('./context.cjs');
const { logError } = require('./console.cjs');
const { JSONStringifyError, NodeJsExit, explained, hasCallbacks } = require('./errors.cjs');

// The function's answer may have to wait until nothing is left to do in the process. Node says so with beforeExit.
let whenIdle = () => {};
process.on('beforeExit', () => whenIdle());

const isAsync = (handler) => handler.constructor.name === 'AsyncFunction';

// Runtime is one event for a handler whose response is sent as a whole. The handler answers with a promise, by calling
// back, or through the oldest form, context.done and its relatives. In stacks a handler is Runtime.handler, as at AWS.
class Runtime {
  static run(client, handler, headers, body) {
    return new Promise((resolve, reject) => {
      const Kind = hasCallbacks() ? Runtime : BufferedInvokeProcessor;
      new Kind(client, handler, headers, resolve, reject).start(body);
    });
  }

  constructor(client, handler, headers, resolve, reject) {
    this.client = client;
    this.handler = handler;
    this.headers = headers;
    this.id = headers['lambda-runtime-aws-request-id'];
    this.resolve = resolve;
    this.reject = reject;
    this.settled = false;
    this.called = false;
    this.waitsForIdle = true;
  }

  start(body) {
    // What if nothing is left that could still answer? A handler that might have called back has answered null; an
    // async one has lost a promise.
    // Since Node.js 24 the process just ends.
    if (hasCallbacks()) {
      whenIdle = () => (isAsync(this.handler) ? this.fail(new NodeJsExit()) : this.succeed(null));
    }
    let result;
    try {
      const context = contextOf(this.headers);
      const event = JSON.parse(body);
      result = hasCallbacks()
        ? this.handler(event, this.withCallbacks(context), (error, value) => this.callBack(error, value))
        : this.handler(event, context);
    } catch (error) {
      if (hasCallbacks()) this.callBack(error); // without an error, such as undefined, that is a success
      else this.fail(error);
      return;
    }
    if (typeof result?.then === 'function') {
      result.then(
        (value) => this.succeed(value),
        (error) => this.fail(hasCallbacks() ? (error ?? 'handled') : error),
      );
    } else if (!hasCallbacks()) {
      this.succeed(result);
    }
  }

  withCallbacks(context) {
    const invocation = this;
    const done = (error, value) => {
      invocation.waitsForIdle = false;
      invocation.callBack(error, value);
    };
    return {
      get callbackWaitsForEmptyEventLoop() {
        return invocation.waitsForIdle;
      },
      set callbackWaitsForEmptyEventLoop(value) {
        invocation.waitsForIdle = Boolean(value);
      },
      succeed: (value) => done(null, value),
      fail: (error) => done(error ?? 'handled'),
      done,
      ...context,
    };
  }

  callBack(error, value) {
    if (this.settled || this.called) return; // only the first call counts
    this.called = true;
    if (error !== undefined && error !== null) this.fail(error);
    else if (this.waitsForIdle) whenIdle = () => this.succeed(value);
    else this.succeed(value);
  }

  succeed(value) {
    if (!this.settle()) return;
    let json;
    try {
      json = JSON.stringify(value) ?? 'null';
    } catch {
      this.send(this.failure(new JSONStringifyError('Unable to stringify response body')));
      return;
    }
    this.send(this.client.respond(this.id, json));
  }

  fail(error) {
    if (this.settle()) this.send(this.failure(error));
  }

  async failure(error) {
    logError('Invoke Error', explained(error));
    await this.client.fail(this.id, error);
  }

  settle() {
    if (this.settled) return false;
    this.settled = true;
    whenIdle = () => {};
    return true;
  }

  send(sending) {
    sending.then(this.resolve, this.reject);
  }
}

// BufferedInvokeProcessor is what stacks name since Node.js 24.
class BufferedInvokeProcessor extends Runtime {}

module.exports = { Runtime };
