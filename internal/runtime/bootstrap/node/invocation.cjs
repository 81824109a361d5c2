'use strict';

const { contextOf } = require('./context.cjs');
const { logError } = require('./console.cjs');
const { JSONStringifyError, NodeJsExit, isError } = require('./errors.cjs');
const { hasCallbacks } = require('./loader.cjs');

// The function's answer may have to wait until nothing is left to do in the process. Node says so with beforeExit.
let whenIdle = () => {};
process.on('beforeExit', () => whenIdle());

const isAsync = (handler) => handler.constructor.name === 'AsyncFunction';

// Invocation is one event for a handler whose response is sent as a whole. The handler answers with a promise, by
// calling back, or through the oldest form, context.done and its relatives.
class Invocation {
  static run(client, handler, headers, body) {
    return new Promise((resolve, reject) => {
      new Invocation(client, headers, resolve, reject).start(handler, body);
    });
  }

  constructor(client, headers, resolve, reject) {
    this.client = client;
    this.headers = headers;
    this.id = headers['lambda-runtime-aws-request-id'];
    this.resolve = resolve;
    this.reject = reject;
    this.settled = false;
    this.waitsForIdle = true;
  }

  start(handler, body) {
    // What if nothing is left that could still answer? A handler that might have called back has answered null; an
    // async one has lost a promise.
    whenIdle = () => (isAsync(handler) ? this.fail(new NodeJsExit()) : this.succeed(null));
    let result;
    try {
      const context = contextOf(this.headers);
      const event = JSON.parse(body);
      result = hasCallbacks()
        ? handler(event, this.withCallbacks(context), (error, value) => this.callBack(error, value))
        : handler(event, context);
    } catch (error) {
      this.fail(error);
      return;
    }
    if (typeof result?.then === 'function') {
      result.then(
        (value) => this.succeed(value),
        (error) => this.fail(error),
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
    Object.defineProperty(context, 'callbackWaitsForEmptyEventLoop', {
      enumerable: true,
      get: () => invocation.waitsForIdle,
      set: (value) => {
        invocation.waitsForIdle = Boolean(value);
      },
    });
    return Object.assign(context, {
      done,
      succeed: (value) => done(null, value),
      fail: (error) => done(error ?? 'handled'),
    });
  }

  callBack(error, value) {
    if (this.settled) return;
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
    logError('Invoke Error', isError(error) ? error : new Error(String(error)));
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

module.exports = { Invocation };
