import { serveMcp } from '../../hosts/mcp.ts';
import { withEngine } from '../open-engine.ts';
import { MACHINE_OPTIONS } from '../open-runner.ts';
import { WORKSPACE_OPTION } from '../subjects.ts';
import type { Verb } from '../verb.ts';

export const mcp: Verb = {
  name: 'mcp',
  usage: '[--workspace DIR]',
  summary:
    'The workspace as tools for an agent (Model Context Protocol, over standard input and output): models, tasks, ' +
    'plans, runs, points, comparisons, findings. Reads only.',
  positionals: [0, 0],
  engine: 'It computes nothing of a model, so no engine is chosen.',
  options: { ...WORKSPACE_OPTION, ...MACHINE_OPTIONS },
  run: (reader, host) =>
    withEngine(reader, host, async (engine) => {
      const { version } = await engine.call('engine.facts', {});
      host.say('Waiting for an agent on standard input; Ctrl-C ends.');
      const streams = { input: process.stdin, output: process.stdout };
      await serveMcp(engine, streams, { version, signal: host.signal });
      return null;
    }),
};
