/** What the window asks of lm-evaluation-harness, of the real one. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { HarnessState } from '../../main/contract/harness.ts';
import { createEngine } from '../../main/engine/engine.ts';
import { rememberJudgingPython } from '../../main/harness/judging-python.ts';
import { stateFolder } from '../../main/workspace/user-key.ts';
import { openTaskHub, python } from './task-hub.ts';

const resources = fileURLToPath(new URL('../../resources', import.meta.url));
const POSITIONS = 512;
const GROUP = 'mmlu_social_sciences';
/** Items of each split of the data sets; of a subject. */
const [ITEMS, SUBJECT_ITEMS] = [16, 6];

test('tasks of lm-evaluation-harness are listed, described and imported by the calls of the window', async () => {
  const hub = await openTaskHub(POSITIONS, (data) => [['dataset_files.py', data]]);
  onTestFinished(() => hub.close());
  const settingsFile = path.join(hub.work, 'window-state', 'settings.json');
  const workspace = path.join(hub.work, 'window');
  for (const name of ['HF_ENDPOINT', 'HF_HUB_DISABLE_TELEMETRY', 'HF_HUB_DISABLE_XET'])
    vi.stubEnv(name, hub.environment[name]);
  vi.stubEnv('HF_HUB_OFFLINE', '0');
  await rememberJudgingPython(stateFolder(settingsFile), workspace, python);
  const engine = await createEngine({ workspace, resources, settingsFile, commandLine: 'test', threads: 1 });
  onTestFinished(() => engine.dispose());
  const lines: string[] = [];
  let ended: (state: HarnessState) => void = () => undefined;
  engine.subscribe((event) => {
    if (event.type !== 'harness.changed') return;
    if (event.state.work === null) ended(event.state);
    else lines.push(event.state.work.line);
  });
  const settled = async (begin: () => Promise<HarnessState>): Promise<HarnessState> => {
    const end = new Promise<HarnessState>((resolve) => (ended = resolve));
    await begin();
    return end;
  };
  expect(await engine.call('harness.listNames', {})).toMatchObject({
    lacks: null,
    listed: null,
    work: { what: 'list' },
  });
  await expect(engine.call('harness.listNames', {})).rejects.toMatchObject({ code: 'harness-busy' });
  expect(await engine.call('harness.cancel', {})).toMatchObject({ listed: null, work: null, failure: null });
  await expect(engine.call('harness.search', { query: 'arc' })).rejects.toMatchObject({ code: 'not-listed' });
  const listed = await settled(() => engine.call('harness.listNames', {}));
  expect(listed).toMatchObject({ listed: { version: '0.4.13' }, failure: null });
  expect(listed.listed?.names).toBeGreaterThan(10_000);

  const { entries, total } = await engine.call('harness.search', { query: 'arc_' });
  expect(entries.slice(0, 2).map(({ name }) => name)).toEqual(['arc_easy', 'arc_challenge']);
  expect(total).toBeGreaterThan(entries.length);
  expect(await engine.call('harness.search', { query: 'winogrande' })).toMatchObject({
    entries: expect.arrayContaining([
      expect.objectContaining({ name: 'winogrande', output: 'multiple_choice', metrics: ['acc'] }),
    ]) as unknown,
  });
  const arc = await engine.call('harness.look', { name: 'arc_easy' });
  expect(arc).toMatchObject({
    entry: { kind: 'task', data: 'allenai/ai2_arc', test: 'test', calibration: 'train', fewshot: 0 },
    items: { test: ITEMS, calibration: ITEMS },
    licence: 'cc-by-4.0',
    unread: null,
  });
  expect(await engine.call('harness.look', { name: GROUP })).toMatchObject({
    entry: { kind: 'group', tasks: 12 },
    items: { test: 12 * SUBJECT_ITEMS, calibration: 12 * SUBJECT_ITEMS },
  });
  expect(await engine.call('harness.look', { name: 'humaneval' })).toMatchObject({ entry: { runsPrograms: true } });
  const elsewhere = await engine.call('harness.look', { name: 'lambada_openai' });
  expect([elsewhere.items, elsewhere.unread]).toEqual([null, expect.stringContaining('does not exist')]);
  await expect(engine.call('harness.look', { name: 'arc_esay' })).rejects.toMatchObject({
    remedy: expect.stringContaining('arc_easy') as string,
  });

  const order = { names: ['arc_easy'], limit: 5 };
  const { imported, failure } = await settled(() => engine.call('harness.import', order));
  expect(failure).toBeNull();
  expect(lines).toContain('arc_easy: building prompts (1 of 1)');
  const tasks = await engine.call('tasks.list', {});
  const made = tasks.find(({ handle }) => handle === imported[0]);
  expect(made).toMatchObject({ name: 'arc_easy', items: { test: 5 }, licence: '' });
  const refused = await settled(() => engine.call('harness.import', { names: ['humaneval'] }));
  expect(refused.failure?.message).toContain('it runs programs that the model writes');
  const stranger = engine.call('harness.import', { names: [path.join(hub.work, 'own.yaml')] });
  await expect(stranger).rejects.toMatchObject({ code: 'invalid-input' });
  // The Hub is not asked where that is forbidden, and the words say so.
  vi.stubEnv('HF_HUB_OFFLINE', '1');
  const asked = hub.requested.length;
  expect((await engine.call('harness.look', { name: 'sciq' })).unread).toContain('HF_HUB_OFFLINE=1 forbids');
  expect(hub.requested).toHaveLength(asked);
});
