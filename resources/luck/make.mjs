// Records anew how much of a threshold hangs on the calibration items: node resources/luck/make.mjs WORKSPACE
// (README.md beside this file). An interrupted call continues if it is given the same workspace.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { recordSweep, writeRecord } from '../record-sweep.mjs';

const { manifest, folder } = await recordSweep([
  ...['sweep', 'uncurl-64', '--task', 'add,bracket,capital,french,german,mood,plural,sort,spanish'],
  ...['--method', 'frequency,reap,uncurl', '--factors', '2,4,8', '--seeds', '0'],
  ...['--calibration-draws', '5', '--calibration-sizes', '30,300'],
]);
await writeRecord(import.meta.dirname, manifest, 'results.json', await readFile(path.join(folder, 'results.json')));
