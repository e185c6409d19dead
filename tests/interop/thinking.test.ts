/** Answers after the thinking of a model, cut as lm-evaluation-harness cuts them: planted texts. */
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { loadTokenizer } from '../../main/checkpoint/load-tokenizer.ts';
import { cutAtStops } from '../../main/tasks/generation/stop-rule.ts';
import { answerAfterThinking } from '../../main/generation/write-texts.ts';
import { runPython } from './run-python.ts';

const model = fileURLToPath(new URL('../fixtures/reference/scoring/qwen3_moe-split-digits', import.meta.url));
/** A special token of this tokenizer, which decoding leaves out. */
const SPECIAL = '<|im_end|>';
const UNTIL = ['\n\n', 'Question:', ''];
/** `END`: the end of thinking. */
const PLANTED = [
  'I add them.END\n 12',
  'firstEND then END\u0085 \u00a0the answer is 7\n\nmore',
  'no end of thinking at all',
  'END',
  'thoughtENDQuestion: next',
  'a stop \n\n within the thoughtEND 5',
  '',
  '  ENDEND\t\t é 9 END',
  'END never mind\u001c\u001f x',
];

const ENDS = ['</think>', SPECIAL];

it('ends with the last end of thinking, a text of several tokens or a special token', async () => {
  const tokenizer = (await loadTokenizer(model)) ?? expect.fail('no tokenizer');
  const jobs = ENDS.map((thinkEnd) => {
    const [end = -1, ...more] = tokenizer.encode(thinkEnd, false);
    expect(more.length === 0).toBe(thinkEnd === SPECIAL);
    const tokens = PLANTED.map((text) => [...tokenizer.encode(text.replaceAll('END', thinkEnd), false)]);
    return { model, thinkEnd: thinkEnd === SPECIAL ? end : thinkEnd, until: UNTIL, tokens };
  });
  const theirs = await runPython('thinking.py', jobs, z.object({ texts: z.array(z.string()) }));
  const stops = UNTIL.filter((stop) => stop !== '');
  for (const [index, thinkEnd] of ENDS.entries()) {
    const written = jobs[index]?.tokens ?? [];
    const ours = written.map((tokens) => cutAtStops(answerAfterThinking(tokenizer, tokens, thinkEnd), stops));
    expect(ours, thinkEnd).toEqual(theirs[index]?.texts);
    // Some were cut, and some were not.
    expect(new Set(ours).size).toBeGreaterThan(4);
  }
});
