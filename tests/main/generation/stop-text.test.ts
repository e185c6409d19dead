import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stopWatcher } from '../../../main/generation/stop-text.ts';
import { cutAtStops } from '../../../main/tasks/generation/stop-rule.ts';

describe('cutting a text at stop strings', () => {
  it('cuts at the first occurrence of each, in their order', () => {
    expect(cutAtStops('one\ntwo\none', ['\n'])).toBe('one');
    expect(cutAtStops('xabcd', ['abcd', 'bc'])).toBe('x');
    expect(cutAtStops('xabcd', ['bc', 'abcd'])).toBe('xa');
    expect(cutAtStops('\ufffd\ufffda', ['\ufffda'])).toBe('\ufffd');
    expect(cutAtStops('as it is', [])).toBe('as it is');
  });

  it('leaves no stop string, and a prefix of the text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', 'b', 'c') }),
        fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 3 })),
        (text, stops) => {
          const cut = cutAtStops(text, stops);
          expect(text.startsWith(cut)).toBe(true);
          expect(stops.some((stop) => cut.includes(stop))).toBe(false);
          expect(cut === text).toBe(!stops.some((stop) => text.includes(stop)));
        },
      ),
    );
  });
});

/** Tokens of one or several characters, an empty one, and a decoder that drops a leading space. */
const pieces = ['a', 'b', 'ab', ' ', 'cab b', '', 'aaaaaaaaaaaaaaaaaaaaaaaa'];
const decode = (tokens: readonly number[]): string =>
  tokens
    .map((token) => pieces[token] ?? '')
    .join('')
    .replace(/^ /, '');

describe('watching for stop strings', () => {
  it('ends at the token that completes one, as decoding the whole text would', () => {
    const stop = fc.string({ unit: fc.constantFrom('a', 'b', 'c', ' '), minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(
        fc.array(fc.nat(pieces.length - 1), { maxLength: 60 }),
        fc.array(stop, { maxLength: 3 }),
        (tokens, stops) => {
          const watch = stopWatcher(decode, stops);
          for (let length = 1; length <= tokens.length; length += 1) {
            const written = tokens.slice(0, length);
            const holds = stops.some((each) => decode(written).includes(each));
            expect(watch(written)).toBe(holds);
            if (holds) break;
          }
        },
      ),
    );
  });

  it('decodes no more for a long text than for a short one', () => {
    let most = 0;
    const watch = stopWatcher(
      (tokens) => {
        most = Math.max(most, tokens.length);
        return decode(tokens);
      },
      ['\n\n'],
    );
    const written: number[] = [];
    for (let step = 0; step < 500; step += 1) {
      written.push(step % 3);
      expect(watch(written)).toBe(false);
    }
    expect(most).toBeLessThanOrEqual(16);
  });
});
