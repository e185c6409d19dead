import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine } from '../../engine/engine.ts';
import { serveMcp } from '../../hosts/mcp.ts';
import { withEngine } from '../open-engine.ts';
import { HERE_OPTIONS } from '../machine-options.ts';
import { workspaceOf, WORKSPACE_OPTION } from '../subjects.ts';
import { switchOption, type Verb } from '../verb.ts';

export const mcp: Verb = {
  name: 'mcp',
  usage: '[--allow-runs] [--workspace DIR]',
  summary:
    'The workspace as tools for an agent (Model Context Protocol, over standard input and output): models, tasks, ' +
    'plans, runs, points, comparisons, findings. Only reads, unless --allow-runs is given.',
  positionals: [0, 0],
  engine: 'Only sweeps that an agent starts compute, with onnxruntime on the device of --device.',
  options: {
    'allow-runs': switchOption(
      'The agent may also start and cancel sweeps, and export into the folder exports of the workspace; each only ' +
        'after an answer that states the cost.',
    ),
    ...WORKSPACE_OPTION,
    ...HERE_OPTIONS,
  },
  run: async (reader, host) => {
    const mayAct = reader.flag('allow-runs');
    // Loaded on use: an agent that only reads starts no process.
    const startCompute = mayAct ? (await import('../../compute/start-compute.ts')).forkCompute : undefined;
    const serve = async (engine: Engine): Promise<null> => {
      const { version } = await engine.call('engine.facts', {});
      const exports = join(workspaceOf(reader, host), 'exports');
      if (mayAct) await mkdir(exports, { recursive: true });
      const acting = mayAct ? { exports: engine.grantPath(exports) } : null;
      host.say('Waiting for an agent on standard input; Ctrl-C ends.');
      const streams = { input: process.stdin, output: process.stdout };
      await serveMcp(engine, streams, { version, signal: host.signal, acting });
      return null;
    };
    return withEngine(reader, host, serve, startCompute === undefined ? {} : { startCompute });
  },
};
