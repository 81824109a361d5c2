'use strict';

// What handlers return, throw and log, each under the name of a case.

const circular = {};
circular.self = circular;

class Custom extends Error {
  constructor() {
    super('of its own kind');
    this.name = 'Custom';
    this.code = 'E_CUSTOM';
    this.extra = { a: 1 };
  }
}

const coded = Object.assign(new TypeError('with a code'), { code: 'E_CODE' });

exports.results = {
  undefined: () => undefined,
  null: () => null,
  object: () => ({ a: 1, b: undefined, c: () => 1, d: Symbol('s') }),
  date: () => new Date(0),
  'toJSON': () => ({ toJSON: () => 'by itself' }),
  'toJSON that throws': () => ({ toJSON() { throw new Error('cannot'); } }),
  bigint: () => 1n,
  circular: () => circular,
  function: () => () => 1,
  symbol: () => Symbol('s'),
  'not a number': () => [NaN, Infinity, -0],
  buffer: () => Buffer.from('ab'),
  'typed array': () => new Uint8Array([1, 2]),
  map: () => new Map([[1, 2]]),
  error: () => new Error('returned'),
  text: () => 'ü \u2028 😀 \x7f \ud800',
  empty: () => '',
  false: () => false,
  thenable: () => ({ then: (resolve) => resolve('from a thenable') }),
};

exports.errors = {
  Error: () => new Error('plain'),
  'no text': () => new Error(),
  custom: () => new Custom(),
  code: () => coded,
  cause: () => new Error('outer', { cause: new Error('inner') }),
  aggregate: () => new AggregateError([new Error('one'), new Error('two')], 'several'),
  string: () => 'a string',
  'empty string': () => '',
  number: () => 42,
  null: () => null,
  undefined: () => undefined,
  object: () => ({ a: 1 }),
  'like an error': () => ({ name: 'Like', message: 'an error', stack: 'Like: an error\n    at nowhere' }),
  'no prototype': () => Object.assign(Object.create(null), { a: 1 }),
  symbol: () => Symbol('s'),
  bigint: () => 1n,
  DEL: () => new Error('a\x7fb'),
  lines: () => new Error('one\ntwo'),
  'not ASCII': () => new Error('ü 😀'),
  'no stack': () => Object.assign(new Error('x'), { stack: undefined }),
  circular: () => Object.assign(new Error('x'), { self: circular }),
  'getter that throws': () => Object.defineProperty(new Error('x'), 'message', { get() { throw new Error('y'); } }),
  'name that is a number': () => Object.assign(new Error('x'), { name: 5 }),
};

function thrown(name) {
  throw exports.errors[name]();
}

exports.asynchronous = async ({ result, error }) => (error === undefined ? exports.results[result]() : thrown(error));

exports.callback = (event, context, callback) => {
  context.callbackWaitsForEmptyEventLoop = event.waits ?? true;
  if (event.error !== undefined) callback(exports.errors[event.error]());
  else callback(null, exports.results[event.result]());
  if (event.twice) callback(null, 'again');
};

exports.synchronous = ({ result, error }) => (error === undefined ? exports.results[result]() : thrown(error));

exports.old = (event, context) => {
  if (event.how === 'done') context.done(null, 'done');
  if (event.how === 'done with an error') context.done(new Error('not done'));
  if (event.how === 'succeed') context.succeed({ ok: true });
  if (event.how === 'fail') context.fail(new Error('failed'));
  if (event.how === 'fail with nothing') context.fail();
};

exports.odd = async (event, context) => {
  switch (event.how) {
    case 'exit':
      process.exit(3);
    case 'exit with success':
      process.exit(0);
    case 'never':
      return new Promise(() => {});
    case 'uncaught':
      setImmediate(() => thrown('custom'));
      return new Promise((resolve) => setTimeout(resolve, 5000));
    case 'rejection':
      Promise.reject(new Custom());
      return new Promise((resolve) => setTimeout(resolve, 5000));
    case 'rejection with a string':
      Promise.reject('a string');
      return new Promise((resolve) => setTimeout(resolve, 5000));
    case 'context':
      return { ...context, xRayTraceId: typeof context.xRayTraceId, logStreamName: '', remaining: typeof context.getRemainingTimeInMillis(), keys: Object.keys(context) };
    case 'logs':
      console.log('log %s %d %j', 'a', 1, { b: 2 });
      console.info('two\nlines');
      console.debug({ a: { b: { c: { d: 1 } } } });
      console.warn('warn', new Error('within').message);
      console.error('error', [1, 2]);
      console.trace('trace');
      console.log();
      console.log('%o', undefined, null);
      return null;
  }
};

exports.notFunction = 'a string';
exports.nested = { deep: { handler: async () => 'nested' } };
exports.isNull = null;
exports.three = async (event, context, callback) => 'three parameters';
exports.one = async (event) => 'one parameter';
exports.Class = class {};
