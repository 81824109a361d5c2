import { Hono } from 'hono';
import { streamHandle } from 'hono/aws-lambda';
import { streamText } from 'hono/streaming';

const app = new Hono();

app.get('/pages', (c) =>
  streamText(c, async (stream) => {
    await stream.writeln('first edition');
    await stream.sleep(Number(c.req.query('pause')));
    await stream.writeln(c.env.event.requestContext.authorizer.iam.userArn);
  }),
);

export const handler = streamHandle(app);
