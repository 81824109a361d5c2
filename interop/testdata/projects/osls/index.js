const express = require('express');
const serverless = require('serverless-http');

const app = express();
app.get('/books/:number', (req, res) => {
  const { userArn } = req.requestContext.authorizer.iam;
  res.json({ number: Number(req.params.number), title: 'first edition', caller: userArn });
});

module.exports.handler = serverless(app, {
  request(request, event) {
    request.requestContext = event.requestContext;
  },
});
