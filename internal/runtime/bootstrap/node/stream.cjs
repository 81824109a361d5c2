'use strict';

const { Writable } = require('node:stream');
const { InvalidStreamingOperation, MalformedStreamingHandler, payload } = require('./errors.cjs');

// Markers on a handler, shared with AWS's runtime by these names.
const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');
const HIGH_WATER_MARK = Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark');

const INTEGRATION = 'application/vnd.awslambda.http-integration-response';
const ERROR_TYPE = 'Lambda-Runtime-Function-Error-Type';
const ERROR_BODY = 'Lambda-Runtime-Function-Error-Body';

// ResponseStream is the response of one invocation while it is written. Its first write opens the request to the
// Runtime API; back-pressure reaches the handler through the socket.
class ResponseStream extends Writable {
  constructor(client, id, highWaterMark) {
    super({ highWaterMark });
    this.client = client;
    this.path = `invocation/${encodeURIComponent(id)}/response`;
    this.contentType = 'application/octet-stream';
    this.prelude = null;
    this.written = false;
    this.outgoing = null;
    this.accepted = new Promise((resolve, reject) => {
      this.accept = resolve;
      this.refuse = reject;
    });
    this.accepted.catch(() => {}); // whoever waits for it hears of it
  }

  setContentType(contentType) {
    if (this.outgoing) throw new InvalidStreamingOperation('Cannot set content-type, too late.');
    this.contentType = contentType;
  }

  // AWS's stream takes any value: what is neither text nor bytes goes out as JSON.
  write(chunk, encoding, callback) {
    this.written = true;
    return super.write(textOrBytes(chunk), encoding, callback);
  }

  end(chunk, encoding, callback) {
    if (typeof chunk === 'function' || chunk === undefined || chunk === null) return super.end(chunk, encoding, callback);
    if (!this.written) this.prelude = null; // AWS's stream sends the prelude only before a write
    return super.end(textOrBytes(chunk), encoding, callback);
  }

  open() {
    const { outgoing, answer } = this.client.open('POST', this.path, {
      'Content-Type': this.contentType,
      'Lambda-Runtime-Function-Response-Mode': 'streaming',
      'Transfer-Encoding': 'chunked',
      Trailer: `${ERROR_TYPE}, ${ERROR_BODY}`,
    });
    this.outgoing = outgoing;
    answer.then(this.accept, (error) => {
      this.refuse(error);
      this.destroy(error);
    });
  }

  _write(chunk, encoding, callback) {
    if (!this.outgoing) {
      this.open();
      if (this.prelude !== null) {
        this.outgoing.write(this.prelude);
        this.outgoing.write(Buffer.alloc(8)); // ends the prelude
      }
    }
    if (this.outgoing.writableEnded) callback(); // it has failed
    else this.outgoing.write(chunk, encoding, callback);
  }

  _final(callback) {
    if (!this.outgoing) this.open(); // a stream that never writes sends no prelude, as at AWS
    if (this.outgoing.writableEnded) callback(); // it has failed
    else this.outgoing.end(callback);
  }

  // fail ends the response with the error in its trailers.
  async fail(error) {
    const body = payload(error);
    if (!this.outgoing) this.open();
    if (!this.outgoing.writableEnded) {
      this.outgoing.addTrailers({
        [ERROR_TYPE]: body.errorType.replace(/[^\x20-\x7e]/g, '?'),
        [ERROR_BODY]: Buffer.from(JSON.stringify(body)).toString('base64'),
      });
      this.outgoing.end();
    }
    await this.accepted; // the next event may be asked for only then
  }
}

const textOrBytes = (chunk) =>
  typeof chunk === 'string' || chunk instanceof Uint8Array ? chunk : JSON.stringify(chunk);

// HttpResponseStream is awslambda.HttpResponseStream.
const HttpResponseStream = {
  // from makes a stream carry status, headers and cookies: they go out as JSON, then eight zero bytes, before the body.
  from(stream, prelude) {
    stream.setContentType(INTEGRATION);
    stream.prelude = JSON.stringify(prelude);
    return stream;
  },
};

function streamifyResponse(handler, options) {
  handler[STREAMING] = 'response';
  if (typeof options?.highWaterMark === 'number') handler[HIGH_WATER_MARK] = Math.trunc(options.highWaterMark);
  return handler;
}

function isStreaming(handler) {
  const mark = handler[STREAMING];
  if (!mark) return false;
  if (mark !== 'response') throw new MalformedStreamingHandler('Only response streaming is supported.');
  return true;
}

function highWaterMark(handler) {
  const mark = Number(handler[HIGH_WATER_MARK]);
  return mark > 0 ? mark : undefined;
}

function installGlobals() {
  globalThis.awslambda = { ...globalThis.awslambda, streamifyResponse, HttpResponseStream };
}

module.exports = { ResponseStream, highWaterMark, installGlobals, isStreaming };
