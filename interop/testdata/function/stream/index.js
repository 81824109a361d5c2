// Streams two words, and waits between them until the address in the event has answered.
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  stream.setContentType('text/plain');
  stream.write('one ');
  await fetch(event.hold);
  if (event.fail) throw new RangeError('torn');
  stream.end('two');
});

// The same word at once, from a handler that does not stream.
exports.plain = async (event) => {
  if (event.fail) throw new RangeError('torn');
  return { word: 'one' };
};
