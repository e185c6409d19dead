import { calls } from '../../contract/calls.ts';
import { answer, type Answers, type EngineContext } from '../engine-context.ts';

type DeviceCall = 'devices.list' | 'devices.probe' | 'devices.use';

export const deviceCalls = ({ devices, providers, handles, emit }: EngineContext): Pick<Answers, DeviceCall> => ({
  'devices.list': answer(calls['devices.list'], () => [...providers.list(devices.current.provider)]),
  'devices.probe': answer(calls['devices.probe'], ({ provider, again }) => providers.probe(provider, again)),
  'devices.use': answer(calls['devices.use'], async (wanted) => {
    if ('torch' in wanted || wanted.provider !== devices.current.provider) {
      await devices.choose(
        'torch' in wanted ? { ...wanted.torch, python: handles.resolve(wanted.torch.python) } : wanted.provider,
      );
      emit({ type: 'device.changed' });
    }
    return [...providers.list(devices.current.provider)];
  }),
});
