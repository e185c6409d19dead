/** Tasks of lm-evaluation-harness by name, from a Hub of data sets on loopback: every item as the harness measures. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createTextJudge, type TextToJudge } from '../../main/harness/judge-texts.ts';
import { shutIn } from '../../main/harness/sandbox.ts';
import { loadTask } from '../../main/tasks/load-task.ts';
import { isWrittenItem } from '../../main/tasks/task.ts';
import { openWorkspace } from '../../main/workspace/open-workspace.ts';
import { expectSameLogprobs, type HarnessReport, openTaskHub, python, type TaskHub } from './task-hub.ts';

const resources = fileURLToPath(new URL('../../resources', import.meta.url));
const POSITIONS = 1024;
const GROUP = 'mmlu_social_sciences';
/** Items of each split of the data sets. */
const ITEMS = 16;
const CHOICE = ['arc_easy', 'arc_challenge', 'hellaswag', 'piqa', 'sciq', 'boolq', 'rte', 'winogrande'];

/** Asked through a chat template, with examples and a description. */
const IN_TURNS = ['arc_easy', 'hellaswag', 'gsm8k', 'mmlu_sociology'];

/** Turns of a system and of a user; a template that would be refused is not in question here. */
const TEMPLATE =
  '{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content | trim }}\n{% endfor %}' +
  '{% if add_generation_prompt %}[assistant]{% endif %}';

let hub: TaskHub;
beforeAll(async () => {
  hub = await openTaskHub(POSITIONS, (data) => [['dataset_files.py', data]], TEMPLATE);
});
afterAll(() => hub.close());

/** Tasks whose own Python judges, and the metric by which an answer is right. */
const JUDGED = {
  hendrycks_math_algebra: 'exact_match',
  drop: 'em',
  ifeval: 'prompt_level_strict_acc',
  humaneval: 'pass@1',
} as const;
const JUDGED_NAMES = Object.keys(JUDGED);
/** Texts to judge: right ones of some tasks, wrong, malformed and cut off. `{}`: a right answer of the item. */
const PLANTED = [
  '    return a + 1\n',
  '    retrun a + 1',
  '{}',
  ' ${}$',
  'The river takes the answer {} to the stone, and that is all of it.',
  '"a river and a stone of {}"',
  ' 23',
  '',
  '$$\\frac{1}{',
  'river, stone, \u0000 lamp',
];

/** The planted texts for each item of an imported task, and its items. */
const planted = async (task: string): Promise<readonly TextToJudge[][]> => {
  const { test } = await loadTask(folders.get(task) ?? '');
  const items = test.filter(isWrittenItem);
  return PLANTED.map((text) =>
    items.map(({ id, answers, document = '' }) => {
      const right = task === 'drop' ? rightOfDrop(document) : (answers[0] ?? '');
      return { item: id, document, text: text.replace('{}', () => right) };
    }),
  );
};
const rightOfDrop = (document: string): string =>
  z.object({ row: z.object({ answers: z.array(z.array(z.string())) }) }).parse(JSON.parse(document)).row
    .answers[1]?.[0] ?? '';

const folders = new Map<string, string>();
const plantedTexts = new Map<string, readonly TextToJudge[][]>();
let plantedJudged: readonly HarnessReport[] = [];
let theirs: HarnessReport;
let pooled: HarnessReport;
let inTurns: HarnessReport;
let refusal = '';

describe('tasks of lm-evaluation-harness by name', () => {
  beforeAll(async () => {
    const named = [...CHOICE, 'gsm8k', 'humaneval', 'arc_esay'];
    refusal = await hub.importNamed(...named).then(
      () => '',
      (error: unknown) => String(error),
    );
    for (const { task, folder } of await hub.importNamed(...JUDGED_NAMES, '--run-generated-code'))
      folders.set(task, folder);
    for (const task of JUDGED_NAMES) plantedTexts.set(task, await planted(task));
  });
  // A hook of its own: on a busy machine both together would reach the limit of one.
  beforeAll(async () => {
    const texts = PLANTED.map((_, kind) =>
      Object.fromEntries(
        JUDGED_NAMES.map((task) => [task, (plantedTexts.get(task)?.[kind] ?? []).map(({ text }) => text)] as const),
      ),
    );
    const [first, second, third, ...others] = await hub.harness([
      { tasks: [...CHOICE, 'gsm8k', 'hendrycks_math_algebra', 'drop'], fewshot: null },
      { tasks: [GROUP], fewshot: 5 },
      { tasks: IN_TURNS, fewshot: 2, chat: true },
      ...texts.map((own) => ({ tasks: JUDGED_NAMES, fewshot: null, texts: own })),
    ]);
    if (first === undefined || second === undefined || third === undefined) throw new Error('the harness ended early');
    [theirs, pooled, inTurns, plantedJudged] = [first, second, third, others];
  });

  it('refuse what would be measured differently, and import the others', () => {
    expect(refusal).toContain('humaneval: it runs programs that the model writes');
    expect(refusal).toMatch(/arc_esay: .*no such task.*arc_easy/);
    expect(refusal).toContain('The other tasks are imported.');
  });

  it('choose as the harness does: every log-probability, acc and acc_norm', async () => {
    const asked = hub.requested.length;
    const made = await hub.importNamed(...CHOICE);
    expect(made.map(({ task }) => task)).toEqual(CHOICE);
    expect(made.every(({ items }) => items.test === ITEMS && items.calibration > 0)).toBe(true);
    const document = await hub.sweep(CHOICE);
    expect(hub.requested.length, 'imported tasks ask the Hub again').toBe(asked);
    const outcomes = await hub.outcomesOf(document.run);
    for (const task of CHOICE) {
      const own = document.results.find((point) => point.task === task && point.factor === 1);
      const { 'acc,none': acc, 'acc_norm,none': accNorm } = theirs.results[task] ?? {};
      expect(own?.acc, task).toBe(acc);
      if (accNorm !== undefined) expect(own?.accNorm, task).toBe(accNorm);
      expectSameLogprobs(outcomes.get(task) ?? [], theirs.samples[task] ?? [], task);
    }
  });

  it('pool a group that weighs its tasks by size, with examples in every prompt', async () => {
    const [made, ...more] = await hub.importNamed(GROUP, '--fewshot', '5');
    expect(more).toEqual([]);
    const document = await hub.sweep([made?.folder ?? '']);
    const own = document.results.find((point) => point.factor === 1);
    expect(own?.acc).toBeCloseTo(pooled.results[GROUP]?.['acc,none'] ?? Number.NaN, 12);
    const outcomes = (await hub.outcomesOf(document.run)).get(GROUP) ?? [];
    const tasks = Object.keys(pooled.samples);
    expect(tasks.length).toBe(12);
    for (const task of tasks) {
      const ours = outcomes.filter(({ item }) => item.startsWith(`${task}/`));
      expectSameLogprobs(ours, pooled.samples[task] ?? [], task);
    }
  });

  it('write as the harness does: every text, and the metric', async () => {
    const document = await hub.sweep(['gsm8k']);
    const own = document.results.find((point) => point.factor === 1);
    expect(own?.value).toBe(theirs.results['gsm8k']?.['exact_match,strict-match']);
    const outcomes = (await hub.outcomesOf(document.run)).get('gsm8k') ?? [];
    expect(outcomes.map(({ written }) => written)).toEqual(theirs.samples['gsm8k']?.map(([text]) => text));
    expect(outcomes).toHaveLength(3);
  });

  it('are judged by their own Python where nothing else can: planted texts, each asked once', async () => {
    const asked: string[] = [];
    const workspace = await openWorkspace(path.join(hub.work, 'judged'));
    const steps = {
      readJson: workspace.steps.readJson,
      writeJson: (key: string, value: unknown) => {
        asked.push(key);
        return workspace.steps.writeJson(key, value);
      },
    };
    const order = {
      python: () => Promise.resolve(python),
      resources,
      temporaryFolder: hub.work,
      steps,
      sandbox: shutIn,
    };
    const judgeAll = async (): Promise<Map<string, readonly (readonly boolean[])[]>> => {
      const judge = createTextJudge(order);
      const found = new Map<string, readonly (readonly boolean[])[]>();
      try {
        for (const task of JUDGED_NAMES) {
          const { judging } = await loadTask(folders.get(task) ?? '');
          const rule = judging?.rule.python ?? expect.fail('no rule');
          const texts = (plantedTexts.get(task) ?? []).flat();
          const verdicts = await judge.judge(rule, texts, new AbortController().signal);
          const items = texts.length / PLANTED.length;
          const kinds = PLANTED.map((_, kind) => verdicts.slice(kind * items, (kind + 1) * items));
          found.set(
            task,
            kinds.map((own) => own.map(({ correct }) => correct)),
          );
        }
        return found;
      } finally {
        await judge.dispose();
      }
    };
    const verdicts = await judgeAll();
    for (const [task, metric] of Object.entries(JUDGED)) {
      const harnessSays = plantedJudged.map(({ judged }) => (judged[task] ?? []).map((values) => values[metric] === 1));
      expect(verdicts.get(task), task).toEqual(harnessSays);
      // The test would say nothing of judges that call all texts right, or wrong.
      expect(new Set(harnessSays.flat()), task).toEqual(new Set([true, false]));
    }
    const distinct = new Set(
      [...plantedTexts.values()].flat(2).map(({ document, text }) => JSON.stringify([document, text])),
    );
    expect(asked).toHaveLength(distinct.size);
    expect(await judgeAll()).toEqual(verdicts);
    expect(asked).toHaveLength(distinct.size);
  });

  it('run generated programs only where that is allowed, without a network, and unable to change a file', async () => {
    const task = await loadTask(folders.get('humaneval') ?? '');
    const rule = task.judging?.rule.python ?? expect.fail('no rule');
    const [item] = task.test.filter(isWrittenItem);
    const steps = { readJson: () => Promise.resolve(null), writeJson: () => Promise.resolve() };
    const order = { python: () => Promise.resolve(python), resources, temporaryFolder: hub.work, steps };
    const trace = path.join(hub.work, 'trace');
    const port = new URL(hub.environment['HF_ENDPOINT'] ?? '').port;
    const programs = [
      '    return a',
      `    open(${JSON.stringify(trace)}, "w").write("x")\n    return a`,
      `    import socket\n    socket.create_connection(("127.0.0.1", ${port}), 20)\n    return a`,
      '    bytearray(20 * 2**30)\n    return a',
    ];
    const texts = programs.map((text) => ({ item: 'program', document: item?.document ?? '', text }));
    const judge = createTextJudge({ ...order, sandbox: shutIn });
    try {
      const verdicts = await judge.judge(rule, texts, new AbortController().signal);
      expect(verdicts.map(({ correct }) => correct)).toEqual([true, false, false, false]);
      expect(existsSync(trace)).toBe(false);
    } finally {
      await judge.dispose();
    }
    const careful = createTextJudge({ ...order, sandbox: null });
    await expect(careful.judge(rule, texts, new AbortController().signal)).rejects.toThrow('judged by running');
    await careful.dispose();
    await expect(hub.sweep(['humaneval'])).rejects.toThrow('--run-generated-code');
    // A folder that says nothing of programs does not get them run.
    const silent = createTextJudge({ ...order, sandbox: null });
    const asked = silent.judge({ ...rule, generatedCode: false }, texts, new AbortController().signal);
    await expect(asked).rejects.toThrow('runs generated programs');
    await silent.dispose();
    // What the judge writes lies in its own folder.
    expect(existsSync(path.join(hub.work, 'home', '.cache', 'huggingface'))).toBe(false);
  });

  it('write to tasks that their own Python judges: every text, verdict and metric', async () => {
    const written = ['hendrycks_math_algebra', 'drop'];
    const document = await hub.sweep(written);
    const outcomes = await hub.outcomesOf(document.run);
    for (const task of written) {
      const own = document.results.find((point) => point.task === task && point.factor === 1);
      const { 'exact_match,none': exact, 'em,none': em } = theirs.results[task] ?? {};
      expect(own?.value, task).toBe(task === 'drop' ? em : exact);
      expect(outcomes.get(task)?.map((outcome) => outcome.written)).toEqual(
        theirs.samples[task]?.map(([text]) => text),
      );
    }
  });

  it('are asked in the turns of the harness through a chat template: every log-probability and text', async () => {
    const made = await hub.importNamed(...IN_TURNS, 'winogrande', '--fewshot', '2');
    const folderOf = (task: string): string => made.find((one) => one.task === task)?.folder ?? expect.fail(task);
    const document = await hub.sweep(IN_TURNS.map(folderOf), '--chat');
    const outcomes = await hub.outcomesOf(document.run);
    for (const task of IN_TURNS) {
      const own = document.results.find((point) => point.task === task && point.factor === 1);
      const { 'acc,none': acc, 'exact_match,strict-match': exact } = inTurns.results[task] ?? {};
      expect(task === 'gsm8k' ? own?.value : own?.acc, task).toBe(task === 'gsm8k' ? exact : acc);
      if (task === 'gsm8k')
        expect(outcomes.get(task)?.map(({ written }) => written)).toEqual(inTurns.samples[task]?.map(([text]) => text));
      else expectSameLogprobs(outcomes.get(task) ?? [], inTurns.samples[task] ?? [], task);
    }
    await expect(hub.sweep([folderOf('winogrande')], '--chat')).rejects.toThrow('not their turns');
  });
});
