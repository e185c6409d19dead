import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createTextJudge } from '../../../main/harness/judge-texts.ts';
import { judgingPython, rememberJudgingPython } from '../../../main/harness/judging-python.ts';
import { judge } from '../../../main/tasks/generation/judging.ts';
import { loadTask } from '../../../main/tasks/load-task.ts';
import { isWrittenItem } from '../../../main/tasks/task.ts';
import { temporaryFolder } from '../workspace/temporary-folder.ts';

const RULE = {
  pipeline: 'none',
  metric: 'em',
  generatedCode: false,
  tasks: { drop: { file: 'drop/default.yaml', multipleTargets: 0 } },
};

const taskFolder = async (metadata: object, items: readonly object[]): Promise<string> => {
  const folder = join(await temporaryFolder(), 'task');
  await mkdir(folder);
  await writeFile(join(folder, 'task.json'), JSON.stringify({ name: 'task', metric: 'exact_match', ...metadata }));
  await writeFile(join(folder, 'test.jsonl'), items.map((item) => `${JSON.stringify(item)}\n`).join(''));
  return folder;
};

it('reads a task that its own Python judges: items with documents, and answers only where they are texts', async () => {
  const document = JSON.stringify({ task: 'drop', row: {} });
  const items = [
    { id: 'a', context: 'who?', document },
    { id: 'b', context: 'when?', answers: ['1900'], document },
  ];
  const task = await loadTask(await taskFolder({ judge: RULE }, items));
  expect(task.judging?.rule.python).toEqual(RULE);
  expect(task.test.filter(isWrittenItem).map((item) => [item.answers, item.document])).toEqual([
    [[], document],
    [['1900'], document],
  ]);
  const { judging, test } = task;
  const [first] = test.filter(isWrittenItem);
  if (judging === undefined || first === undefined) expect.fail('no written task');
  expect(() => judge(judging, first, 'text', true)).toThrow('own Python');
  // The document is part of what is measured.
  const [a, b] = [{ ...RULE, metric: 'f1' }, RULE];
  const other = await loadTask(await taskFolder({ judge: a }, items));
  expect(other.hash).not.toBe((await loadTask(await taskFolder({ judge: b }, items))).hash);
  await expect(loadTask(await taskFolder({ judge: RULE }, [{ id: 'a', context: 'who?' }]))).rejects.toThrow(
    'has no document',
  );
  await expect(loadTask(await taskFolder({ judge: RULE, ignore_case: true }, items))).rejects.toThrow('both given');
});

it('judges with the Python that was named for the workspace, whatever the workspace contains', async () => {
  const state = join(await temporaryFolder(), 'state');
  const [one, other] = [await temporaryFolder(), await temporaryFolder()];
  const none = { has: () => Promise.resolve(false) };
  await expect(judgingPython(state, one, none)).rejects.toThrow('No Python is named');
  await rememberJudgingPython(state, one, '/first/python');
  await rememberJudgingPython(state, one, '/second/python');
  expect(await judgingPython(state, one, none)).toBe('/second/python');
  await expect(judgingPython(state, other, none)).rejects.toThrow('No Python is named');
});

it('names a Python that is not there, or that does not judge', async () => {
  const folder = await temporaryFolder();
  const steps = { readJson: () => Promise.resolve(null), writeJson: () => Promise.resolve() };
  const ends = join(folder, 'ends');
  await writeFile(ends, '#!/bin/sh\necho "no such module" >&2\nexit 3\n', { mode: 0o755 });
  const answers = join(folder, 'answers');
  await writeFile(answers, '#!/bin/sh\necho hello\nsleep 100\n', { mode: 0o755 });
  // A home that cannot be written, or that holds a metric of another version, decides nothing.
  const tells = join(folder, 'tells');
  await writeFile(
    tells,
    '#!/bin/sh\necho "$HF_HOME $XDG_CACHE_HOME $HF_MODULES_CACHE|" | sed "s/judge-[^/]*/judge/g"\n',
    {
      mode: 0o755,
    },
  );
  const caches = join(folder, 'judge', 'cache');
  for (const [python, message] of [
    [tells, `does not judge: ${join(caches, 'huggingface')} ${caches} |`],
    [join(folder, 'nothing'), 'does not start'],
    [ends, 'no such module'],
    [answers, 'does not judge: hello'],
  ] as const) {
    const judging = createTextJudge({
      python: () => Promise.resolve(python),
      resources: folder,
      temporaryFolder: folder,
      steps,
      sandbox: null,
    });
    const texts = [{ item: 'a', document: '{}', text: 'text' }];
    await expect(judging.judge(RULE, texts, new AbortController().signal)).rejects.toThrow(message);
    await judging.dispose();
  }
});
