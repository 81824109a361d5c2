// A client signs something else than it sends: the page marks the bytes that differ.

import { AwsClient } from 'aws4fetch'
import { check, innocent, open, opened, run, world } from './lib.mjs'

/** sendOther signs one URL and sends another with the headers of the first. */
async function sendOther(signed, sent) {
  const client = new AwsClient({ ...world.users.carol, service: 'lambda', region: world.region })
  const { headers } = await client.sign(signed)
  const response = await fetch(sent, { headers })
  return { status: response.status, id: response.headers.get('x-amzn-requestid') }
}

await run(async (browser) => {
  const one = await open(browser)
  const { page } = one
  const base = world.urls.echo
  for (const { name, signed, sent, server, client } of [
    {
      name: 'a query that is encoded twice', signed: 'a?q=x%252Fy', sent: 'a?q=x%2Fy',
      server: 'q=x%2[differs: something is missing here]Fy', client: 'q=x%2[differs: 52]Fy',
    },
    {
      name: 'a path that is encoded twice', signed: 'a%2520b', sent: 'a%20b',
      server: '/a%252[differs: something is missing here]0b', client: '/a%252[differs: 52]0b',
    },
  ]) {
    const { status, id } = await sendOther(base + signed, base + sent)
    check(name + ': is refused', status === 403, status)
    await opened(one, id)
    const rows = page.getByRole('row').filter({ has: page.getByRole('mark') })
    const cells = await rows.getByRole('cell').allTextContents()
    check(name + ': the bytes that differ are marked', cells[0]?.includes(server) && cells[1]?.includes(client), cells)
  }
  innocent('mismatch', one)
})
