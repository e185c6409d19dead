// Records anew the fidelity of chosen answers, to be held against written ones: node resources/forecast/make.mjs
// WORKSPACE (README.md beside this file). An interrupted call continues if it is given the same workspace.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { recordSweep, writeRecord } from '../record-sweep.mjs';

const { manifest, folder } = await recordSweep([
  ...['sweep', 'uncurl-8', 'uncurl-16', 'uncurl-32', 'uncurl-64', 'switch-64'],
  ...['--task', 'add,bracket,capital,french,german,mood,plural,sort,spanish'],
  ...['--method', 'frequency,reap', '--factors', '1.33,2,4,8', '--fidelity'],
]);
await writeRecord(import.meta.dirname, manifest, 'results.json', await readFile(path.join(folder, 'results.json')));
