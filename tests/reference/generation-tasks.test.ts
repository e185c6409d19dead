import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { judge } from '../../main/tasks/generation/judging.ts';
import { cutAtStops } from '../../main/tasks/generation/stop-rule.ts';
import { loadTask } from '../../main/tasks/load-task.ts';
import { isWrittenItem, type Task } from '../../main/tasks/task.ts';
import type { WrittenItem } from '../../main/contract/task.ts';

/** Answers of lm-evaluation-harness to whole generation tasks, which tests/interop/own-yaml.test.ts imports again. */
const root = path.join(process.env['GENERATION'] ?? '', 'harness');
const answered = z.record(
  z.string(),
  z.object({
    metrics: z.record(z.string(), z.number()),
    fewshotContexts: z.array(z.string()),
    samples: z.array(
      z.object({
        docId: z.number(),
        filter: z.string(),
        response: z.string(),
        filtered: z.string(),
        exactMatch: z.number(),
      }),
    ),
  }),
);
const hasTasks = existsSync(root);
const expected = hasTasks ? answered.parse(JSON.parse(readFileSync(path.join(root, 'expected.json'), 'utf8'))) : {};
const names = (hasTasks ? readdirSync(path.join(root, 'imported')) : []).sort();

const load = async (name: string): Promise<{ readonly task: Task; readonly items: readonly WrittenItem[] }> => {
  const task = await loadTask(path.join(root, 'imported', name));
  return { task, items: task.test.filter(isWrittenItem) };
};

it(`has tasks with answers in ${root}`, (context) => {
  if (!hasTasks) context.skip(`${path.dirname(root)} has continuations alone`);
  expect(names.length).toBeGreaterThan(0);
  expect(Object.keys(expected).sort()).toEqual([...names].sort());
});

describe.each(names)('%s', (name) => {
  const { metrics = {}, fewshotContexts = [], samples = [] } = expected[name] ?? {};

  it('has the prompts of lm-evaluation-harness, with the same few-shot examples', async () => {
    const { items } = await load(name);
    expect(items.map(({ context }) => context)).toEqual(fewshotContexts);
  });

  it('filters and judges responses like lm-evaluation-harness', async () => {
    const { task, items } = await load(name);
    expect(samples.length).toBeGreaterThan(0);
    for (const { docId, filter, response, filtered, exactMatch } of samples) {
      const item = items[docId];
      if (item === undefined || task.judging === undefined) throw new TypeError(`no item ${String(docId)}`);
      const judgement = judge(task.judging, item, response, true).find(
        ({ metric }) => metric === `exact_match,${filter}`,
      );
      expect(judgement, item.id).toEqual({ metric: `exact_match,${filter}`, filtered, correct: exactMatch === 1 });
      expect(cutAtStops(response, item.until), item.id).toBe(response);
    }
  });

  it('gives the metrics of lm-evaluation-harness, one per pipeline', async () => {
    const { task, items } = await load(name);
    const { judging } = task;
    if (judging === undefined) throw new TypeError('not judged');
    const responses = new Map(samples.map(({ docId, response }) => [docId, response]));
    const judged = items.map((item, index) => judge(judging, item, responses.get(index) ?? '', true));
    const means = Object.fromEntries(
      judging.pipelines.map(({ name: pipeline }, index) => [
        `exact_match,${pipeline}`,
        judged.filter((own) => own[index]?.correct === true).length / items.length,
      ]),
    );
    expect(means).toEqual(metrics);
  });
});
