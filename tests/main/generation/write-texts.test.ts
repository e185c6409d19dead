import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, test } from 'vitest';
import fc from 'fast-check';
import { openCheckpoint } from '../../../main/checkpoint/open-checkpoint.ts';
import { loadTokenizer, type TextTokenizer } from '../../../main/checkpoint/load-tokenizer.ts';
import { readEndTokens } from '../../../main/generation/end-tokens.ts';
import {
  answerAfterThinking,
  encodePrompt,
  NO_ENDS,
  prepareTexts,
  textEnds,
  writeTexts,
  type TextEnds,
  type WrittenText,
  stopWatcher,
  loopOf,
} from '../../../main/generation/write-texts.ts';
import { readSampler } from '../../../main/contract/sampling.ts';
import type { ModelRunner } from '../../../main/inference/model-runner.ts';
import { changeableCopy, checkpointFixture, scoringFixture } from '../checkpoint/checkpoint-files.ts';
import { bundledModel } from '../inference/few-shot-task.ts';
import { openRunner, uncancelled } from '../inference/open-runner.ts';
import { cutAtStops } from '../../../main/tasks/generation/stop-rule.ts';
import { seededRandom } from '../../../main/statistics/random.ts';

const open = async (): Promise<{
  readonly runner: ModelRunner;
  readonly tokenizer: TextTokenizer;
  readonly ends: TextEnds;
}> => {
  const runner = await openRunner(bundledModel('uncurl-16'));
  const { tokenizer } = runner;
  if (tokenizer === null) expect.fail('no tokenizer');
  return { runner, tokenizer, ends: await textEnds(runner.checkpoint.folder, tokenizer) };
};

const request = (id: string, context: string, until: readonly string[], maxNewTokens: number) => ({
  id,
  context,
  until,
  maxNewTokens,
});

test('a prompt that begins with the text of the BOS token gets no second one', async () => {
  const tokenizer = await loadTokenizer(scoringFixture('mixtral-byte-fallback'));
  if (tokenizer?.prefixToken === null || tokenizer === null) expect.fail('no BOS');
  const { prefixToken, decode } = tokenizer;
  for (const context of ['hello', `${decode([prefixToken])}hello`]) {
    const { tokens } = encodePrompt(tokenizer, request('a', context, [], 8), { maxPositions: 64 });
    expect(tokens.filter((token) => token === prefixToken)).toHaveLength(1);
  }
});

test('the answer is what follows the last end of thinking: a token among the tokens, or a text', () => {
  const words = new Map([
    [1, 'so '],
    [2, '</think>'],
    [3, '\n\n 12'],
    [4, ''],
  ]);
  // Token 4 is special: decoding leaves it out.
  const tokenizer = {
    encode: (text: string) => ({ '</think>': [2], '<end>': [4] })[text] ?? [1, 1],
    decodeText: (tokens: readonly number[]) => tokens.map((token) => words.get(token) ?? '').join(''),
  };
  const answer = (tokens: readonly number[], end?: string) => answerAfterThinking(tokenizer, tokens, end);
  expect(answer([1, 2, 1, 2, 3], '</think>')).toBe('12');
  expect(answer([1, 4, 3, 1], '<end>')).toBe('12so ');
  expect(answer([1, 2, 3], 'o </think>')).toBe('12');
  expect(answer([1, 3], '</think>')).toBe('so \n\n 12');
  expect(answer([3], '</think>')).toBe('12');
  expect(answer([3])).toBe('\n\n 12');
});

describe('texts', () => {
  it('that think are answers alone, and ended where their thinking did', async () => {
    const { runner, tokenizer, ends } = await open();
    const asked = request('thinks', '\nsort dbca>', [], 8);
    const requests = [asked, { ...asked, thinkEnd: 'b' }, { ...asked, thinkEnd: 'no such text' }];
    const candidates = [{ key: 'unpruned', plan: null }];
    const prepared = prepareTexts(tokenizer, { requests, candidates, ends }, runner.checkpoint.descriptor);
    const texts: WrittenText[] = [];
    for await (const text of writeTexts(runner, tokenizer, prepared, uncancelled)) texts.push(text);
    const [whole, answer, same] = texts.sort((a, b) => a.request - b.request);
    expect(whole?.text).toContain('b');
    expect(answer?.text).toBe(whole?.text.split('b').at(-1)?.trimStart());
    expect(same?.text).toBe(whole?.text);
    expect(new Set(texts.map(({ stopped }) => stopped))).toEqual(new Set(['end']));
    expect(answer?.tokens).toEqual(whole?.tokens);
  });

  it('end with an end token, before a stop string, or at their length, for every candidate', async () => {
    const { runner, tokenizer, ends } = await open();
    const requests = [
      request('end', '\nsort dbca>', [], 8),
      request('stop', '\nsort dbca>', ['cd', 'b'], 8),
      request('length', '\nsort dbca>', [], 2),
    ];
    const kept = Array.from({ length: 3 }, () => [0, 1, 2]);
    const candidates = [
      { key: 'unpruned', plan: null },
      { key: 'ruined', plan: { kept } },
    ];
    const prepared = prepareTexts(tokenizer, { requests, candidates, ends }, runner.checkpoint.descriptor);
    const texts: WrittenText[] = [];
    for await (const text of writeTexts(runner, tokenizer, prepared, uncancelled)) texts.push(text);
    expect(texts).toHaveLength(6);
    const unpruned = new Map(texts.filter(({ candidate }) => candidate === 'unpruned').map((text) => [text.id, text]));
    // The end token, "\n", is among the tokens but not in the text.
    expect(unpruned.get('end')).toMatchObject({ request: 0, text: 'abcd', stopped: 'end', truncatedTokens: 0 });
    expect(unpruned.get('end')?.tokens).toHaveLength(5);
    expect(unpruned.get('stop')).toMatchObject({ request: 1, text: 'a', stopped: 'until' });
    expect(unpruned.get('stop')?.tokens).toHaveLength(2);
    expect(unpruned.get('length')).toMatchObject({ request: 2, text: 'ab', stopped: 'length' });
    const alone = prepareTexts(
      tokenizer,
      { requests: requests.slice(0, 1), candidates: candidates.slice(1), ends },
      { maxPositions: 64 },
    );
    for await (const text of writeTexts(runner, tokenizer, alone, uncancelled)) {
      expect({ ...text, request: 0 }).toEqual(
        texts.find(({ candidate, id }) => candidate === 'ruined' && id === 'end'),
      );
    }
  });

  it('continue after end tokens where these are ignored', async () => {
    const { runner, tokenizer } = await open();
    const prepared = prepareTexts(
      tokenizer,
      {
        requests: [request('on', '\nsort dbca>', [], 12)],
        candidates: [{ key: 'unpruned', plan: null }],
        ends: NO_ENDS,
      },
      { maxPositions: 64 },
    );
    for await (const { tokens, text, stopped } of writeTexts(runner, tokenizer, prepared, uncancelled)) {
      expect([tokens.length, stopped]).toEqual([12, 'length']);
      expect(text.startsWith('abcd')).toBe(true);
    }
  });
});

describe('prompts', () => {
  it('are cut on the left to leave room for new tokens', async () => {
    const { tokenizer } = await open();
    const context = 'abcdefgh'.repeat(6);
    const all = tokenizer.encode(context, true);
    expect(encodePrompt(tokenizer, request('long', context, [], 40), { maxPositions: 64 })).toEqual({
      tokens: all.slice(-24),
      truncatedTokens: all.length - 24,
    });
    expect(encodePrompt(tokenizer, request('short', 'abc', [], 40), { maxPositions: 64 }).truncatedTokens).toBe(0);
    expect(encodePrompt(tokenizer, request('empty', '', [], 40), { maxPositions: 64 }).tokens).toEqual([
      tokenizer.prefixToken,
    ]);
  });

  it('that leave no room are refused by name', async () => {
    const { tokenizer } = await open();
    expect(() => encodePrompt(tokenizer, request('a1', 'abc', [], 64), { maxPositions: 64 })).toThrow(
      /"a1": 64 new tokens leave no room/,
    );
    expect(() => encodePrompt(tokenizer, request('a2', 'abc', ['x', ''], 4), { maxPositions: 64 })).toThrow(
      /"a2": a stop string is empty/,
    );
    expect(() =>
      encodePrompt({ ...tokenizer, prefixToken: null }, request('a3', '', [], 4), { maxPositions: 64 }),
    ).toThrow(/"a3": its context is empty/);
  });
});

describe('end tokens', () => {
  it('are those of generation_config.json, one or several, else of config.json', async () => {
    const folder = await changeableCopy(scoringFixture('mixtral-byte-fallback'));
    const generation = path.join(folder, 'generation_config.json');
    const tokensWith = async (text: string): Promise<readonly number[]> => {
      await writeFile(generation, text);
      return readEndTokens(folder);
    };
    expect(await readEndTokens(folder)).toEqual([2]);
    expect(await tokensWith('{"eos_token_id": 5}')).toEqual([5]);
    expect(await tokensWith('{"eos_token_id": [5, 7]}')).toEqual([5, 7]);
    expect(await tokensWith('{}')).toEqual([]);
    await expect(tokensWith('{"eos_token_id": "x"}')).rejects.toThrow(/generation_config\.json: eos_token_id/);
    await expect(tokensWith('{')).rejects.toThrow(/generation_config\.json/);
    // As Python writes a number that JSON has not.
    expect(await tokensWith('{"eos_token_id": 5, "temperature": Infinity}')).toEqual([5]);
    await rm(generation);
    const tokenizer = await loadTokenizer(folder);
    if (tokenizer === null) expect.fail('no tokenizer');
    expect(await textEnds(folder, tokenizer)).toEqual({ tokens: new Set([2]), text: '</s>' });
  });
});

describe('a model with longrope', () => {
  it('says why it has fewer positions than its config, before and in a refusal', async () => {
    const checkpoint = await openCheckpoint(checkpointFixture('phimoe-longrope'));
    expect(checkpoint.info.maxPositions).toBe(40);
    const words =
      /40 positions here \(its config says 64; beyond 40 longrope takes its long factors, which transformers 5\.24/;
    expect(checkpoint.info.reasons.join(' ')).toMatch(words);
    const { tokenizer } = await open();
    expect(() => encodePrompt(tokenizer, request('long', 'abc', [], 40), checkpoint.descriptor)).toThrow(words);
    expect(() => encodePrompt(tokenizer, request('long', 'abc', [], 40), { maxPositions: 40 })).toThrow(
      /the model has 40 positions\./,
    );
  });
});

describe('samples', () => {
  it('do not depend on batches, on the order of requests or on candidates beside them', async () => {
    const sampler = readSampler('temperature=1.5,top_p=0.98,seed=5');
    const contexts = ['\nsort dbca>', '\nsort hgfe>', '\nadd 12+30>', '\nfrench dog>'];
    const requests = contexts.flatMap((context, index) =>
      [0, 1, 2].map((repeat) => ({ ...request(`r${String(index)}`, context, ['\n'], 8), repeat })),
    );
    const written = async (
      own: typeof requests,
      candidates: readonly { readonly key: string; readonly plan: null }[],
      tuning = {},
    ): Promise<ReadonlyMap<string, string>> => {
      const runner = await openRunner(bundledModel('uncurl-16'), tuning);
      const { tokenizer } = runner;
      if (tokenizer === null) expect.fail('no tokenizer');
      const ends = await textEnds(runner.checkpoint.folder, tokenizer);
      const prepared = prepareTexts(
        tokenizer,
        { requests: own, candidates, ends, sampler },
        runner.checkpoint.descriptor,
      );
      const texts = new Map<string, string>();
      for await (const text of writeTexts(runner, tokenizer, prepared, uncancelled))
        texts.set(`${text.candidate} ${text.id} ${String(own[text.request]?.repeat)}`, text.text);
      return texts;
    };
    const alone = [{ key: 'one', plan: null }];
    const whole = await written(requests, alone);
    expect(whole.size).toBe(requests.length);
    // The repeats of a request differ from each other somewhere.
    expect(new Set(whole.values()).size).toBeGreaterThan(contexts.length);
    expect(await written([...requests].reverse(), alone, { batchSlots: 16 })).toEqual(new Map([...whole].reverse()));
    const beside = await written(requests, [...alone, { key: 'two', plan: null }]);
    for (const [name, text] of whole) {
      expect(beside.get(name)).toBe(text);
      // Candidates draw by the same numbers.
      expect(beside.get(name.replace('one', 'two'))).toBe(text);
    }
  });
});

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

/** Tokens of one or several characters, an empty one, and a decoder that drops a space at the beginning. */
const pieces = ['a', 'b', 'ab', ' ', 'cab b', '', 'aaaaaaaaaaaaaaaaaaaaaaaa'];
const decode = (tokens: readonly number[]): string =>
  tokens
    .map((token) => pieces[token] ?? '')
    .join('')
    .replace(/^ /, '');

describe('watching for stop strings', () => {
  it('ends at the token that completes one, as decoding everything again would', () => {
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

/** `count` tokens without any repeat. */
const fresh = (count: number, from = 1_000): number[] => Array.from({ length: count }, (_, index) => from + index);
const repeated = (period: number, length: number): number[] =>
  Array.from({ length }, (_, index) => 1 + (index % period));

test.each([1, 2, 7, 8, 16, 64])('a period of %i tokens is found, with its beginning', (period) => {
  const length = Math.max(32, 4 * period);
  expect(loopOf(repeated(period, length))).toEqual({ token: 0, period });
  expect(loopOf([...fresh(20), ...repeated(period, length)])).toEqual({ token: 20, period });
  // A loop that breaks off in the middle of its period is one all the same.
  expect(loopOf([...fresh(20), ...repeated(period, length + 1)])).toEqual({ token: 20, period });
});

test('a text that repeats too little, too seldom, or not at its end has not looped', () => {
  expect(loopOf([])).toBeNull();
  expect(loopOf(repeated(1, 31))).toBeNull();
  expect(loopOf(repeated(10, 39))).toBeNull();
  expect(loopOf(repeated(65, 4 * 65))).not.toEqual(expect.objectContaining({ period: 65 }));
  expect(loopOf([...repeated(4, 64), ...fresh(1)])).toBeNull();
  expect(loopOf(fresh(300))).toBeNull();
});

test('a text whose last 128 tokens hold fewer than a tenth new trigrams has looped without a period', () => {
  // A cycle of 100 tokens is longer than any period, but says nothing new.
  expect(loopOf([...fresh(50), ...repeated(100, 300)])).toEqual({ token: 222, period: null });
  // 126 trigrams: 12 new ones are fewer than a tenth, 13 are not.
  const stale = (news: number): number[] => [...repeated(100, 300 - news), ...fresh(news)];
  expect(loopOf(stale(12))).toEqual({ token: 172, period: null });
  expect(loopOf(stale(13))).toBeNull();
});

test('random tokens of a large vocabulary have not looped; those of two tokens hold nothing new', () => {
  const random = seededRandom(1);
  const drawn = (vocabulary: number): number[] => Array.from({ length: 400 }, () => random.integer(vocabulary));
  expect(loopOf(drawn(1_000))).toBeNull();
  expect(loopOf(drawn(2))).toEqual({ token: 272, period: null });
});
