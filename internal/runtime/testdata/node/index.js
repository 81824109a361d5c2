'use strict';

const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

exports.handler = async (event, context) => {
  switch (event.do) {
    case 'echo':
      return event;
    case 'undefined':
      return undefined;
    case 'throw':
      throw new RangeError(`no good: ${event.text}`);
    case 'throw-text':
      throw 'just text';
    case 'circular': {
      const a = {};
      a.a = a;
      return a;
    }
    case 'never':
      return new Promise(() => {});
    case 'uncaught':
      setTimeout(() => {
        throw new TypeError('from a timer');
      }, 1);
      return later(10_000);
    case 'unhandled':
      Promise.reject(new Error('nobody listens'));
      return later(10_000);
    case 'exit':
      return process.exit(event.code);
    case 'big':
      return 'a'.repeat(event.n - 2);
    case 'print':
      console.log('logged %s\ton two\nlines', 'text');
      console.error('problem');
      process.stdout.write('plain\n');
      return 'printed';
    case 'chatter':
      for (let i = 0; i < event.lines; i++) console.log('line', i);
      if (event.exit) process.exit(1);
      return 'said';
    case 'trace':
      return process.env._X_AMZN_TRACE_ID ?? null;
    case 'environment':
      return process.env;
    case 'context':
      return { ...context, remaining: context.getRemainingTimeInMillis() };
    default:
      throw new Error(event.do);
  }
};

exports.nested = { deep: { handler: async () => 'nested.deep.handler' } };
exports.notAFunction = 42;

exports.callback = (event, context, callback) => {
  if (event.now) context.callbackWaitsForEmptyEventLoop = false;
  if (event.leave) setTimeout(() => console.log('the loop ran empty'), event.leave);
  if (event.error) callback(new Error(event.error));
  else if (!event.silent) callback(null, 'called back');
};

exports.done = (event, context) => {
  if (event.error) context.fail(new Error(event.error));
  else context.succeed('done');
};
