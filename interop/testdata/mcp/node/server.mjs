// An MCP server with the official SDK for TypeScript.
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { z } from 'zod'

const text = (value) => ({ content: [{ type: 'text', text: String(value) }] })

function tools() {
  const server = new McpServer({ name: 'node', version: '1.0.0' })
  server.registerTool('add', { inputSchema: { a: z.number(), b: z.number() } }, async ({ a, b }) => text(a + b))
  server.registerTool('count', { inputSchema: { n: z.number() } }, async ({ n }, extra) => {
    const progressToken = extra._meta?.progressToken
    for (let progress = 1; progress <= n && progressToken !== undefined; progress++) {
      await extra.sendNotification({ method: 'notifications/progress', params: { progressToken, progress, total: n } })
    }
    await new Promise((done) => setTimeout(done, 200)) // the SDK's client may forget progress that the answer follows at once
    return text('counted')
  })
  server.registerTool('large', { inputSchema: { n: z.number() } }, async ({ n }) => text('ü\n'.repeat(n)))
  server.registerTool('ask', { inputSchema: {} }, async () => {
    const answer = await server.server.elicitInput({
      message: 'What is your name?',
      requestedSchema: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
    })
    return text(answer.content.name)
  })
  server.registerTool('slow', { inputSchema: {} }, async (_, extra) => {
    await new Promise((done) => {
      const timer = setTimeout(done, 60_000)
      extra.signal.addEventListener('abort', () => { clearTimeout(timer); done() })
    })
    return text('too late')
  })
  server.registerTool('fail', { inputSchema: {} }, async () => { throw new Error('on purpose') })
  return server
}

const sessions = new Map()

async function transportOf(request) {
  const known = sessions.get(request.headers['mcp-session-id'])
  if (known) return known
  const keeps = process.env.SESSIONS === '1'
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: keeps ? randomUUID : undefined,
    onsessioninitialized: (id) => sessions.set(id, transport),
    onsessionclosed: (id) => { sessions.delete(id) },
  })
  await tools().connect(transport)
  return transport
}

createServer(async (request, response) => {
  const keeps = process.env.SESSIONS === '1'
  const id = request.headers['mcp-session-id']
  if (new URL(request.url, 'http://server').pathname !== '/mcp' || (keeps && id && !sessions.has(id))) {
    response.writeHead(404).end()
  } else if (!keeps && request.method !== 'POST') {
    response.writeHead(405).end()
  } else {
    await (await transportOf(request)).handleRequest(request, response)
  }
}).listen(Number(process.env.PORT), '127.0.0.1')
