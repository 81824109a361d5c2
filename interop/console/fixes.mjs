// Copies each form of a fix from the page; console_test.go types it.

import { call, check, innocent, open, opened, run, tell, world } from './lib.mjs'

await run(async (browser) => {
  const one = await open(browser)
  const { page } = one
  for (const { form, user, url } of world.fixes) {
    const refused = await call(url, user)
    check(form + ': the call is refused', refused.status === 403, refused)
    await opened(one, refused.id)
    await page.getByRole('tab', { name: form, exact: true }).click()
    const panel = page.getByRole('tabpanel')
    const copied = []
    for (const button of await panel.getByRole('button', { name: /^Copy/ }).all()) {
      await page.evaluate(() => navigator.clipboard.writeText(''))
      await button.click()
      await panel.getByRole('button', { name: /^Copied/ }).waitFor()
      copied.push(await page.evaluate(() => navigator.clipboard.readText()))
    }
    const shown = await panel.locator('pre').allTextContents()
    check(form + ': what is shown is what is copied', copied.length > 0 && copied.join() === shown.join(), { copied, shown })
    tell(form, copied)
  }
  innocent('fixes', one)
})
