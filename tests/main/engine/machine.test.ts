import { totalmem } from 'node:os';
import { afterEach, expect, test, vi } from 'vitest';
import { defaultMemoryBudgetBytes, machineMemoryBytes, MEMORY_SHARE } from '../../../main/engine/machine.ts';

afterEach(() => vi.restoreAllMocks());

test('weights get a share of the memory that this process may use, which a container may limit', () => {
  const limit = vi.spyOn(process, 'constrainedMemory');
  // Nothing given, and a system without a limit.
  for (const none of [0, 2 ** 64]) {
    limit.mockReturnValue(none);
    expect(machineMemoryBytes()).toBe(totalmem());
  }
  limit.mockReturnValue(2 ** 20);
  expect(machineMemoryBytes()).toBe(2 ** 20);
  expect(defaultMemoryBudgetBytes()).toBe(Math.floor(2 ** 20 * MEMORY_SHARE));
});
