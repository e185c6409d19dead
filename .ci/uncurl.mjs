// npm run uncurl -- VERB ...: the command line from a clone, directly from its TypeScript sources.
import path from 'node:path';
import { becomeChild, ensureInstalled, nodeBinary, nodeEnvironment, nodeOptions, root } from './setup.mjs';

ensureInstalled();
// npm runs scripts in the package's folder, but paths in the arguments are relative to where the command was typed.
const typedIn = process.env.npm_lifecycle_event === 'uncurl' ? process.env.INIT_CWD : undefined;
// Young objects are few: threads that collect them together wait for each other longer than they work.
const options = [...nodeOptions, '--no-parallel-scavenge'];
becomeChild(nodeBinary(), [...options, path.join(root, 'main', 'cli', 'uncurl.ts'), ...process.argv.slice(2)], {
  cwd: typedIn ?? process.cwd(),
  // As in main/contract/allocation.ts, which the program that has no Node yet cannot read.
  env: { MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_MMAP_MAX_: '32768', ...nodeEnvironment() },
});
