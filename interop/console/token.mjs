// Who has no session gets none: a ticket is good once, and a session for its tab.

import { check, innocent, link, open, run, watch } from './lib.mjs'

const typed = 'Type furl console in a terminal'

await run(async (browser) => {
  const at = link()
  const one = await open(browser, {}, at)
  const { page, context, origin } = one
  await page.getByRole('heading', { name: 'Requests' }).waitFor()
  check('the ticket leaves the address', !page.url().includes('ticket'), page.url())
  await page.reload()
  await page.getByRole('heading', { name: 'Requests' }).waitFor()
  await page.getByText('● live').waitFor()
  check('a reload keeps the session', true)
  check('there is no cookie', (await context.cookies()).length === 0)
  innocent('token', one)

  const other = await context.newPage()
  const faults = watch(other, origin)
  await other.goto(at.split('#')[0])
  await other.getByText(typed).waitFor()
  check('a new tab asks for furl console', true)
  innocent('a new tab', { faults })

  const late = await context.newPage()
  await late.goto(at)
  await late.getByRole('alert').waitFor()
  const text = await late.getByRole('main').innerText()
  check('a used ticket is refused', /ticket|furl console/.test(text) && (await late.getByRole('table').count()) === 0, text)
  const kept = await late.evaluate(() => sessionStorage.length)
  check('a used ticket leaves no token', kept === 0, kept)
})
