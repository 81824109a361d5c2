// How a step or a request came out: a sign and a word, so that the color says nothing that they do not.

import type { Verdict } from '../api'

const signs: Record<string, { sign: string; word: string; tone: string }> = {
  ok: { sign: '✓', word: 'ok', tone: 'good' },
  warning: { sign: '!', word: 'warning', tone: 'doubt' },
  refused: { sign: '✗', word: 'refused', tone: 'bad' },
  failed: { sign: '✗', word: 'failed', tone: 'bad' },
  none: { sign: '–', word: 'not reached', tone: 'quiet' },
}

export function VerdictTag({ verdict, word: own }: { verdict: Verdict | 'none'; word?: string }) {
  const { sign, word, tone } = signs[verdict] ?? { sign: '?', word: verdict, tone: 'quiet' }
  return (
    <span class={'tag ' + tone}>
      <span aria-hidden="true">{sign} </span>
      {own ?? word}
    </span>
  )
}
