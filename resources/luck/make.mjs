// Records anew how much of a threshold hangs on the calibration items: node resources/luck/make.mjs WORKSPACE
// (README.md beside this file).
import path from 'node:path';
import { recordSweep } from '../record-sweep.mjs';

await recordSweep(path.resolve(import.meta.dirname), [
  ...['sweep', 'uncurl-64', '--task', 'add,bracket,capital,french,german,mood,plural,sort,spanish'],
  ...['--method', 'frequency,reap,uncurl', '--factors', '2,4,8', '--seeds', '0'],
  ...['--calibration-draws', '5', '--calibration-sizes', '30,300'],
]);
