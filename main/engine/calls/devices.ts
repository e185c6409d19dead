import type { PathHandle } from '../../contract/model.ts';
import { ownPython } from '../../finetune/find-python.ts';
import { torchOrder } from '../../torch/torch-choice.ts';
import { TorchWorkers } from '../../torch/torch-model.ts';
import type { AnswersTo, EngineContext } from '../engine-context.ts';
import type { EnvironmentMaking } from '../environment-making.ts';

export const deviceCalls = (
  { devices, providers, handles, emit, environments, workspace, resources }: EngineContext,
  making: EnvironmentMaking,
): AnswersTo<'devices' | 'python'> => {
  const pythonOf = async (named: PathHandle | null): Promise<string> =>
    named === null ? ownPython(workspace.path, environments) : handles.resolve(named);
  return {
    'devices.list': () => [...providers.list(devices.current.provider)],
    'devices.probe': ({ provider, again }) => providers.probe(provider, again),
    'devices.use': async (wanted, signal) => {
      if ('torch' in wanted || wanted.provider !== devices.current.provider) {
        await devices.choose(
          'torch' in wanted ? { ...wanted.torch, python: await pythonOf(wanted.torch.python) } : wanted.provider,
          signal,
        );
        emit({ type: 'device.changed' });
      }
      return [...providers.list(devices.current.provider)];
    },
    'python.look': async ({ python }) => {
      const order = await torchOrder(
        { python: await pythonOf(python), device: 'cpu', precision: null },
        { resources, threads: 1 },
      );
      const workers = new TorchWorkers(order, { keepsOne: false });
      try {
        return await workers.computedBy();
      } finally {
        await workers.dispose();
      }
    },
    'python.environment': () => making.state(),
    'python.make': () => making.begin(),
    'python.cancel': () => making.cancel(),
  };
};
