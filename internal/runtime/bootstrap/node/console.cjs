'use strict';

const { writeSync } = require('node:fs');
const { format } = require('node:util');
const { payload } = require('./errors.cjs');

const pause = new Int32Array(new SharedArrayBuffer(4));

// print writes to standard output before it returns. process.stdout does not where that is a pipe: what a handler
// printed would come after the END of its invocation, and be lost when the process exits.
function print(text) {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      if (error.code !== 'EAGAIN') return; // nobody reads: as Node's own console, this one does not throw
      Atomics.wait(pause, 0, 0, 1); // the pipe is full; a millisecond later it is not
    }
  }
}

// patchConsole makes console's methods write Lambda's columns: time, request id, level, message.
function patchConsole(requestId) {
  const writer =
    (level) =>
    (message, ...args) => {
      print(`${new Date().toISOString()}\t${requestId()}\t${level}\t${format(message, ...args)}\n`);
    };
  console.trace = writer('TRACE');
  console.debug = writer('DEBUG');
  console.info = writer('INFO');
  console.log = console.info;
  console.warn = writer('WARN');
  console.error = writer('ERROR');
  console.fatal = writer('FATAL');
}

// logError writes an error that ended an invocation or the runtime, as Lambda does: with its stack as JSON.
function logError(title, error) {
  let text;
  try {
    text = JSON.stringify(error instanceof Error ? error : new Error(String(error)), (_, value) =>
      value instanceof Error
        ? {
            errorType: value.name,
            errorMessage: value.message,
            code: value.code,
            ...value,
            stack: typeof value.stack === 'string' ? value.stack.split('\n') : undefined,
          }
        : value,
    );
  } catch {
    text = JSON.stringify(payload(error));
  }
  console.error(title, '\t' + text);
}

module.exports = { patchConsole, logError };
