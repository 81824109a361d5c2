'use strict';

const { format } = require('node:util');
const { isError } = require('./errors.cjs');

// patchConsole makes console's methods write Lambda's columns: time, request id, level, message.
function patchConsole(requestId) {
  const writer =
    (level) =>
    (...args) => {
      process.stdout.write(`${new Date().toISOString()}\t${requestId()}\t${level}\t${format(...args)}\n`);
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
    text = JSON.stringify(isError(error) ? error : new Error(String(error)), (_, value) =>
      isError(value)
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
    text = JSON.stringify({ errorType: error?.name, errorMessage: error?.message });
  }
  console.error(title, '\t' + text);
}

module.exports = { patchConsole, logError };
