// One function URL: how it is called, and who may.

import { link } from '../address'
import type { FunctionURL } from '../api'
import { Copy } from '../parts/copy'
import { Text } from '../text'

/** urlId is the id of a function URL in its domain name or, in path style, in its path. */
export function urlId(url: string): string {
  return /\/_furl\/url\/([^/]+)/.exec(url)?.[1] ?? /^https?:\/\/([^./]+)/.exec(url)?.[1] ?? ''
}

const modes = { BUFFERED: 'buffered', RESPONSE_STREAM: 'streamed' }

export function URLs({ urls }: { urls: FunctionURL[] }) {
  if (urls.length === 0) {
    return (
      <p class="quiet">
        This function has no URL. Type <code>furl url create</code> to give it one.
      </p>
    )
  }
  return (
    <ul class="world-urls">
      {urls.map((url) => (
        <li key={url.url}>
          <a class="mono" href={url.url} target="_blank" rel="noreferrer noopener">
            <Text>{url.url}</Text>
            <span class="sr"> (opens a new tab)</span>
          </a>
          <span class="world-facts">
            <span class="tag">{url.qualifier ? <Text>{'alias ' + url.qualifier}</Text> : '$LATEST'}</span>
            <AuthType authType={url.authType} />
            <span class="tag">{modes[url.invokeMode] ?? url.invokeMode}</span>
            <Copy text={url.url} label="Copy the URL" />
            <a href={link('access', '', { urlSearch: urlId(url.url) })}>Who may call it</a>
          </span>
        </li>
      ))}
    </ul>
  )
}

/** AuthType says whether a URL wants a signature. */
export function AuthType({ authType }: { authType: FunctionURL['authType'] }) {
  return authType === 'NONE' ? (
    <span class="tag doubt">
      <span aria-hidden="true">○ </span>NONE: without a signature
    </span>
  ) : (
    <span class="tag">
      <span aria-hidden="true">● </span>AWS_IAM
    </span>
  )
}
