// Records anew accuracy against bytes of pruned and quantised models: node resources/frontier/make.mjs WORKSPACE
// (README.md beside this file). An interrupted call continues if it is given the same workspace.
import path from 'node:path';
import { readFrontier } from '../../main/runs/read-run.ts';
import { readCheckedSweep } from '../../main/runs/checked-sweep.ts';
import { openRunSource } from '../../main/runs/run-source.ts';
import { openExistingWorkspace } from '../../main/workspace/open-workspace.ts';
import { readings, recordSweep, writeRecord } from '../record-sweep.mjs';

const here = import.meta.dirname;
const tasks = ['add', 'bracket', 'capital', 'french', 'german', 'mood', 'plural', 'sort', 'spanish'];
for (const { gates, run } of readings) {
  const { workspace, manifest } = await recordSweep([
    // Only the gates of switch-64 depend on the reading.
    ...['sweep', ...(run === 'run' ? ['uncurl-64'] : []), 'switch-64'],
    ...['--task', tasks.flatMap((task) => [task, `${task}-written`]).join(','), '--method', 'frequency,reap'],
    ...['--factors', '1.33,2,4', '--weights', 'stored,q8_0,q5_0,q4_0', '--gates', gates],
  ]);
  const source = await openRunSource(await openExistingWorkspace(workspace), path.resolve(here, '..'), {
    state: null,
    isLive: () => false,
  });
  const frontier = await readFrontier(source, await readCheckedSweep(source, manifest));
  if (frontier === null) throw new Error('the sweep has no rounded weights');
  await writeRecord(here, manifest, 'frontier.json', Buffer.from(JSON.stringify(frontier)), run);
}
