// npm run package (the application's folder) and npm run make (installers), both under out/, for this platform.
import path from 'node:path';
import { ensureBuilt } from './build.mjs';
import { ensureInstalled, nodeBinary, nodeEnvironment, nodeOptions, root, runToEnd } from './setup.mjs';

ensureInstalled();
ensureBuilt();
const node = nodeBinary();
const forge = path.join(root, 'node_modules', '@electron-forge', 'cli', 'dist', 'electron-forge.js');
process.exitCode = runToEnd(node, [...nodeOptions, forge, ...process.argv.slice(2)], { env: nodeEnvironment(node) });
