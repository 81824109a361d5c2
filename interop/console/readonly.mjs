// A console that is read-only changes nothing, and says how to change that.

import { call, check, go, innocent, open, opened, run, world } from './lib.mjs'

await run(async (browser) => {
  const one = await open(browser)
  const { page } = one
  await page.getByRole('heading', { name: 'Requests' }).waitFor()
  const denied = await call(world.urls.echo, 'alice')
  await opened(one, denied.id)
  check('there is nothing to send', (await page.getByRole('button', { name: /Send it again/ }).count()) === 0)
  await page.getByText('--console=edit').first().waitFor()
  check('it says how', true)
  const status = await page.evaluate(async (id) => {
    const headers = { Authorization: 'Bearer ' + sessionStorage.getItem('furl-token'), 'Content-Type': 'application/json' }
    const answer = await fetch(`./v1/requests/${id}/replay`, { method: 'POST', headers, body: '{"caller":""}' })
    return answer.status
  }, denied.id)
  check('the server refuses it, too', status === 403, status)
  one.faults.splice(0) // of that
  await go(one, '#/access?policy=' + encodeURIComponent('resource/' + world.arns.echo))
  await page.getByRole('textbox').last().waitFor()
  check('there is nothing to save', (await page.getByRole('button', { name: /^Save/, disabled: false }).count()) === 0)
  innocent('read-only', one)
})
