const { pipeline } = require('node:stream/promises');

// Streams as many blocks of 100 KB as the event says.
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  const block = Buffer.alloc(100_000);
  await pipeline(function* () {
    for (let n = 0; n < event.blocks; n++) yield block;
  }, stream);
});
