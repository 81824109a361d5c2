'use strict';

const fs = require('node:fs');
const { createRequire, register } = require('node:module');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const {
  CallbackHandlerDeprecated,
  HandlerNotFound,
  ImportModuleError,
  MalformedHandlerName,
  UserCodeSyntaxError,
  explained,
  hasCallbacks,
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

async function loadModule(root, directory, name) {
  const file = path.join(directory, name);
  const require = createRequire(path.join(process.env.LAMBDA_RUNTIME_DIR, 'index.mjs'));
  try {
    for (const extension of ['', '.js', '.mjs', '.cjs']) {
      if (!isFile(file + extension)) continue;
      // The older client requires what is not a module, which shows in the errors about what it requires in turn.
      if (hasCallbacks() && !isModule(file, extension)) return require(file + extension);
      return await import(pathToFileURL(file + extension).href);
    }
    return require(require.resolve(name, { paths: [root, directory] }));
  } catch (error) {
    explained(error);
    if (error instanceof SyntaxError) throw new UserCodeSyntaxError(error);
    if (error?.code === 'MODULE_NOT_FOUND') throw new ImportModuleError(error);
    throw error;
  }
}

// addPackages has ES modules find the AWS SDK of NODE_PATH, too, as those of Lambda do: Node.js itself looks there only
// for require. As at AWS they find nothing in the layers.
function addPackages() {
  const folders = (process.env.NODE_PATH ?? '')
    .split(path.delimiter)
    .filter((folder) => folder.endsWith('/node_modules') && !/\/nodejs\/(node\d+\/)?node_modules$/.test(folder))
    .filter((folder) => fs.existsSync(path.join(folder, '@aws-sdk')));
  if (folders.length === 0) return;
  const hooks = `
    import { pathToFileURL } from 'node:url';
    const folders = ${JSON.stringify(folders)};
    export async function resolve(specifier, context, next) {
      try {
        return await next(specifier, context);
      } catch (error) {
        if (error?.code !== 'ERR_MODULE_NOT_FOUND' || !/^(@[^/]+\\/)?[^./:][^:]*$/.test(specifier)) throw error;
        for (const folder of folders) {
          try {
            return await next(specifier, { ...context, parentURL: pathToFileURL(folder + '/../index.mjs').href });
          } catch {}
        }
        throw error;
      }
    }`;
  register?.('data:text/javascript,' + encodeURIComponent(hooks));
}

// isModule tells whether AWS's older client imports a file, by the nearest package.json.
function isModule(file, extension) {
  if (extension !== '.js') return extension === '.mjs';
  for (let folder = path.dirname(file); !folder.endsWith('/node_modules'); folder = path.dirname(folder)) {
    const manifest = path.join(folder, 'package.json');
    if (isFile(manifest)) {
      try {
        return JSON.parse(fs.readFileSync(manifest)).type === 'module';
      } catch {
        return false;
      }
    }
    if (folder === path.dirname(folder)) break;
  }
  return false;
}

function isFile(file) {
  return fs.statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}

// find follows "a.b" through a module, or through the default export that a CommonJS module turns into.
function find(module, exportName) {
  const follow = (from) => exportName.split('.').reduce((at, key) => at?.[key], from);
  return follow(module) ?? follow(module?.default);
}

module.exports = { addPackages, load };
