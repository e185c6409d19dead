// Records anew what plans for one task lose on others: node resources/elsewhere/make.mjs WORKSPACE
// (README.md beside this file). An interrupted call continues if it is given the same workspace.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { recordSweep, writeRecord } from '../record-sweep.mjs';

const { manifest, folder } = await recordSweep([
  ...['sweep', 'uncurl-64', 'switch-64', '--task', 'add,bracket,capital,french,german,mood,plural,sort,spanish'],
  ...['--method', 'frequency', '--factors', '2,4,8,16', '--elsewhere'],
]);
await writeRecord(import.meta.dirname, manifest, 'results.json', await readFile(path.join(folder, 'results.json')));
