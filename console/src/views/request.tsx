// One request: what each step found, why it was refused, and what was sent and answered.

import { useEffect, useRef } from 'preact/hooks'
import { address, go, link } from '../address'
import type { RequestDetail } from '../api'
import { useLoad } from '../load'
import { Fixes } from '../parts/fixes'
import { Problem, Waiting } from '../parts/states'
import { VerdictTag } from '../parts/verdict'
import { Text } from '../text'
import { Card } from './card'
import { Decisions } from './decision'
import { Body, Headers } from './message'
import { Difference } from './mismatch'
import { RequestLog } from './request-log'
import { Code } from './request-code'
import { Replay } from './replay'
import { Way } from './way'
import { distance, duration, exact, short } from './words'

export function RequestPage({ id }: { id: string }) {
  const { value: detail, error, again } = useLoad<RequestDetail>('v1/requests/' + encodeURIComponent(id))
  useLateLog(detail, again)
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key !== 'Escape' || event.defaultPrevented || document.querySelector('dialog[open]')) return
      go(link('requests', '', address.value.filter))
    }
    addEventListener('keydown', press)
    return () => removeEventListener('keydown', press)
  }, [])
  return (
    <>
      <p class="world-back">
        <a href={link('requests', '', address.value.filter)}>← All requests</a>
      </p>
      {error && <Problem message={error} again={again} />}
      {detail ? <Opened detail={detail} again={again} /> : !error && <Waiting what="the request" />}
    </>
  )
}

function Opened({ detail, again }: { detail: RequestDetail; again: () => void }) {
  const fixes = detail.fixes.filter((fix) => fix.texts.length > 0 || fix.sentences.length > 0)
  const mismatches = detail.steps.flatMap(({ mismatch }) => mismatch ?? [])
  const decisions = detail.steps.flatMap(({ decision }) => decision ?? [])
  return (
    <article class="request">
      <header class="world-title">
        <h2 class="mono">
          <Text>{detail.method + ' ' + detail.target}</Text>
        </h2>
        <span class="nowrap">
          {detail.status || 'no answer'} <VerdictTag verdict={detail.verdict} />
        </span>
        <span class="world-links">
          <Replay detail={detail} />
          <button type="button" onClick={again}>
            Read again
          </button>
        </span>
      </header>
      <Facts detail={detail} />
      {detail.reason && detail.verdict !== 'ok' && (
        <p class="request-reason">
          <Text>{detail.reason}</Text>
        </p>
      )}
      <Way steps={detail.steps} api={detail.api} />
      {mismatches.map((mismatch, i) => (
        <Difference mismatch={mismatch} key={i} />
      ))}
      <Decisions decisions={decisions} />
      {fixes.length > 0 && (
        <Card title="What would mend it" wide>
          <Fixes fixes={fixes} />
        </Card>
      )}
      {!detail.api && (
        <div class="request-cards">
          <Card title="The event that the function got" wide>
            {detail.event ? <Body body={detail.event} name="event" /> : <p class="quiet">{noEvent(detail)}</p>}
          </Card>
          <Card title="The request as the client sent it">
            {detail.request ? (
              <>
                <Headers headers={detail.request.headers} hidden={detail.request.hidden} />
                <Body body={detail.request.body} name="body" />
              </>
            ) : (
              <p class="quiet">It is not kept: the server keeps those of the last 200 requests.</p>
            )}
          </Card>
          <Card title="The answer">
            {detail.answer ? (
              <>
                <p class="request-status">
                  {detail.answer.status ?? detail.status} {detail.errorType && <Text>{detail.errorType}</Text>}
                </p>
                <Headers headers={detail.answer.headers} hidden={detail.answer.hidden} />
                <Body body={detail.answer.body} name="body" />
              </>
            ) : (
              <p class="quiet">It is not kept: the server keeps those of the last 200 requests.</p>
            )}
          </Card>
          <Card title="What the function logged" wide>
            <RequestLog lines={detail.logs} reached={detail.steps.some((step) => step.step === 'invoke')} />
          </Card>
          <Card title="Send it from a program" wide>
            <Code id={detail.id} possible={detail.replay.possible} why={detail.replay.why} />
          </Card>
        </div>
      )}
    </article>
  )
}

function noEvent(detail: RequestDetail): string {
  if (!detail.steps.some((step) => step.step === 'invoke')) return 'The function did not get the request.'
  return 'It is not kept: the server keeps those of the last 200 requests.'
}

function Facts({ detail }: { detail: RequestDetail }) {
  return (
    <dl class="request-facts">
      <dt>Function</dt>
      <dd>
        {detail.function ? (
          <a href={link('functions', unqualified(detail.function))}>
            <Text>{detail.function}</Text>
          </a>
        ) : (
          <span class="quiet">{detail.operation ?? 'none was found'}</span>
        )}
      </dd>
      <dt>Caller</dt>
      <dd>
        {detail.caller ? (
          <a href={link('requests', '', { caller: detail.caller })} title="Its requests">
            <Text>{detail.caller}</Text>
          </a>
        ) : (
          <span class="quiet">not known</span>
        )}
        {detail.caller && detail.function && (
          <>
            {' · '}
            <a
              href={link('access', '', { callerSearch: short(detail.caller), urlSearch: unqualified(detail.function) })}
            >
              what it may call
            </a>
          </>
        )}
      </dd>
      <dt>Host</dt>
      <dd>
        <Text>{detail.host}</Text>, from <Text>{detail.sourceIp}</Text>
      </dd>
      <dt>Time</dt>
      <dd>
        <time dateTime={detail.time}>{exact(detail.time)}</time>, {distance(detail.time)}; took{' '}
        {duration(detail.micros)}
      </dd>
      <dt>Id</dt>
      <dd class="mono">
        <Text>{detail.id}</Text>
      </dd>
    </dl>
  )
}

/** unqualified is the ARN of the function itself. */
function unqualified(arn: string): string {
  return arn.split(':').slice(0, 7).join(':')
}

const lateLog = { tries: 3, pause: 700 } // milliseconds

// useLateLog reads the request again while its log may not be whole: the last lines come a moment after the answer.
function useLateLog(detail: RequestDetail | undefined, again: () => void) {
  const tries = useRef(0)
  useEffect(() => {
    const reached = detail?.steps.some(({ step }) => step === 'invoke')
    const whole = detail?.logs.some(({ stream, text }) => stream === 'platform' && text.startsWith('REPORT'))
    if (!reached || whole || tries.current >= lateLog.tries) return
    tries.current++
    const timer = setTimeout(again, lateLog.pause)
    return () => clearTimeout(timer)
  }, [detail])
}
