// All functions, by name, in pages.

import { address, go, link } from '../address'
import type { FunctionLine, FunctionList } from '../api'
import { query } from '../client'
import { useLoad } from '../load'
import { Pager } from '../parts/pager'
import { server } from '../shell'
import { Text } from '../text'
import { Empty, Problem, Waiting } from '../parts/states'
import { SearchField } from './search'
import { StateTag } from './functions-state'
import { number } from './words'

const limit = 50
const refresh = 5000 // milliseconds; calls and errors go on

export function FunctionTable() {
  const { filter } = address.value
  const search = filter.get('search') ?? ''
  const account = filter.get('account') ?? ''
  const offset = Number(filter.get('offset') ?? 0) || 0
  const path = 'v1/functions' + query({ search, account, limit, offset })
  const { value: list, error, loading, again } = useLoad<FunctionList>(path, refresh)
  const show = (change: Record<string, string>) =>
    go(link('functions', '', { search, account, offset: '', ...change }), true)
  const accounts = server.value?.accounts ?? []
  return (
    <>
      <header class="world-title">
        <h2>Functions</h2>
        <span role="status" class="quiet">
          {list && `${number(list.total)} ${search || account ? 'found' : 'in all'}`}
        </span>
      </header>
      <form class="bar" role="search" onSubmit={(event) => event.preventDefault()}>
        <SearchField label="Search" hint="name, ARN, URL id" value={search} onSearch={(search) => show({ search })} />
        {accounts.length > 1 && (
          <label>
            Account{' '}
            <select value={account} onChange={(event) => show({ account: event.currentTarget.value })}>
              <option value="">all</option>
              {accounts.map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
          </label>
        )}
      </form>
      {error && <Problem message={error} again={again} />}
      {list ? (
        <Rows functions={list.functions} busy={loading} found={search !== '' || account !== ''} />
      ) : (
        !error && <Waiting what="functions" />
      )}
      {list && (
        <Pager
          offset={offset}
          limit={limit}
          total={list.total}
          onOffset={(offset) => show({ offset: offset ? String(offset) : '' })}
        />
      )}
    </>
  )
}

function Rows({ functions, busy, found }: { functions: FunctionLine[]; busy: boolean; found: boolean }) {
  if (functions.length === 0) {
    return (
      <Empty>
        {found
          ? 'No function matches.'
          : 'There is no function yet. Type aws lambda create-function, or furl dev in a project.'}
      </Empty>
    )
  }
  return (
    <table class="world-table stack" aria-busy={busy} aria-label="Functions">
      <thead>
        <tr>
          <th scope="col">Function</th>
          <th scope="col">State</th>
          <th scope="col">Runtime</th>
          <th scope="col">URLs</th>
          <th scope="col" class="number">
            Calls, 10 min
          </th>
          <th scope="col" class="number">
            Errors
          </th>
        </tr>
      </thead>
      <tbody>
        {functions.map((one) => (
          <tr key={one.arn}>
            <th scope="row">
              <a href={link('functions', one.arn)}>
                <Text>{one.name}</Text>
              </a>
              <small class="quiet">
                {one.account} · {one.region}
              </small>
            </th>
            <td data-label="State">
              <StateTag state={one.state} />
            </td>
            <td data-label="Runtime">{one.runtime}</td>
            <td data-label="URLs">{one.urls.length === 0 ? <span class="quiet">none</span> : <Kinds line={one} />}</td>
            <td data-label="Calls, 10 min" class="number">
              {number(one.calls)}
            </td>
            <td data-label="Errors" class={one.errors > 0 ? 'number bad' : 'number'}>
              {one.errors > 0 && <span aria-hidden="true">✗ </span>}
              {number(one.errors)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

// Kinds says how the URLs are called: their auth types and modes, in few words.
function Kinds({ line }: { line: FunctionLine }) {
  return (
    <span class="world-facts">
      {line.urls.map((url) => (
        <span class={url.authType === 'NONE' ? 'tag doubt' : 'tag'} key={url.url}>
          <span aria-hidden="true">{url.authType === 'NONE' ? '○ ' : '● '}</span>
          {url.authType === 'NONE' ? 'NONE' : 'IAM'}
          {url.qualifier && (
            <>
              {' · '}
              <Text>{url.qualifier}</Text>
            </>
          )}
          {url.invokeMode === 'RESPONSE_STREAM' && ' · streamed'}
        </span>
      ))}
    </span>
  )
}
