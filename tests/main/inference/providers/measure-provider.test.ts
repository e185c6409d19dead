import { expect, it } from 'vitest';
import {
  addPlacements,
  measureProvider,
  readPlacement,
} from '../../../../main/inference/providers/measure-provider.ts';
import { Session } from '../../../../main/inference/session.ts';
import { temporaryFolder } from '../../workspace/temporary-folder.ts';

it('finds that the processor agrees with itself and runs every node', async () => {
  const measurement = await measureProvider('cpu', await temporaryFolder());
  expect(measurement).toMatchObject({ deviation: 0, otherChoices: 0 });
  expect(measurement.tokens).toBeGreaterThanOrEqual(64);
  expect(measurement.nodes.onCpu).toBe(measurement.nodes.total);
  expect(measurement.operatorsOnCpu.find(({ operator }) => operator === 'Gemm')?.nodes).toBeGreaterThan(3 * 24);
  expect(measurement.millisecondsPerBlock).toBeGreaterThan(0);
});

it('counts nodes once however often they ran, and copies never', () => {
  const event = (operator: string, index: number, provider: string): object => ({
    cat: 'Node',
    args: { op_name: operator, node_index: String(index), provider },
  });
  const events = [
    { cat: 'Session', args: {} },
    event('Gemm', 1, 'WebGpuExecutionProvider'),
    event('TopK', 2, 'CPUExecutionProvider'),
    event('MemcpyToHost', 3, 'WebGpuExecutionProvider'),
    event('Range', 4, 'CPUExecutionProvider'),
    event('TopK', 5, 'CPUExecutionProvider'),
  ];
  const placement = readPlacement(JSON.stringify([...events, ...events]));
  expect(placement).toEqual({
    nodes: { total: 4, onCpu: 3 },
    operatorsOnCpu: [
      { operator: 'TopK', nodes: 2 },
      { operator: 'Range', nodes: 1 },
    ],
  });
  expect(addPlacements([placement, placement])).toEqual({
    nodes: { total: 8, onCpu: 6 },
    operatorsOnCpu: [
      { operator: 'TopK', nodes: 4 },
      { operator: 'Range', nodes: 2 },
    ],
  });
});

it('refuses a provider that this build of the runtime lacks, instead of running on another', async () => {
  const absent = process.platform === 'darwin' ? 'directml' : 'coreml';
  const opened = Session.open('nothing', new Uint8Array(), {
    threads: 1,
    externalRoot: '/',
    weights: 'resident',
    provider: absent,
  });
  await expect(opened).rejects.toMatchObject({ code: 'provider-absent', kind: 'refused' });
});
