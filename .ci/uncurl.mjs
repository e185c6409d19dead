// npm run uncurl -- VERB ...: the command line from a clone, directly from its TypeScript sources.
import path from 'node:path';
import { becomeChild, ensureInstalled, nodeBinary, nodeOptions, root } from './setup.mjs';

ensureInstalled();
// npm runs scripts in the package's folder, but paths in the arguments are relative to where the command was typed.
const typedIn = process.env.npm_lifecycle_event === 'uncurl' ? process.env.INIT_CWD : undefined;
becomeChild(nodeBinary(), [...nodeOptions, path.join(root, 'main', 'cli', 'uncurl.ts'), ...process.argv.slice(2)], {
  cwd: typedIn ?? process.cwd(),
});
