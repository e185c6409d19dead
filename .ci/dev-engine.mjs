import { homedir } from 'node:os';
import path from 'node:path';
import { forkCompute } from '../main/compute/start-compute.ts';
import { serveRpc } from '../main/contract/rpc.ts';
import { createEngine } from '../main/engine/engine.ts';
import { defaultWorkspace } from '../main/workspace/open-workspace.ts';
import { root } from './setup.mjs';

// The engine of `npm run dev`: a process that dev-server.mjs restarts when main/ changes. It answers the contract over
// the channel to that process, and releases everything when the channel ends.

const [named] = process.argv.slice(2);
const engine = await createEngine({
  workspace: named === undefined ? defaultWorkspace() : path.resolve(named),
  resources: path.join(root, 'resources'),
  commandLine: 'npm run dev',
  roots: [homedir()],
  offerSample: named === undefined,
  startCompute: forkCompute,
});

const end = async () => {
  await engine.dispose();
  process.exit(0);
};

serveRpc(engine, {
  post: (message) => {
    if (process.connected) process.send(message);
  },
  listen: (received, ended) => {
    process.on('message', received);
    process.on('disconnect', ended);
    return () => {
      process.off('message', received);
      process.off('disconnect', ended);
    };
  },
  close: () => undefined,
});
process.on('disconnect', () => void end());
// The terminal interrupts the whole group, but dev-server.mjs ends this process by its channel.
process.on('SIGINT', () => undefined);
process.send({ type: 'ready' });
