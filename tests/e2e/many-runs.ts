import { chmod, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { RunManifest } from '../../main/contract/run.ts';
import type { RunKind } from '../../main/contract/run-kinds.ts';

const KINDS: readonly RunKind[] = ['sweep', 'profile', 'export', 'verify'];

const manifestOf = (index: number): RunManifest => {
  const kind = KINDS[index % KINDS.length] ?? 'sweep';
  const at = new Date(Date.UTC(2026, 0, 1, 8, 0, 0) + index * 3_700_000);
  const number = String(index).padStart(3, '0');
  const model = `model-${String(index % 30).padStart(2, '0')}`;
  return {
    id: `${kind}-20260101-${number}`,
    kind,
    title: `${kind} ${number} of ${model}`,
    createdAt: at.toISOString(),
    finishedAt: new Date(at.getTime() + (1 + (index % 50)) * 60_000).toISOString(),
    state: index % 17 === 5 ? 'failed' : 'done',
    error: index % 17 === 5 ? 'The disk was full.' : null,
    spec: {},
    models: [{ name: model, path: `/nowhere/${model}`, fingerprint: 'f' }],
    tasks: [{ name: `task-${index % 9}`, path: '/nowhere/task', hash: 'h' }],
    versions: {},
    device: { provider: 'cpu', precision: 'float32', threads: 2, processor: 'test' },
    commandLine: `uncurl ${kind}`,
    output: null,
  };
};

/** Creates runs that have only a manifest; every fourth is a verification that found a difference. */
export const putRuns = async (workspace: string, count: number): Promise<void> => {
  for (let index = 0; index < count; index += 1) {
    const manifest = manifestOf(index);
    const folder = path.join(workspace, 'runs', manifest.id);
    await mkdir(folder, { recursive: true });
    // The window's engine runs as another user.
    await chmod(folder, 0o777);
    await writeFile(path.join(folder, 'manifest.json'), JSON.stringify(manifest));
    if (manifest.kind === 'verify')
      await writeFile(path.join(folder, 'verification.json'), JSON.stringify({ ok: false, problems: ['differs'] }));
  }
  await chmod(path.join(workspace, 'runs'), 0o777);
};
