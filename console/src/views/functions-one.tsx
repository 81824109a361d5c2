// One function: its URLs, its last ten minutes, what runs it, and what it logs.

import { link } from '../address'
import type { FunctionDetail } from '../api'
import { query } from '../client'
import { useLoad } from '../load'
import { Copy } from '../parts/copy'
import { Text } from '../text'
import { Aliases, Running, Versions } from './functions-deployed'
import { Log } from './functions-log'
import { Plot } from './functions-plot'
import { StateTag } from './functions-state'
import { URLs } from './functions-url'
import { distance, exact, number } from './words'
import { Problem, Waiting } from '../parts/states'
import { Card } from './card'

const refresh = 5000 // milliseconds

export function FunctionPage({ arn }: { arn: string }) {
  const { value: detail, error, again } = useLoad<FunctionDetail>('v1/function' + query({ arn }), refresh)
  return (
    <>
      <p class="world-back">
        <a href={link('functions')}>← All functions</a>
      </p>
      {error && <Problem message={error} again={again} />}
      {detail ? <Opened detail={detail} /> : !error && <Waiting what="the function" />}
    </>
  )
}

function Opened({ detail }: { detail: FunctionDetail }) {
  return (
    <article class="world-function">
      <header class="world-title">
        <h2>
          <Text>{detail.name}</Text>
        </h2>
        <StateTag state={detail.state} />
        <span class="world-links">
          <a href={link('requests', '', { function: detail.arn })}>Its requests</a>
          <a href={link('access', '', { urlSearch: detail.arn })}>Who may call it</a>
        </span>
      </header>
      {detail.description && (
        <p class="quiet">
          <Text>{detail.description}</Text>
        </p>
      )}
      <div class="world-cards">
        <Card title="URLs" wide>
          <URLs urls={detail.urls} />
        </Card>
        <Card title="Last ten minutes" wide>
          <Plot traffic={detail.traffic} />
        </Card>
        <Card title="Concurrency">
          <Running detail={detail} />
        </Card>
        <Card title="Versions">
          <Aliases aliases={detail.aliases} />
          <Versions versions={detail.versions} />
        </Card>
        <Card title="Configuration">
          <Configuration detail={detail} />
        </Card>
        <Card title="Live log" wide>
          <Log arn={detail.arn} />
        </Card>
      </div>
    </article>
  )
}

function Configuration({ detail }: { detail: FunctionDetail }) {
  return (
    <dl class="world-list">
      <dt>ARN</dt>
      <dd class="mono">
        <Text>{detail.arn}</Text> <Copy text={detail.arn} label="Copy the ARN" />
      </dd>
      <dt>Runtime</dt>
      <dd>{detail.runtime}</dd>
      {detail.upstream && <dt>Upstream</dt>}
      {detail.upstream && (
        <dd class="mono">
          <Text>{detail.upstream}</Text>
        </dd>
      )}
      {detail.codeDir && <dt>Code</dt>}
      {detail.codeDir && (
        <dd class="mono">
          <Text>{detail.codeDir}</Text>
        </dd>
      )}
      {detail.handler && <dt>Handler</dt>}
      {detail.handler && (
        <dd class="mono">
          <Text>{detail.handler}</Text>
        </dd>
      )}
      {detail.role && <dt>Role</dt>}
      {detail.role && (
        <dd class="mono">
          <Text>{detail.role}</Text>
        </dd>
      )}
      <dt>Memory</dt>
      <dd>{number(detail.memory)} MB</dd>
      <dt>Timeout</dt>
      <dd>{number(detail.timeout)} s</dd>
      <dt>Modified</dt>
      <dd>
        <time dateTime={detail.modified} title={exact(detail.modified)}>
          {distance(detail.modified)}
        </time>
      </dd>
      {detail.layers.length > 0 && <dt>Layers</dt>}
      {detail.layers.map((layer) => (
        <dd class="mono" key={layer}>
          <Text>{layer}</Text>
        </dd>
      ))}
    </dl>
  )
}
