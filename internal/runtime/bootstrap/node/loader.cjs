'use strict';

const fs = require('node:fs');
const { createRequire } = require('node:module');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const {
  CallbackHandlerDeprecated,
  HandlerNotFound,
  ImportModuleError,
  MalformedHandlerName,
  UserCodeSyntaxError,
} = require('./errors.cjs');
const { isStreaming } = require('./stream.cjs');

// load answers the function that "dir/module.export" names: a CommonJS or an ES module.
async function load(root, name) {
  if (name.includes('..')) {
    throw new MalformedHandlerName(
      `'${name}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`,
    );
  }
  const base = path.basename(name);
  const match = /^([^.]*)\.(.*)$/.exec(base);
  if (!match) throw new MalformedHandlerName('Bad handler');
  const [, moduleName, exportName] = match;
  const directory = path.resolve(root, name.slice(0, name.length - base.length).replace(/\/$/, ''));
  const handler = find(await loadModule(root, directory, moduleName), exportName);
  if (handler === undefined || handler === null) throw new HandlerNotFound(`${name} is undefined or not exported`);
  if (typeof handler !== 'function') throw new HandlerNotFound(`${name} is not a function`);
  // Since Node.js 24 Lambda refuses callback handlers when they load, not when they call back.
  if (!hasCallbacks() && handler.length >= 3 && !isStreaming(handler)) {
    throw new CallbackHandlerDeprecated(
      'ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. ' +
        'You need to modify this function to use a supported handler signature to use Node.js 24 or later. ' +
        'For more information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.',
    );
  }
  return handler;
}

// hasCallbacks tells whether the function's runtime, as configured, still knows callbacks.
function hasCallbacks() {
  const [, major] = /nodejs(\d+)/.exec(process.env.AWS_EXECUTION_ENV ?? '') ?? [];
  return !(Number(major) >= 24);
}

async function loadModule(root, directory, name) {
  const file = path.join(directory, name);
  try {
    for (const extension of ['', '.js', '.mjs', '.cjs']) {
      if (isFile(file + extension)) return await import(pathToFileURL(file + extension).href);
    }
    const require = createRequire(path.join(root, 'bootstrap'));
    return require(require.resolve(name, { paths: [root, directory] }));
  } catch (error) {
    if (error instanceof SyntaxError) throw new UserCodeSyntaxError(error);
    if (error?.code === 'MODULE_NOT_FOUND') throw new ImportModuleError(error);
    throw error;
  }
}

function isFile(file) {
  return fs.statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}

// find follows "a.b" through a module, or through the default export that a CommonJS module turns into.
function find(module, exportName) {
  const follow = (from) => exportName.split('.').reduce((at, key) => at?.[key], from);
  return follow(module) ?? follow(module?.default);
}

module.exports = { load, hasCallbacks };
