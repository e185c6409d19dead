import { readJobLog } from '../../../main/jobs/job-log.ts';
import { readFinding } from '../../../main/workspace/run-store.ts';
import { readRunLabel } from '../../../main/workspace/run-label-file.ts';
import { readSettings } from '../../../main/workspace/settings-file.ts';
import { readWindowBounds } from '../../../electron/window-bounds.ts';
import { type FuzzedParser, ofFile } from './fuzzed-parser.ts';

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const line = { at: '2026-01-01T12:00:00.000Z', kind: 'point', text: 'uncurl-8, sort, reap, x4' };

/** Readers of files that people write beside runs and for every workspace, working in `folderOf(NAME)`. */
export const runParsers = async (folderOf: (name: string) => Promise<string>): Promise<readonly FuzzedParser[]> => [
  await ofFile(
    await folderOf('label'),
    'label of a run',
    'label.json',
    json({ format: 'uncurl-run-label', version: 1, name: 'Mine', note: 'a\nb', tags: ['x'], archived: false }),
    (folder) => readRunLabel(folder),
  ),
  await ofFile(
    await folderOf('log'),
    'log of a run',
    'log.jsonl',
    Buffer.from(`${JSON.stringify(line)}\n${JSON.stringify({ ...line, kind: 'state' })}\n`),
    (folder) => readJobLog('sweep-1', folder),
  ),
  await ofFile(await folderOf('finding'), 'finding of a run', 'verification.json', json({ ok: false }), (folder) =>
    readFinding(folder, { kind: 'verify', state: 'done' }),
  ),
  await ofFile(
    await folderOf('settings'),
    'settings',
    'settings.json',
    json({ theme: 'dark', threads: 3, methods: ['reap'], workspace: '/w', delta: 0.02, notifications: true }),
    (_, file) => readSettings(file),
  ),
  await ofFile(
    await folderOf('window'),
    'bounds of the window',
    'window.json',
    json({ bounds: { x: 1, y: 2, width: 1000, height: 700 }, isMaximized: false }),
    (_, file) => Promise.resolve(readWindowBounds(file)),
  ),
];
