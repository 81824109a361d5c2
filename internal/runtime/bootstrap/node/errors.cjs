'use strict';

const { types } = require('node:util');

// hasCallbacks tells whether the function's runtime, as configured, still knows callbacks. Since Node.js 24 Lambda has
// another generation of its client (aws-lambda-ric 4 instead of 3), in which errors differ, too.
function hasCallbacks() {
  const [, major] = /nodejs(\d+)/.exec(process.env.AWS_EXECUTION_ENV ?? '') ?? [];
  return !(Number(major) >= 24);
}

// Errors of the runtime itself, under the names that Lambda gives them.

// named makes a class of errors. With the older client the name does not show in the log, since it is not the error's own.
function named(name) {
  class Named extends Error {
    constructor(message) {
      super(message);
      if (!hasCallbacks()) this.name = name;
    }
  }
  Named.prototype.name = name;
  return Named;
}

const HandlerNotFound = named('Runtime.HandlerNotFound');
const MalformedHandlerName = named('Runtime.MalformedHandlerName');
const ImportModuleError = named('Runtime.ImportModuleError');
const MalformedStreamingHandler = named('Runtime.MalformedStreamingHandler');
const InvalidStreamingOperation = named('Runtime.InvalidStreamingOperation');
const CallbackHandlerDeprecated = named('Runtime.CallbackHandlerDeprecated');
const JSONStringifyError = hasCallbacks() ? Error : named('Runtime.JSONStringifyError');

class UserCodeSyntaxError extends named('Runtime.UserCodeSyntaxError') {
  constructor(cause) {
    super(String(cause));
    if (!hasCallbacks()) this.stack = cause.stack;
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

const isText = (value) => typeof value === 'string' && value !== '';

// isError tells whether AWS's client takes the value for an error: the older one also takes what looks like one.
const isError = (e) =>
  e instanceof Error ||
  (hasCallbacks() && (types.isNativeError(e) || (isText(e?.name) && isText(e.message) && isText(e.stack))));

// payload is what the caller of the function sees. What cannot be read, such as a name that is no text, is "handled".
function payload(error) {
  const none = hasCallbacks() ? {} : { trace: [] };
  try {
    if (isError(error)) {
      const stack = hasCallbacks() ? error.stack.replaceAll('\x7f', '%7F') : clean(error.stack);
      return {
        errorType: clean(error.name),
        errorMessage: clean(error.message),
        trace: stack?.split('\n') ?? [],
      };
    }
    return { errorType: typeof error, errorMessage: hasCallbacks() ? error.toString() : String(error), trace: [] };
  } catch {
    return {
      errorType: 'handled',
      errorMessage:
        'callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack',
      ...none,
    };
  }
}

// DEL may not stand in a header.
const clean = (text) => text?.replaceAll('\x7f', '%7F');

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

// AWS's runtimes have the AWS SDK for JavaScript v3 (AWS Lambda Developer Guide, "Building Lambda functions with Node.js").
const PROVIDED = /^Cannot find (?:module|package) '@(?:aws-sdk|smithy)\//;
const REMEDY =
  " (furl: AWS's runtime has this package, and this machine does not: add it to the function's package, or install it " +
  'with npm install --prefix DIR @aws-sdk/NAME and start furl serve --node-modules DIR/node_modules)';

// explained adds the remedy to an error about a package that AWS's runtimes have.
function explained(error) {
  if (error instanceof Error && /MODULE_NOT_FOUND$/.test(error.code) && PROVIDED.test(error.message)) {
    const [first, ...rest] = error.message.split('\n');
    const said = error.message;
    error.message = [first + REMEDY, ...rest].join('\n');
    error.stack = error.stack.replace(said, error.message);
  }
  return error;
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
  explained,
  hasCallbacks,
  isError,
  payload,
};
