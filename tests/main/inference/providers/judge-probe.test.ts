import { expect, it } from 'vitest';
import { DEVIATION_LIMIT, providerProbe, type ProbeMeasurement } from '../../../../main/contract/device.ts';
import { judgeProbe } from '../../../../main/inference/providers/judge-probe.ts';

const good: ProbeMeasurement = {
  deviation: 2e-6,
  tokens: 164,
  otherChoices: 0,
  nodes: { total: 200, onCpu: 26 },
  operatorsOnCpu: [{ operator: 'TopK', nodes: 26 }],
  millisecondsPerBlock: 3,
  cpuMillisecondsPerBlock: 9,
  deviceName: null,
};
const judged = (change: Partial<ProbeMeasurement>) =>
  judgeProbe('webgpu', { kind: 'measured', measurement: { ...good, ...change } });

it('accepts a provider that agrees, and reports how much of it ran on the processor', () => {
  expect(judged({})).toMatchObject({ available: true, reason: null, shareOnCpu: 0.13 });
  expect(judged({ deviation: DEVIATION_LIMIT }).available).toBe(true);
});

it.each([
  [{ deviation: 1.1e-3 }, 'deviates from the processor by 1.1e-3'],
  [{ deviation: null }, 'not numbers'],
  [{ otherChoices: 3 }, 'routed 3 of 164 tokens to other experts'],
  [{ nodes: { total: 200, onCpu: 200 } }, 'took none of the 200 nodes'],
])('refuses %j, and says why', (change, reason) => {
  const verdict = judged(change);
  expect(verdict.available).toBe(false);
  expect(verdict.reason).toContain(reason);
  expect(verdict.measurement).not.toBeNull();
});

it('judges half precision by limits of its own, and says where the device has no 16-bit floats', () => {
  const half = (change: Partial<ProbeMeasurement>) =>
    judgeProbe('webgpu-float16', { kind: 'measured', measurement: { ...good, deviation: 6.6e-3, ...change } });
  expect(half({ otherChoices: 8 })).toMatchObject({ available: true, precision: 'float16' });
  expect(half({ otherChoices: 9 }).reason).toContain('routed 9 of 164 tokens to other experts');
  expect(half({ deviation: 2.1e-2 }).reason).toContain('deviates from the processor by 2.1e-2 (at most 2e-2');
  const message =
    'shader_helper.cc:416 GenerateSourceCode Program Cast requires f16 but the device does not support it.';
  expect(judgeProbe('webgpu-float16', { kind: 'failed', message }).reason).toMatch(
    /^The device has no 16-bit floats\. WebGPU in float16 needs 16-bit floats \(shader-f16\)/,
  );
});

it('accepts that everything runs on the processor when it is the provider', () => {
  expect(
    judgeProbe('cpu', { kind: 'measured', measurement: { ...good, nodes: { total: 5, onCpu: 5 } } }).available,
  ).toBe(true);
});

it('leaves the runtime’s source location out of a reason, and states the provider’s needs', () => {
  const message =
    '/src/webgpu_context.cc:136 Context::Initialize(const Config&)::<lambda()> result == Success was false. ' +
    'Failed to get a WebGPU adapter: No supported adapters\n';
  const verdict = judgeProbe('webgpu', { kind: 'failed', message });
  expect(providerProbe.parse(verdict)).toEqual(verdict);
  expect(verdict.reason).toMatch(
    /^Failed to get a WebGPU adapter: No supported adapters\. WebGPU needs a graphics driver/,
  );
});
