// npm run docs: writes every table and sentence that README and resources/docs quote from recorded runs, from the
// records.
import path from 'node:path';
import { becomeChild, ensureInstalled, nodeBinary, nodeOptions, root } from './setup.mjs';

ensureInstalled();
becomeChild(nodeBinary(), [...nodeOptions, path.join(root, 'tests', 'structure', 'recorded-tables.ts'), '--write'], {
  cwd: root,
});
