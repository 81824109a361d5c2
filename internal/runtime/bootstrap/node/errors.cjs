'use strict';

// Errors of the runtime itself, under the names that Lambda gives them.

function named(name) {
  return class extends Error {
    constructor(message) {
      super(message);
      this.name = name;
    }
  };
}

const HandlerNotFound = named('Runtime.HandlerNotFound');
const MalformedHandlerName = named('Runtime.MalformedHandlerName');
const ImportModuleError = named('Runtime.ImportModuleError');
const MalformedStreamingHandler = named('Runtime.MalformedStreamingHandler');
const InvalidStreamingOperation = named('Runtime.InvalidStreamingOperation');
const CallbackHandlerDeprecated = named('Runtime.CallbackHandlerDeprecated');
const JSONStringifyError = named('Runtime.JSONStringifyError');

class UserCodeSyntaxError extends named('Runtime.UserCodeSyntaxError') {
  constructor(cause) {
    super(String(cause));
    this.stack = cause.stack;
  }
}

class UnhandledPromiseRejection extends named('Runtime.UnhandledPromiseRejection') {
  constructor(reason, promise) {
    super(String(reason));
    this.reason = reason;
    this.promise = promise;
  }
}

class NodeJsExit extends named('Runtime.NodeJsExit') {
  constructor() {
    super(
      'The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that was never settled. ' +
        'For more information, see https://nodejs.org/docs/latest/api/process.html#process_exit_codes',
    );
  }
}

// An instance of another realm's Error is one too.
const isError = (e) =>
  e instanceof Error || Object.prototype.toString.call(e) === '[object Error]';

// payload is what the caller of the function sees.
function payload(error) {
  try {
    if (isError(error)) {
      return {
        errorType: clean(error.name),
        errorMessage: clean(error.message),
        trace: clean(error.stack ?? '').split('\n'),
      };
    }
    return { errorType: typeof error, errorMessage: String(error), trace: [] };
  } catch {
    return {
      errorType: 'handled',
      errorMessage:
        'callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack',
      trace: [],
    };
  }
}

// DEL may not stand in a header.
const clean = (text) => String(text).replaceAll('\x7f', '%7F');

// cause is the same error for X-Ray, as a header value.
function cause(error) {
  if (!isError(error)) return '';
  try {
    const stack = clean(error.stack ?? '')
      .split('\n')
      .slice(1)
      .map((line) => {
        const [, label = 'anonymous', path, lineNumber] = /^\s*at (?:(.*) )?\(?(.*?):(\d+)(?::\d+)?\)?$/.exec(line) ?? [];
        return { path, line: Number(lineNumber), label };
      })
      .filter((frame) => frame.path !== undefined);
    return ascii(
      JSON.stringify({
        working_directory: process.cwd(),
        exceptions: [{ type: error.name, message: error.message, stack }],
        paths: [...new Set(stack.map((frame) => frame.path))],
      }),
    );
  } catch {
    return '';
  }
}

// ascii escapes what a header may not carry.
const ascii = (json) =>
  json.replace(/[\u007f-\uffff]/g, (c) => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'));

module.exports = {
  HandlerNotFound,
  MalformedHandlerName,
  ImportModuleError,
  MalformedStreamingHandler,
  InvalidStreamingOperation,
  CallbackHandlerDeprecated,
  JSONStringifyError,
  NodeJsExit,
  UserCodeSyntaxError,
  UnhandledPromiseRejection,
  ascii,
  cause,
  isError,
  payload,
};
