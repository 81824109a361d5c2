// An Express application that knows nothing of Lambda. It answers as the one in ../webserver does.
const express = require('express');
const { setTimeout: sleep } = require('timers/promises');

const app = express();

app.get('/hello', (req, res) => {
  const context = JSON.parse(req.get('x-amzn-request-context'));
  res.json({
    name: req.query.name ?? '',
    caller: context.authorizer.iam.userArn,
    host: req.get('host'),
    cookie: req.get('cookie') ?? '',
  });
});

app.post('/echo', express.raw({ type: () => true, limit: '10mb' }), (req, res) => {
  res.type('application/octet-stream').send(req.body);
});

app.get('/events', async (req, res) => {
  res.type('text/event-stream');
  for (let i = 0; i < Number(req.query.n); i++) {
    res.write(`data: ${i}\n\n`);
    await sleep(1000 * Number(req.query.pause));
  }
  res.end();
});

app.get('/enter', (req, res) => {
  res.cookie('session', 'one', { httpOnly: true });
  res.cookie('theme', 'dark');
  res.redirect('/hello');
});

// A port that is fixed, as in Express's own example: the variable PORT does not count.
app.listen(Number(process.env.EXPRESS_PORT));
