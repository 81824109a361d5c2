// 10,000 functions stay easy to work with.

import { check, go, innocent, open, run, world } from './lib.mjs'

await run(async (browser) => {
  const one = await open(browser)
  const { page } = one
  await page.getByRole('heading', { name: 'Requests' }).waitFor()
  const timed = async (name, act) => {
    const begin = Date.now()
    await act()
    const took = Date.now() - begin
    check(`${name} within a second`, took <= 1000 * world.slowness, took + ' ms')
  }
  await timed('the list is there', async () => {
    await go(one, '#/functions')
    await page.getByText(/10,\d{3} in all/).waitFor()
  })
  const rows = await page.getByRole('row').count()
  check('it shows a page of them', rows > 10 && rows <= 201, rows)
  await timed('the last page is there', async () => {
    await page.getByRole('button', { name: 'Last' }).click()
    await page.getByText(/of 10,\d{3}/).waitFor()
  })
  await timed('a search finds one', async () => {
    await page.getByLabel('Search').fill('many-09876')
    await page.getByText('1 found').waitFor()
    await page.getByRole('link', { name: 'many-09876' }).waitFor()
  })
  await timed('the matrix is there', async () => {
    await go(one, '#/access')
    await page.getByText(/callers × 10,\d{3} URLs/).waitFor()
    await page.getByRole('gridcell').first().waitFor()
  })
  await timed('the matrix finds one', async () => {
    await page.getByLabel('URLs').fill('many-09876')
    await page.getByText(/callers × 1 URL/).waitFor()
  })
  innocent('10,000 functions', one)
})
