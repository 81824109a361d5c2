// Text from outside, made harmless to read: it is text and never markup, which Preact sees to, and what would not be seen
// or would change the order of what is read is shown as an escape.

// Control characters but line feed and tab, formats (zero width, bidi, tags), separators of lines, lone surrogates,
// private characters, variation selectors, and letters that
// fonts show as nothing. \p{Cf} has the joiners too, see joined.
const unseen =
  /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\u{e0100}-\u{e01ef}]/gu

// A joiner between two letters or after a picture is how Persian, Hindi and emoji are written.
const joined = /[\p{L}\p{M}\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f]$/u

// The selector that gives a picture its colors.
const picture = /\p{Extended_Pictographic}$/u

/** visible is the text with control characters and those that steer the direction of text as \u escapes. */
export function visible(text: string): string {
  return text.replace(unseen, (c, at: number) => {
    if (c === '\n' || c === '\t') return c
    if (c === '\ufe0f' && picture.test(text.slice(Math.max(0, at - 2), at))) return c
    if (c === '\u200d' || c === '\u200c') {
      const before = text.slice(Math.max(0, at - 2), at)
      const after = String.fromCodePoint(text.codePointAt(at + 1) ?? 0x20)
      if (/[^\p{ASCII}]$/u.test(before) && joined.test(before) && /[^\p{ASCII}]/u.test(after) && joined.test(after))
        return c
    }
    const code = c.codePointAt(0)!
    return code > 0xffff ? `\\u{${code.toString(16)}}` : '\\u' + code.toString(16).padStart(4, '0')
  })
}

/** Text shows text from outside. */
export function Text({ children }: { children: string }) {
  return <bdi>{visible(children)}</bdi>
}
