import { describe, expect, it } from 'vitest';
import { readRequests } from '../../../main/generation/read-requests.ts';

const defaults = { maxNewTokens: 16, maxPositions: 64 };
const read = (...lines: readonly string[]): unknown => readRequests(lines.join('\n'), 'file.jsonl', defaults);

describe('requests of a file', () => {
  it('are read with defaults for what they omit', () => {
    expect(read('{"id":"a","context":"x","until":["\\n"],"maxNewTokens":3}', '', '{"id":"b","context":""}')).toEqual([
      { id: 'a', context: 'x', until: ['\n'], maxNewTokens: 3 },
      { id: 'b', context: '', until: [], maxNewTokens: 16 },
    ]);
  });

  it.each([
    ['{"id":"a","context":"x","until":[""]}', /Line 1: until\.0: a stop string is empty/],
    ['{"id":"a","context":"x","maxNewTokens":64}', /Line 1: "a": 64 new tokens leave no room.*64 positions/],
    ['{"id":"a","context":"x","maxNewTokens":0}', /Line 1: maxNewTokens/],
    ['{"id":"a","context":"x","stop":["b"]}', /Line 1: Unrecognized key: "stop"/],
    ['{"id":"a"}', /Line 1: context/],
    ['{"id":"a","context":"x"', /Line 1: not JSON/],
    ['\n{"id":"a","context":"x"}\n{"id":"a","context":"y"}', /Line 3: id "a" was used on line 2/],
  ])('are refused by line: %s', (line, message) => {
    expect(() => read(line)).toThrow(message);
  });

  it('are counted beyond the tenth, however many there are', () => {
    expect(() => read('{}\n'.repeat(200_000))).toThrow(/Line 10: .* And 199990 more/s);
  });

  it('are refused all at once, and if there are none', () => {
    expect(() => read(...Array.from({ length: 12 }, () => 'no'))).toThrow(/Line 1: .*Line 10: .* And 2 more/s);
    expect(() => read('', ' ')).toThrow(/contains no requests/);
  });
});
