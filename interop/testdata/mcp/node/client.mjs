// An MCP client with the official SDK for TypeScript, of its first or second generation (GENERATION), which starts the
// command of its arguments and prints as JSON what it got. ASK=1 says that the server can ask.
const second = process.env.GENERATION === '2'
const name = second ? '@modelcontextprotocol/client' : '@modelcontextprotocol/sdk/client/index.js'
const { Client } = await import(name)
const { StdioClientTransport } = await import(
  second ? '@modelcontextprotocol/client/stdio' : '@modelcontextprotocol/sdk/client/stdio.js')

const options = { capabilities: { elicitation: {} } }
if (second) options.versionNegotiation = { mode: process.env.MODE }
const client = new Client({ name: 'client', version: '1.0.0' }, options)
const answer = async () => ({ action: 'accept', content: { name: 'Ada' } })
if (second) {
  client.setRequestHandler('elicitation/create', answer)
} else {
  const { ElicitRequestSchema } = await import('@modelcontextprotocol/sdk/types.js')
  client.setRequestHandler(ElicitRequestSchema, answer)
}
const [command, ...args] = process.argv.slice(2)
const transport = new StdioClientTransport({ command, args, env: process.env })
let version
transport.setProtocolVersion = (negotiated) => { version = negotiated }
await client.connect(transport)

const call = (name, args, more) => second
  ? client.callTool({ name, arguments: args }, more)
  : client.callTool({ name, arguments: args }, undefined, more)
const text = async (name, args, more) => (await call(name, args, more)).content[0].text
const found = { version: client.getNegotiatedProtocolVersion?.() ?? version }
found.tools = (await client.listTools()).tools.map((tool) => tool.name).sort()
found.add = await text('add', { a: 1, b: 2 })
found.progress = []
found.count = await text('count', { n: 3 }, { onprogress: ({ progress, total }) => found.progress.push([progress, total]) })
found.large = (await text('large', { n: 100_000 })).length
found.failed = (await call('fail', {})).isError
const sums = await Promise.all([...Array(Number(process.env.SEVERAL)).keys()].map((i) => text('add', { a: i, b: i })))
found.several = sums.every((sum, i) => Number(sum) === 2 * i)
if (process.env.ASK === '1') found.ask = await text('ask', {})
const abort = new AbortController()
setTimeout(() => abort.abort(), 500)
found.cancelled = await call('slow', {}, { signal: abort.signal }).then(() => false, () => true)
found.after = await text('add', { a: 2, b: 2 })
await client.close()
console.log(JSON.stringify(found))
