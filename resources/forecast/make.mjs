// Records anew the fidelity of chosen answers, to be held against written ones: node resources/forecast/make.mjs
// WORKSPACE (README.md beside this file). An interrupted call continues if it is given the same workspace.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { readings, recordSweep, writeRecord } from '../record-sweep.mjs';

for (const { gates, run } of readings) {
  const { manifest, folder } = await recordSweep([
    // Only the gates of switch-64 depend on the reading.
    ...['sweep', ...(run === 'run' ? ['uncurl-8', 'uncurl-16', 'uncurl-32', 'uncurl-64'] : []), 'switch-64'],
    ...['--task', 'add,bracket,capital,french,german,mood,plural,sort,spanish'],
    ...['--method', 'frequency,reap', '--factors', '1.33,2,4,8', '--fidelity', '--gates', gates],
  ]);
  const results = await readFile(path.join(folder, 'results.json'));
  await writeRecord(import.meta.dirname, manifest, 'results.json', results, run);
}
