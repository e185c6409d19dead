// Records anew how long answers end in a pruned model: node resources/endings/make.mjs WORKSPACE
// (README.md beside this file). An interrupted call continues if it is given the same workspace.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { recordSweep, writeRecord } from '../record-sweep.mjs';

const { manifest, folder } = await recordSweep([
  ...['sweep', 'wordy-16', '--task', 'count,working,digits,down'],
  ...['--method', 'frequency,reap', '--factors', '1.33,1.6,2,4,8', '--fidelity'],
]);
await writeRecord(import.meta.dirname, manifest, 'results.json', await readFile(path.join(folder, 'results.json')));
