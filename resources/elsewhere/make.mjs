// Records anew what plans for one task lose on others: node resources/elsewhere/make.mjs WORKSPACE
// (README.md beside this file).
import path from 'node:path';
import { recordSweep } from '../record-sweep.mjs';

await recordSweep(path.resolve(import.meta.dirname), [
  ...['sweep', 'uncurl-64', 'switch-64', '--task', 'add,bracket,capital,french,german,mood,plural,sort,spanish'],
  ...['--method', 'frequency', '--factors', '2,4,8,16', '--elsewhere'],
]);
