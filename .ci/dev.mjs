// npm run dev: the workbench in a browser during development. A change of renderer/ is in the page at once, a
// change of main/ restarts the engine (jobs stop and can be resumed), and the page reconnects.
//   npm run dev -- --port N          (default: a free one)
//   npm run dev -- --workspace DIR   (default: UNCURL_WORKSPACE, or the one of the window)
import path from 'node:path';
import { becomeChild, ensureInstalled, nodeBinary, nodeOptions, root } from './setup.mjs';

ensureInstalled();
const server = path.join(root, '.ci', 'dev-server.mjs');
becomeChild(nodeBinary(), [...nodeOptions, server, ...process.argv.slice(2)], { cwd: root });
