// The view of who may call what: a matrix of callers and URLs, with the cell or the policy that is open beside it.

import { signal } from '@preact/signals'
import { useEffect, useMemo, useState } from 'preact/hooks'
import type { Access as Matrix, WhatIfAnswer } from '../api'
import { query } from '../client'
import { useLoad } from '../load'
import { Pager } from '../parts/pager'
import { place, show, leadTo } from './access-address'
import { Why } from './access-cell'
import { drafts } from './access-drafts'
import { Grid } from './access-grid'
import { LeaveGuard } from './access-leave'
import { Listed } from './access-list'
import { WhatIfPanel } from './access-whatif'
import { SearchField } from './search'
import { Empty, Problem, Waiting } from '../parts/states'
import { Text } from '../text'
import { number } from './words'
import './world.css'
import './access.css'

const media = matchMedia('(max-width: 44rem)')
const narrow = signal(media.matches)
media.addEventListener('change', () => {
  narrow.value = media.matches
})

export function Access() {
  const at = place()
  const listed = at.form === 'list' || (at.form === '' && narrow.value)
  const limit = listed ? 10 : 20 // of each axis
  const path =
    'v1/access' +
    query({
      callerSearch: at.callerSearch,
      callerOffset: at.callerOffset,
      callerLimit: limit,
      urlSearch: at.urlSearch,
      urlOffset: at.urlOffset,
      urlLimit: limit,
    })
  const { value: matrix, error, loading, again } = useLoad<Matrix>(path)
  const [answer, setAnswer] = useState<WhatIfAnswer>()
  const changes = useMemo(() => {
    return new Map((at.policy && answer?.changes ? answer.changes : []).map((one) => [one.caller + ' ' + one.url, one]))
  }, [answer, at.policy])
  useEffect(() => setAnswer(undefined), [at.policy])
  const Form = listed ? Listed : Grid
  const open = at.policy || (at.caller && at.url)
  return (
    <>
      <header class="world-title">
        <h2>Who may call</h2>
        <span role="status" class="quiet">
          {matrix && `${number(matrix.totalCallers)} callers × ${number(matrix.totalUrls)} URLs`}
        </span>
      </header>
      <Drafts policy={at.policy} />
      <form class="bar" role="search" onSubmit={(event) => event.preventDefault()}>
        <SearchField
          label="Callers"
          hint="part of an ARN"
          value={at.callerSearch}
          onSearch={(callerSearch) => show({ callerSearch, callerOffset: '' }, true)}
        />
        <SearchField
          label="URLs"
          hint="name or URL id"
          value={at.urlSearch}
          onSearch={(urlSearch) => show({ urlSearch, urlOffset: '' }, true)}
        />
        <fieldset class="choice">
          <legend class="sr">Form</legend>
          {['grid', 'list'].map((form) => (
            <button
              type="button"
              key={form}
              aria-pressed={listed === (form === 'list')}
              onClick={() => show({ form, callerOffset: '', urlOffset: '' }, true)}
            >
              {form === 'grid' ? 'Grid' : 'List'}
            </button>
          ))}
        </fieldset>
        <button type="button" onClick={again}>
          Look again
        </button>
      </form>
      {error && <Problem message={error} again={again} />}
      {!matrix && !error && <Waiting what="the matrix" />}
      <div class={open ? 'world-split open' : 'world-split'}>
        {matrix && (
          <div class="world-matrix" aria-busy={loading}>
            <Pages matrix={matrix} limit={limit} />
            {matrix.callers.length && matrix.urls.length ? (
              <Form matrix={matrix} changes={changes} opened={{ caller: at.caller, url: at.url }} />
            ) : (
              <Empty>
                {matrix.callers.length ? 'No function URL matches.' : 'No caller matches.'} Search for something else.
              </Empty>
            )}
            <Legend />
          </div>
        )}
        {open && (
          <div class="world-panels">
            {at.policy && (
              <WhatIfPanel
                key={at.policy}
                policy={at.policy}
                matrix={matrix}
                answer={answer}
                onAnswer={setAnswer}
                onSaved={again}
              />
            )}
            {at.caller && at.url && <Why caller={at.caller} url={at.url} />}
          </div>
        )}
      </div>
      <LeaveGuard policy={at.policy} />
    </>
  )
}

// Pages leads through both axes.
function Pages({ matrix, limit }: { matrix: Matrix; limit: number }) {
  const at = place()
  const text = (offset: number) => (offset ? String(offset) : '')
  return (
    <div class="world-pages">
      <Pager
        label="Callers"
        offset={Number(at.callerOffset) || 0}
        limit={limit}
        total={matrix.totalCallers}
        onOffset={(offset) => show({ callerOffset: text(offset) })}
      />
      <Pager
        label="URLs"
        offset={Number(at.urlOffset) || 0}
        limit={limit}
        total={matrix.totalUrls}
        onOffset={(offset) => show({ urlOffset: text(offset) })}
      />
    </div>
  )
}

// Drafts names the edits that are not saved and not open.
function Drafts({ policy }: { policy: string }) {
  const kept = [...drafts.value.values()].filter((draft) => draft.policy.id !== policy)
  if (kept.length === 0) return null
  return (
    <ul class="world-drafts" aria-label="Unsaved edits">
      {kept.map((draft) => (
        <li key={draft.policy.id}>
          <span aria-hidden="true">● </span>
          Unsaved edit of <Text>{draft.policy.name}</Text>. <a href={leadTo({ policy: draft.policy.id })}>Continue</a>
        </li>
      ))}
    </ul>
  )
}

function Legend() {
  return (
    <p class="quiet world-legend">
      A call needs both actions: <b>URL</b> is lambda:InvokeFunctionUrl, <b>Fn</b> is lambda:InvokeFunction.
      <b> ✓</b> may call, <b>✗</b> may not call, <b>◐</b> depends on the request, <b>?</b> furl could not look.
    </p>
  )
}
